#!/usr/bin/env bash
# shellcheck disable=SC2086 # cmd, train_opts and compute_opts are lists of words
# The SER branch: from a corpus of emotional speech to the network of every fold and its errors (stages 9 and 10). Also for
# another task whose classes are those of utterances.
#
# Usage: recipe/ser.sh [options] <corpus> <corpus-dir>
#        recipe/ser.sh --task <task> [options]
#  e.g.: recipe/ser.sh --dir work/emodb emodb /corpora/EmoDB
#        recipe/ser.sh --dir work/emodb --task gender
#        recipe/ser.sh --dir work/emodb --task accent --task-data /corpora/accents
# <corpus> is iemocap, emodb, cremad, ravdess, savee, emovo, demo: speech by a synthesiser, made in <corpus-dir>, or data: a Kaldi
# data directory of your own with utt2emotion. <task> is one that local/tasks declares, from speech that stage 9 or 1 has
# prepared. Ends with exp/<task>/summary.txt: mean over folds, each fold, and all folds pooled.
# Rerun to continue what was stopped; delete an output to have it made again, and what was made from it too.
#
# Options, given as --name value:
dir=.                             # data, data_fbank and exp lie here
task=ser                          # or one of local/tasks: gender, of the SER corpus; gender-asr, of the ASR corpus; dialect; …
stage=9                           # integer in 9..10: first stage to run
stop_stage=10                     # integer in 9..10: last stage to run
only_check=false                  # true: only see whether what is there was made with these options
only_corpus=false                 # true: of stage 9 only prepare the corpus, and see whether there can be such folds
nj=2                              # integer >= 1: parallel jobs of stage 9
cmd=                              # how jobs run; default: see cmd.sh
task_data=                        # for a task of your own: see local/own_task.py
allow_partial=false               # true: go on with a part of the corpus
emotions=paper                    # of emodb and its like: the four of the paper, or all; paper+calm: of ravdess
leave_out=speaker                 # for the test: one speaker at a time, as in the paper; session; 9 speakers; sentence: see local/make_folds.py
draw=1                            # integer >= 0: another number draws other groups of speakers and halves of the sentences
dev_speakers=                     # for early stopping, never for training; default: those of local/*_data.py
folds=0                           # integer >= 0: train only the first so many; 0: all
nnet_config=conf/paper/ser.conf   # options of asrser_nn train: the network and the method
train_opts=                       # further ones, such as "--seed 2"; they win
jobs=1                            # integer >= 1: training jobs, each of which takes folds until none is left; more for a cluster
together=0                        # integer >= 0: networks that a job trains at the same time; 0: what threads and memory allow
compute_opts=                     # options of every asrser_nn command, such as "--device cuda"
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"
. "$here/utils/stages.sh"

name=${task^^} corpus='' corpus_dir='' speech='' alignments=''
if [ "$task" = ser ]; then
  [ $# -eq 2 ] || die "expected <corpus> <corpus-dir>, got $# arguments; see $0 --help"
  corpus=$1 corpus_dir=$(one_name "$2")
  [[ $corpus_dir != *[[:cntrl:]]* ]] || die "$(printf %q "$corpus_dir"): a line break cannot stand in Kaldi's tables; choose another path"
  [ -d "$corpus_dir" ] || [ "$corpus" = demo ] || die "no such corpus: there is no folder $corpus_dir"
  kind=$corpus
  case $corpus in
    demo) kind=iemocap prepare=("$here/local/iemocap_data.sh") ;;
    iemocap | emodb | cremad | ravdess | savee | emovo) prepare=("$here/local/${corpus}_data.sh") ;;
    data) kind=ser-data prepare=("$here/local/ser_data.sh") ;;
    *) die "the corpus is iemocap, emodb, cremad, ravdess, savee, emovo, demo or data, not '$corpus'" ;;
  esac
  prepare+=(--allow-partial "$allow_partial")
  case $corpus-$emotions in
    iemocap-paper | demo-paper | data-paper) ;;
    iemocap-* | demo-* | data-*) die "--emotions $emotions: of $corpus there are only those of the paper, or your own" ;;
    *-paper | *-all | ravdess-paper+calm) prepare+=(--emotions "$emotions") ;;
    *) die "--emotions is paper or all$([ "$corpus" != ravdess ] || echo ', or paper+calm'), not '$emotions'" ;;
  esac
