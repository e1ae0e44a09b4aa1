#!/usr/bin/env bash
# shellcheck disable=SC2086 # cmd and compute_opts are lists of words
# The study: layers transferred both ways between ASR and SER, and the report (stages 11 to 13).
#
# Usage: recipe/transfer.sh [options]
#  e.g.: recipe/transfer.sh --dir work/timit --layers 0,3,5
# Needs both branches (stages 1 to 10). Every run is a directory below exp/transfer (exp/seedN/transfer for other seeds),
# complete or absent; rerun to continue what was stopped. Ends with exp/report/index.html.
#
# Options, given as --name value:
dir=.                               # data, data_fbank and exp lie here
stage=11                            # integer in 11..13: first stage to run
stop_stage=13                       # integer in 11..13: last stage to run
only_check=false                    # true: only see whether what is there was made with these options
nj=2                                # integer >= 1: parallel jobs of decoding
cmd=                                # how jobs run; default: see cmd.sh
layers=0,1,2,3,4,5                  # integers >= 0: how many of the first layers are held constant, one transfer for each
controls=none                       # true, or some of these numbers: for them also layers of the task itself, and random ones
random_draws=2                      # integer >= 1: how many random ones for each fold and each seed
seeds=1                             # integer >= 1: 3: everything with the seeds 1, 2 and 3
asr_nnet_config=conf/paper/asr.conf # options of asrser_nn for ASR: the network and the method
ser_nnet_config=conf/paper/ser.conf # and for SER; the layers must be the same
train_opts=                         # further ones for both; they win
compute_opts=                       # options of every asrser_nn command, such as "--device cuda"
decode_opts=                        # options of steps/nnet/decode.sh, such as "--scales 0.2"
jobs=1                              # integer >= 1: training jobs, each of which takes runs until none is left; more for a cluster
together=0                          # integer >= 0: networks that a job trains at the same time; 0: what threads and memory allow
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"
. "$here/utils/stages.sh"

[ $# -eq 0 ] || die "unexpected argument: $1; see $0 --help"
exp=$dir/exp transfer=$dir/exp/transfer mono=$dir/exp/mono

asr_nnet_config=$(find_config "$asr_nnet_config")
ser_nnet_config=$(find_config "$ser_nnet_config")
asr_network=$(network_facts ASR --config "$asr_nnet_config" $train_opts $compute_opts) || exit 1
ser_network=$(network_facts SER --config "$ser_nnet_config" $train_opts $compute_opts) || exit 1
# option <name> <network>
option() { sed -n "s/^... network, $1: //p" <<<"$2"; }
for x in context channels kernels paddings pools hidden; do
  asr=$(option $x "$asr_network") ser=$(option $x "$ser_network")
  [ "$asr" = "$ser" ] || die "layers cannot be copied: --$x is $asr in $asr_nnet_config, but $ser in $ser_nnet_config"
done
IFS=, read -r -a hidden_layers <<<"$(option channels "$asr_network"),$(option hidden "$asr_network")"
IFS=, read -r -a wanted_layers <<<"$layers"
for l in "${wanted_layers[@]}"; do
  [ "$l" -le ${#hidden_layers[@]} ] ||
    die "--layers $layers: of the $((${#hidden_layers[@]} + 1)) layers at most ${#hidden_layers[@]} can be held constant, not $l"
done
case $controls in
  true) controls=$layers ;;
  none | false) controls=none ;;
  *)
    [[ $controls =~ ^[0-9]+(,[0-9]+)*$ ]] || die "--controls is true, false, or some of --layers, such as 3, not '$controls'"
    IFS=, read -r -a wanted_controls <<<"$controls"
    for l in "${wanted_controls[@]}"; do
      [[ ,$layers, == *,$l,* ]] || die "--controls $controls: $l is not among --layers $layers"
    done
    ;;
esac
twice=$(tr , '\n' <<<"$layers" | sort | uniq -d | head -n 1)
[ -z "$twice" ] || die "--layers $layers: $twice stands there twice"
seed=$(option seed "$asr_network")
[ "$seeds" -eq 1 ] || [ "$seed" -eq 1 ] || die "--seeds $seeds means the seeds 1 to $seeds; leave out the seed $seed"

what_is_made_with_what() {
  local decoded='exp/transfer/*2asr/*/decode_* exp/transfer/*2asr/*/*/decode_*'
  made_with 11 labels 'exp/transfer/pdf.*.ark' ali
  made_with 11 transfer 'exp/transfer exp/seed*' "asr_network ser_networks" "$asr_network" "$ser_network"
  decoded+=" ${decoded//transfer/seed*/transfer} exp/seed*/asr/decode_*"
  made_with 12 transfer_decode "$decoded" "graph transfer" "options of decoding: $decode_opts"
}
begin_stages
keep_programs_loaded

