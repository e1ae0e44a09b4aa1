#!/usr/bin/env bash
# How far do features travel between speech recognition and speech emotion recognition? The whole study, stage by stage.
#
# Usage: ./run.sh [options]
#  e.g.: ./run.sh
#        ./run.sh --asr-corpus timit --timit /corpora/TIMIT --ser-corpus iemocap --iemocap /corpora/IEMOCAP_full_release
#        ./run.sh --stop-stage 8 --asr-corpus timit --timit restored   # by local/restore_line_ends.py
#        ./run.sh --tasks asr,ser,gender
# Stages:
#   0 set up on first use; what is there and what will be used
#   1 ASR corpus to data directories    8 decoding, phone error rate
#   2 phones, lexicon, bigram           9 SER corpus, voice activity, folds; further tasks
#   3 MFCC                             10 their ConvNet of every fold
#   4 monophone GMM-HMM                11 layers from ASR to SER, and to further tasks
#   5 forced alignment                 12 layers from all of them to ASR
#   6 filterbanks                      13 report
#   7 ASR ConvNet, frame error rate    14 with --hybrid true: networks of both tasks that share layers, and the report with them
# A stage whose outputs are complete is skipped, one that was stopped continues. In the environment, KALDI_ROOT names a
# compiled Kaldi to use, PYTHON an interpreter with this project installed, to use instead of .venv.
#
# Options, given as --name value:
stage=0              # integer in 0..14: first stage to run
stop_stage=14        # integer in 0..14: last stage to run
dir=                 # data, data_fbank and exp lie here; default: this checkout
tasks=               # between which layers go, both ways: asr,ser and others, such as gender, gender-asr, dialect; default: asr,ser
task_data=           # folder of a task of your own, with utt2class: see local/own_task.py; it is the name in --tasks that no other has
doctor=false         # true: only look whether everything needed is here and works
asr_corpus=demo      # demo: made by a synthesiser on the spot; timit (also its sample of NLTK); librispeech; data: your own
timit=               # folder of TIMIT
librispeech=         # folder of LibriSpeech or mini_librispeech, which holds train-clean-5 and the like; needs --lexicon
train_parts=         # of LibriSpeech, such as train-clean-5; default: all that begin with train
dev_parts=           # the same for dev
test_parts=          # the same for test; where only one of dev and test is there, its readers are split between them
asr_data=            # folder of your own Kaldi data directories train, dev and test, with phones for words, or words and --lexicon
lexicon=             # pronunciations of words, in Kaldi's form or CMUdict's; their phones are found by alignment, in stage 1
max_oov=0.05         # number in 0..1: at most this part of the utterances may be left out for words without pronunciation
silence_phone=sil    # what their transcripts call silence; where none has it, it may come between any two phones
ser_corpus=demo      # demo; iemocap; emodb; cremad; ravdess; savee; emovo; data: your own
iemocap=             # folder of IEMOCAP
emodb=               # folder of EmoDB, which holds wav
cremad=              # folder of CREMA-D, which holds AudioWAV
ravdess=             # folder of the speech of RAVDESS, which holds Actor_01 to Actor_24
savee=               # folder of SAVEE, which holds AudioData
emovo=               # folder of EMOVO, which holds f1 to m3
emotions=paper       # paper: anger, happiness, sadness, neutral; all: every one of EmoDB and those after it; paper+calm: of RAVDESS
ser_data=            # your own Kaldi data directory with utt2emotion
allow_partial=false  # true: go on with a part of IEMOCAP, EmoDB or those after it
conf=                # configurations of the networks; default: conf/quick or conf/paper, stage 0 says which and why
folds=               # integer >= 0: train only the first so many SER folds; 0: all; default: as study.conf of the configuration says
leave_out=speaker    # of SER, for the test: one speaker at a time, as in the paper; session; 9 speakers; sentence: see local/make_folds.py
draw=1               # integer >= 0: another number draws other groups of speakers and halves of the sentences
dev_speakers=        # of SER, for early stopping; default: those that local/*_data.py of the corpus names
layers=0,1,2,3,4,5   # integers >= 0: how many of the first layers are held constant, one transfer for each
controls=            # true: for each also layers of the task itself, fitted, and random ones; 3: for these only; default: 3 for the demo, or false
random_draws=2       # integer >= 1: how many random ones for each fold and each seed
hybrid=              # true: also networks of all tasks that share layers and learn together (stage 14); default: true for the demo only
shared_layers=       # how many of the first layers they share, a hybrid for each number; default: 0,3 for the demo, or 0,1,2,3,4,5
hybrid_opts=         # of local/list_hybrids.py, such as "--batchnorm shared"
seeds=1              # integer >= 1: 3: the study with the seeds 1, 2 and 3
nj=2                 # integer >= 1: parallel jobs; the GMM-HMM depends a little on their number
cmd=                 # how jobs run; default: on this machine. With Slurm: "utils/slurm.sh --partition day"; see cmd.sh
cuda_cmd=            # how the jobs of networks run, such as "utils/slurm.sh --partition gpu --num-threads 4"; default: as the others
train_jobs=1         # integer >= 1: training jobs of stages 10 to 14, which share the runs; one for each GPU
together=0           # integer >= 0: networks that such a job trains at the same time; 0: what threads and memory allow
device=auto          # of the networks: auto, cpu or cuda
precision=fp32       # of the networks' products: fp32, tf32 or bf16
threads=0            # integer >= 0: CPU threads of a training job; 0: as many as torch takes
seed=1               # integer >= 0: of the networks' weights, frame order and dropout
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || {
  echo "$0: bash $BASH_VERSION is too old; 4.4 or later is needed" >&2
  exit 1
}
here=$(dirname "$(readlink -f "$0")")
call=./run.sh$([ $# -eq 0 ] || printf ' %q' "$@")
call=${call//\\,/,}
. "$here/utils/parse_options.sh"
[ $# -eq 0 ] || die "unexpected argument: $1; options are given as --name value"
[ "$stage" -le "$stop_stage" ] || die "--stop-stage $stop_stage comes before --stage $stage"
[[ $device =~ ^(auto|cpu|cuda)$ ]] || die "--device is auto, cpu or cuda, not '$device'"
[[ $precision =~ ^(fp32|tf32|bf16)$ ]] || die "--precision is fp32, tf32 or bf16, not '$precision'"
tasks=${tasks:-asr,ser${task_data:+,own}}
[[ $tasks =~ ^[^,]+(,[^,]+)*$ ]] || die "--tasks is a list of names, such as asr,ser,gender, not '$tasks'"
IFS=, read -r -a names <<<"$tasks"
twice=$(printf '%s\n' "${names[@]}" | sort | uniq -d | head -n 1)
[ -z "$twice" ] || die "--tasks $tasks: $twice stands there twice"
dir=${dir:-$here}
. "$here/utils/work_dir.sh"

"$here/utils/setup.sh"
doctor() {
  "$here/utils/doctor.sh" "$@" ${cmd:+--cmd "$cmd"} --cuda-cmd "$cuda_cmd" --dir "$dir" --device "$device" --timit "$timit" --iemocap "$iemocap" --emodb "$emodb" \
    --cremad "$cremad" --ravdess "$ravdess" --savee "$savee" --emovo "$emovo" \
    --librispeech "$librispeech" --asr-data "$asr_data" --ser-data "$ser_data"
}
if $doctor; then
  doctor
  exit
fi

# A folder that is named but not asked for would be ignored.
[ -z "$timit" ] || [ "$asr_corpus" = timit ] || die "--timit is read with --asr-corpus timit, which is '$asr_corpus'"
[ -z "$librispeech" ] || [ "$asr_corpus" = librispeech ] ||
  die "--librispeech is read with --asr-corpus librispeech, which is '$asr_corpus'"
[ -z "$asr_data" ] || [ "$asr_corpus" = data ] || die "--asr-data is read with --asr-corpus data, which is '$asr_corpus'"
for x in iemocap emodb cremad ravdess savee emovo; do
  [ -z "${!x}" ] || [ "$ser_corpus" = $x ] || die "--$x is read with --ser-corpus $x, which is '$ser_corpus'"
done
[ -z "$ser_data" ] || [ "$ser_corpus" = data ] || die "--ser-data is read with --ser-corpus data, which is '$ser_corpus'"

# folder <option> <value>: the folder of a corpus, which must be there
folder() {
  [ -n "$2" ] || die "this corpus needs its folder: $1 DIR"
  [ -d "$2" ] || die "$1: no such folder: $2"
  echo "$2"
}
case $asr_corpus in
  demo) asr_dir=$dir/data/demo_asr ;;
  timit) asr_dir=$(folder --timit "$timit") ;;
  librispeech) asr_dir=$(folder --librispeech "$librispeech") ;;
  data) asr_dir=$(folder --asr-data "$asr_data") ;;
  *) die "--asr-corpus is demo, timit, librispeech or data, not '$asr_corpus'" ;;