elif [ -n "$task_data" ]; then
  [ $# -eq 0 ] || die "unexpected argument: $1"
  [ -d "$task_data" ] || die "--task-data: no such folder: $task_data"
  [[ $task =~ ^[a-z][a-z_]*$ ]] || die "--task $task: the name of a task of your own is of small letters"
  [[ ! $task =~ ^(asr|demo_.*|hybrid|lang|log|mono.*|random|report|seed.*|transfer|words)$ ]] ||
    die "--task $task: what a work directory has for other things cannot be the name of a task"
  corpus=own corpus_dir=$(one_name "$task_data") kind=task-data dev_speakers='' emotions=paper
  prepare=(python "$here/local/own_task.py" --allow-partial "$allow_partial")
else
  [ $# -eq 0 ] || die "unexpected argument: $1; the speech of --task $task is that which stages 1 and 9 have prepared"
  speech=$(python "$here/local/declare_task.py" --corpus "$task") || exit 1
  prepare=(python "$here/local/${task%-*}_task.py") corpus_dir=$dir/data/$speech
  # The ASR corpus has train, dev and test of its own, and silences that are known from its transcripts.
  [ "$speech" != asr ] || leave_out=speaker draw=1 dev_speakers='' folds=0 alignments=$(echo "$dir"/exp/mono_ali_{train,dev,test})
fi
[[ $leave_out =~ ^((speaker|session|[1-9][0-9]*)(,sentence)?|sentence)$ ]] ||
  die "--leave-out is speaker, session or a number of speakers, each also with ',sentence', or sentence; not '$leave_out'"
nnet_config=$(find_config "$nnet_config")
network=$(network_facts "$name" --config "$nnet_config" $train_opts $compute_opts) || exit 1
data=$dir/data/$task fbank=$dir/data_fbank/$task exp=$dir/exp/$task folds_dir=$dir/exp/$task/folds

# Of other tasks the folds are recorded under names of their own.
folds_group=folds of_task=
[ "$task" = ser ] || folds_group=${task}_folds of_task=" ($name)"

what_is_made_with_what() {
  local files dev conf=$here/conf
  if [ -n "$corpus" ]; then
    files=$(corpus_files "${task}_corpus")
    made_with 9 "${task}_corpus" "data/$task" '' "$name corpus: $corpus $corpus_dir" "files of the $name corpus: $files" \
      "a part of the $name corpus will do: $allow_partial" "$([ "$emotions" = paper ] || echo "emotions: $emotions")"
  else
    made_with 9 "${task}_corpus" "data/$task" "${speech}_corpus"
  fi
  made_with 9 "${task}_frames" "data_fbank/$task" "${task}_corpus${alignments:+ ali}" "conf/mfcc_vad.conf: $(options_in "$conf/mfcc_vad.conf")" \
    "conf/vad.conf: $(options_in "$conf/vad.conf")" "conf/fbank.conf: $(options_in "$conf/fbank.conf")" \
    "Kaldi programs: $programs"
  dev=$(tr ', \t' '\n' <<<"${dev_speakers:-$(cat "$data/dev_speakers" 2>/dev/null || echo '?')}" | sort -u | paste -sd ' ')
  made_with 9 "$folds_group" "exp/$task/folds" "${task}_frames" "left out for the test$of_task: $(left_out)" \
    "speakers for early stopping$of_task: ${dev# }"
  check_folds
  made_with 10 "${task}_networks" "exp/$task/fold_* exp/$task/summary.txt" "$folds_group" "$network"
}

# left_out: as a fact; what is drawn depends on the draw
left_out() {
  case $leave_out in
    speaker | session) echo "one $leave_out" ;;
    sentence) echo "speaker,sentence, draw $draw" ;;
    *) echo "$leave_out, draw $draw" ;;
  esac
}

# Stage 9 says which folds are trained, and may say it again with a smaller or larger number.
folds_options=(--leave-out "$leave_out" --draw "$draw" --dev-speakers "$dev_speakers" --folds "$folds")
check_folds() {
  [ "$stage" -gt 9 ] && [ -f "$folds_dir/list" ] || return 0
  local wanted
  wanted=$(python "$here/local/make_folds.py" --dry-run "${folds_options[@]}" "$fbank" "$folds_dir") || exit 1
  [ "$wanted" = "$(<"$folds_dir/list")" ] ||
    die "$folds_dir/list has $(wc -l <"$folds_dir/list") folds, others than --folds $folds asks for; run with --stage 9"
}