# list <asr|ser> <layers> <list>: the runs of the task
list() {
  local config=${1}_nnet_config
  mkdir -p "$transfer/log"
  python "$here/local/list_runs.py" --layers "$2" --controls "$([ "$2" = none ] && echo none || echo "$controls")" \
    --random-draws "$random_draws" --seeds "$seeds" --nnet-config "${!config}" "$dir" "$1" -- $train_opts $compute_opts >"$3.tmp"
  mv "$3.tmp" "$3"
}

# own_directories <list>: of the runs that are not of stages 7 and 10
own_directories() {
  python -c 'import json, sys; [print(json.loads(line)["directory"]) for line in open(sys.argv[1])]' "$1" |
    grep -Fvx -e "$exp/asr" | grep -Fv -e "$exp/ser/fold_"
}

# train <asr|ser> <layers> <list>: every run of the task that is not complete
train() {
  local run outputs=()
  list "$@"
  for run in $(own_directories "$3"); do outputs+=("$run"/{final.pt,run.json}); done
  record transfer "${outputs[@]}"
  stage_did_work=true
  train_runs "$jobs" "$transfer/log/train_$(basename "$3").JOB.log" --together "$together" $compute_opts "$3"
}

# What all transfers start from: the branches, each frame's pdf id, and the baselines: those of stages 7 and 10, which are only
# looked at and evaluated, and those of further seeds.
prepare() {
  needs 7 "$exp/asr/final.pt"
  needs 9 "$exp/ser/folds/list"
  for fold in $(<"$exp/ser/folds/list"); do needs 10 "$exp/ser/fold_$fold/run.json"; done
  for x in train dev test; do
    needs 5 "${mono}_ali_$x/final.mdl"
    once labels "$transfer/pdf.$x.ark" $short_cmd "$transfer/log/pdf.$x.log" \
      "$here/utils/ali_to_pdf.sh" "${mono}_ali_$x" \> "$transfer/pdf.$x.ark.tmp" \&\& mv "$transfer/pdf.$x.ark.tmp" "$transfer/pdf.$x.ark"
  done
  for task in asr ser; do train "$task" none "$transfer/baselines.$task"; done
}

if stage 11 "layers from ASR to SER"; then
  prepare
  train ser "$layers" "$transfer/runs.ser"
fi

if stage 12 "layers from SER to ASR, phone error rates"; then
  prepare
  train asr "$layers" "$transfer/runs.asr"
  needs 8 "$mono/graph/HCLG.fst" "$exp/asr/decode_test/best_wer"
  python - "$transfer/runs.asr" >"$transfer/todo.decode" <<'END'
import json, os, sys
for line in open(sys.argv[1]):
    run = json.loads(line)
    if not all(os.path.exists(f"{run['directory']}/{decoding}/best_wer") for decoding in run["decodings"]):
        print(run["directory"])
END
  outputs=()
  for run in $(own_directories "$transfer/runs.asr"); do outputs+=("$run"/decode_{dev,test}/best_wer); done
  record transfer_decode "${outputs[@]}"
  todo=$(wc -l <"$transfer/todo.decode")
  if [ "$todo" -gt 0 ]; then
    stage_did_work=true
    echo "  decoding with $todo networks"
    # Only TIMIT's phones are folded for scoring; those of other corpora are scored as they are.
    phone_map=
    [ -z "$(fact_in "$dir/made_with/asr_corpus" "phone map")" ] || phone_map=$here/conf/phones.61-48-39.map
    # final.mdl, the transition model, lies beside a network that is decoded
    while read -r run; do cp "$mono/final.mdl" "$run/"; done <"$transfer/todo.decode"
    $cmd --max-jobs-run "$nj" JOB=1:"$todo" "$transfer/log/decode.JOB.log" \
      "$here/local/decode_and_score.sh" --cmd "$here/utils/run.sh" --phone-map "$phone_map" \
      --silence-phone "$(fact_in "$dir/made_with/lang" "silence phone")" \
      --decode-opts "$decode_opts" --nnet-opts "$compute_opts --threads 1" \
      "$mono/graph" "$dir/data/asr" "$dir/data_fbank/asr" "\$(sed -n JOBp $transfer/todo.decode)"
  fi
fi

if stage 13 "report"; then
  needs 7 "$exp/asr/final.pt"
  needs 9 "$exp/ser/folds/list"
  list ser "$layers" "$transfer/runs.ser"
  list asr "$layers" "$transfer/runs.asr"
  cat "$transfer/runs.asr" "$transfer/runs.ser" >"$transfer/runs"
  stage_did_work=true
  asrser_nn report --about "Kaldi programs" "$kaldi_provider" --about configuration "${asr_nnet_config#"$asrser_root/"}, ${ser_nnet_config#"$asrser_root/"}" \
    "$dir" "$transfer/runs" "$exp/report"
fi
end_stages