esac
case $ser_corpus in
  demo) ser_dir=$dir/data/demo_ser ;;
  iemocap | emodb | cremad | ravdess | savee | emovo) ser_dir=$(folder "--$ser_corpus" "${!ser_corpus}") ;;
  data) ser_dir=$(folder --ser-data "$ser_data") ;;
  *) die "--ser-corpus is demo, iemocap, emodb, cremad, ravdess, savee, emovo or data, not '$ser_corpus'" ;;
esac
. "$here/path.sh"
[ -z "$cuda_cmd" ] || export cuda_cmd # to all scripts
. "$here/cmd.sh"

why="as you asked"
if [ -z "$conf" ]; then
  if [ "$asr_corpus" = demo ]; then
    conf=conf/quick why="the demo is small"
  elif [ "$device" != cpu ] && nvidia-smi >/dev/null 2>&1; then
    conf=conf/paper why="there is a GPU"
  elif [ "$stop_stage" -le 8 ]; then
    conf=conf/paper why="a single network, even without a GPU"
  else
    conf=conf/quick why="no GPU here, and the paper's study is 105 networks"
  fi
fi
[ -f "$conf/asr.conf" ] || [ ! -f "$here/$conf/asr.conf" ] || conf=$here/$conf
# Whose speech the tasks are about, and which are further ones.
declare -A speech=()
further=() needs_asr=false needs_ser=false
own_task=
for t in "${names[@]}"; do
  if [ -n "$task_data" ] && [ ! -f "$here/local/tasks/${t%%-*}.json" ]; then
    [ -z "$own_task" ] || die "--task-data is of one task, but local/tasks declares neither $own_task nor $t"
    own_task=$t
  else
    speech[$t]=$(python "$here/local/declare_task.py" --corpus "$t") || exit 1
    [ "${speech[$t]}" = asr ] && needs_asr=true || needs_ser=true
  fi
  [[ $t =~ ^(asr|ser)$ ]] || further+=("$t")