prepare_corpus() {
  [ -z "$corpus" ] || list_corpus_files "${task}_corpus"
  "${prepare[@]}" "$corpus_dir" "$data"
}

begin_stages
keep_programs_loaded

# audit <fold>: what is in train, dev and test; fails if they share a speaker or an utterance
audit() {
  python "$here/utils/audit_split.py" "$folds_dir/$1"/{train,dev,test} >"$folds_dir/$1/split.tmp" ||
    { rm -f "$folds_dir/$1/split.tmp"; exit 1; }
  mv "$folds_dir/$1/split.tmp" "$folds_dir/$1/split"
}

# sum_up: the figures of all folds together
sum_up() {
  local paper=--no-paper
  [ "$(paste -sd ' ' "$fbank/classes")" != "anger happiness sadness neutral silence" ] || paper=--paper
  asrser_nn summary $paper --title "$(<"$data/corpus"), ${nnet_config#"$asrser_root/"}" "$exp/summary" "$exp/runs" >"$exp/summary.log"
}

look_at_corpus() {
  if [ "$corpus" = demo ] && [ ! -e "$corpus_dir/README.demo" ]; then
    begin_work
    python "$here/local/demo_ser.py" "$corpus_dir"
    what_is_made_with_what
  fi
  [ -n "$corpus" ] || needs "$([ "$speech" = asr ] && echo 1 || echo 9)" "$corpus_dir/corpus"
  once "${task}_corpus" "$data/corpus" prepare_corpus
  what_is_made_with_what   # the speakers for early stopping are known now
  python "$here/local/make_folds.py" --dry-run "${folds_options[@]}" "$data" "$folds_dir" >/dev/null   # before the features
}
if $only_corpus; then
  [ -e "$data/corpus" ] || echo "The $name corpus first: what is wrong with it is better known before the work on others"
  look_at_corpus
  exit
fi

[ "$task" = ser ] && speech_of='emotional speech' || speech_of=$name
if stage 9 "$speech_of: labels, voice activity, filterbanks and folds"; then
  look_at_corpus
  [ -e "$data/labels.scp" ] || rm -f "$fbank/labels.scp"   # the labels themselves lie beside the corpus
  for x in $alignments; do needs 5 "$x/final.mdl"; done
  once "${task}_frames" "$fbank/labels.scp" "$here/local/ser_frames.sh" --nj "$nj" --cmd "$cmd" --alignments "$alignments" \
    --lang "$dir/data/lang" "$data" "$fbank"
  record "$folds_group" "$folds_dir/list"
  python "$here/local/make_folds.py" "${folds_options[@]}" "$fbank" "$folds_dir"
  for fold in $(<"$folds_dir/list"); do once "$folds_group" "$folds_dir/$fold/split" audit "$fold"; done
  echo "fold $fold:"
  cat "$folds_dir/$fold/split"
fi

if stage 10 "$([ "$task" = ser ] || echo "$name ")ConvNet of every fold, and its errors"; then
  needs 9 "$folds_dir/list"
  for fold in $(<"$folds_dir/list"); do
    needs 9 "$folds_dir/$fold/split"
    record "${task}_networks" "$exp/fold_$fold"/{final.pt,run.json}
    [[ -f $exp/fold_$fold/run.json && $exp/summary.txt -nt $exp/fold_$fold/run.json ]] || rm -f "$exp/summary.txt"
  done
  python "$here/local/declare_task.py" "$dir" "$task"
  python "$here/local/list_runs.py" --layers none --nnet-config "$nnet_config" "$dir" "$task" -- $train_opts $compute_opts >"$exp/runs.tmp"
  if [ -f "$exp/summary.txt" ] && cmp -s "$exp/runs.tmp" "$exp/runs"; then   # complete, if the data are still the same
    asrser_nn grid --device cpu "$exp/runs.tmp" 2>"$exp/log/check.log" || die "$(tail -n 1 "$exp/log/check.log")"
  else
    train_runs "$jobs" "$exp/log/train.JOB.log" --together "$together" $compute_opts "$exp/runs.tmp"
    rm -f "$exp/summary.txt"
  fi
  mv "$exp/runs.tmp" "$exp/runs"
  once "${task}_networks" "$exp/summary.txt" sum_up
  sed '/^fold /,$d' "$exp/summary.txt"
  echo "Every fold and the confusions: $exp/summary.txt"
fi
end_stages