done
[ -z "$task_data" ] || [ -n "$own_task" ] || die "--task-data: add a name for this task to --tasks $tasks"
[ -z "$task_data" ] || [ -d "$task_data" ] || die "--task-data: no such folder: $task_data"
has_task() { [[ ,$tasks, == *,$1,* ]]; }

for f in asr.conf ser.conf study.conf; do [ -f "$conf/$f" ] || die "--conf: no such file: $conf/$f"; done
folds_of_study=
set_study_option() {
  [ "$1" = folds ] || die "$3no such option of a study: --$1; there is --folds"
  is_of_kind "$2" 'an integer >= 0' '' || die "$3--folds is an integer >= 0, not '$2'"
  folds_of_study=$2
}
read_config "$conf/study.conf" set_study_option
[ -n "$folds_of_study" ] || die "$conf/study.conf: no line --folds=N in it; 0 is all folds"
folds=${folds:-$folds_of_study}

if [ -z "$controls" ]; then
  controls=false
  [[ $asr_corpus$ser_corpus,$layers, != demodemo*,3,* ]] || controls=3
fi

if [ "$asr_corpus$ser_corpus,$tasks" = demodemo,asr,ser ]; then
  hybrid=${hybrid:-true} shared_layers=${shared_layers:-0,3}
fi
hybrid=${hybrid:-false} shared_layers=${shared_layers:-0,1,2,3,4,5}
[[ $hybrid =~ ^(true|false)$ ]] || die "--hybrid is true or false, not '$hybrid'"
common=(--dir "$dir" --cmd "$cmd" --nj "$nj" --compute-opts "--device $device --precision $precision --threads $threads"
  --train-opts "--seed $seed")
# between <first> <last>: the wanted stages among them, as options; fail if there are none
between() {
  local first=$((stage > $1 ? stage : $1)) last=$((stop_stage < $2 ? stop_stage : $2))
  stages=(--stage "$first" --stop-stage "$last")
  [ "$first" -le "$last" ]
}
asr() {
  "$here/recipe/asr.sh" "${common[@]}" "$@" --nnet-config "$conf/asr.conf" --silence-phone "$silence_phone" \
    --lexicon "$lexicon" --max-oov "$max_oov" --train-parts "$train_parts" --dev-parts "$dev_parts" --test-parts "$test_parts" \
    "$asr_corpus" "$asr_dir"
}
# ser [options]: of the task, or with --task of another one
ser() {
  "$here/recipe/ser.sh" "${common[@]}" --nnet-config "$conf/ser.conf" --allow-partial "$allow_partial" --folds "$folds" \
    --emotions "$emotions" --leave-out "$leave_out" --draw "$draw" --dev-speakers "$dev_speakers" --jobs "$train_jobs" \
    --together "$together" "$@"
}
emotions() {
  ser "$@" "$ser_corpus" "$ser_dir"
}
# further_task <task> [options]
further_task() {
  local config=$conf/$1.conf own=()
  [ -f "$config" ] || config=$conf/ser.conf
  [ "$1" != "$own_task" ] || own=(--task-data "$task_data")
  ser --task "$1" "${own[@]}" --nnet-config "$config" "${@:2}"
}
further_tasks() {
  local t
  for t in "${further[@]}"; do further_task "$t" "$@"; done
}
transfer() {
  "$here/recipe/transfer.sh" "${common[@]}" "$@" --tasks "$tasks" --layers "$layers" --controls "$controls" --random-draws "$random_draws" --seeds "$seeds" \
    --hybrid "$hybrid" --shared-layers "$shared_layers" --hybrid-opts "$hybrid_opts" \
    --conf "$conf" --jobs "$train_jobs" --together "$together"
}

# Of a corpus that only further tasks are about no more is done than they need.
asr_last=0 ser_last=8
! $needs_asr || asr_last=5
! has_task asr || asr_last=8
! $needs_ser || ser_last=9
! has_task ser || ser_last=10

# Before any work: what is there must have been made with these options, for transfers in all branches.
[ ! -d "$dir" ] || [ "$stop_stage" -eq 0 ] || lock_work_dir
if between 11 14; then
  [ "$asr_last" -eq 0 ] || asr --stop-stage "$asr_last" --only-check true
  [ "$ser_last" -eq 8 ] || emotions --stage $((stage > 9 && ser_last > 9 ? 10 : 9)) --stop-stage "$ser_last" --only-check true
  further_tasks --stage $((stage > 9 ? 10 : 9)) --only-check true
  transfer "${stages[@]}" --only-check true
else
  ! between 1 "$asr_last" || asr "${stages[@]}" --only-check true
  ! between 9 "$ser_last" || emotions "${stages[@]}" --only-check true
  ! between 9 10 || further_tasks "${stages[@]}" --only-check true
fi

if [ "$stage" -eq 0 ]; then
  # Once thoroughly, and then at a glance.
  quick=false
  [ ! -f "$dir/exp/seconds" ] || quick=true
  doctor --quick "$quick"
  echo "ASR corpus:       $asr_corpus in $asr_dir"
  echo "SER corpus:       $ser_corpus in $ser_dir"
  [ "$tasks" = asr,ser ] || echo "Tasks:            ${tasks//,/, }"
  echo "Configuration:    ${conf#"$here/"} ($why), seed $seed"
  echo "Work directory:   $dir$([ -d "$dir" ] || echo ", new")"
fi
[ "$stop_stage" -gt 0 ] || exit 0

why=$(mkdir -p "$dir" 2>&1) || die "cannot write into $dir (${why##*: }); choose another folder with --dir"
lock_work_dir
# For exp/commands: what was called, and of which commit.
asrser_call="$(git -C "$here" describe --always --exclude '*' --abbrev=40 --dirty=+ 2>/dev/null || echo unknown) $call"
export asrser_call
[ "$stage" -gt 1 ] || [ "$ser_corpus" = demo ] || ! between 9 $((ser_last > 8 ? 9 : 8)) || emotions "${stages[@]}" --only-corpus true
[ "$stage" -gt 1 ] || [ -z "$own_task" ] || ! between 9 9 || further_task "$own_task" "${stages[@]}" --only-corpus true
! between 1 "$asr_last" || asr "${stages[@]}"
! between 9 "$ser_last" || emotions "${stages[@]}"
! between 9 10 || further_tasks "${stages[@]}"
! between 11 14 || transfer "${stages[@]}"
if [ "$asr_corpus$ser_corpus" = demodemo ] && [ "$stop_stage" -ge 13 ]; then
  echo "Next, real speech: ./run.sh --dir real --asr-corpus timit --timit DIR --ser-corpus emodb --emodb DIR, with NLTK's sample of"
  echo "TIMIT, restored, and EmoDB, both free; or TIMIT, IEMOCAP or corpora of your own: README.md says where they are and how."
fi
