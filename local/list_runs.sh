#!/usr/bin/env bash
# List the runs of the study that train for one task, one a line, for `asrser_nn grid` and for the report.
#
# Usage: local/list_runs.sh [options] <work-dir> <asr|ser>
#  e.g.: local/list_runs.sh --layers 0,3,5 --controls true . ser >exp/transfer/runs.ser
# Reads what stages 1 to 9 of run.sh leave in <work-dir>, exp/ser/folds/list among it; the labels of ASR are
# exp/transfer/pdf.{train,dev,test}.ark. The baselines come first, then layers from the other task: SER -> ASR from every
# fold's network, ASR -> SER for every fold.
# At paper size these are 1 + 8 x 6 runs for ASR and 8 + 8 x 6 for SER.
#
# Options, given as --name value:
layers=0,1,2,3,4,5                    # how many of the first layers are held constant, one transfer for each; or none
controls=false                        # true: also layers from the same task, and random layers that stay as they are
seeds=1                               # integer >= 1: 3: everything with the seeds 1, 2 and 3
nnet_config=                          # options of asrser_nn train; default: conf/paper/asr.conf or ser.conf
nnet_opts=                            # further ones, such as "--max-epochs 2"; they win
# End options
set -eu -o pipefail
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <work-dir> <asr|ser>, got $# arguments; see $0 --help"
work=${1%/} task=$2
data=$work/data_fbank/asr labels=ark:$work/exp/transfer/pdf mono=$work/exp/mono folds_dir=$work/exp/ser/folds
[[ $layers =~ ^([0-9]+(,[0-9]+)*|none)$ ]] || die "--layers is numbers with commas, such as 0,3,5, or none, not '$layers'"
layers=${layers/none/}
[[ $task == asr || $task == ser ]] || die "the task is asr or ser, not '$task'"
nnet_config=${nnet_config:-conf/paper/$task.conf}
for f in "$folds_dir/list" "$nnet_config"; do [ -f "$f" ] || die "no such file: $f"; done
mapfile -t folds <"$folds_dir/list"

# run <dir> <train …|transfer …>: the rest of the line, for the task and, if it is SER, the fold of the loop around it
run() {
  local dir=$1 method=("${@:2}") part seed_opts=()
  [ "$seed" -eq 1 ] || seed_opts=(--seed "$seed")
  printf '%s\t%s ' "$dir" "${method[*]}"
  if [ "$task" = asr ]; then
    # shellcheck disable=SC2086 # nnet_opts is a list of words
    printf '%q ' --config "$nnet_config" --num-classes "$num_pdfs" $nnet_opts "${seed_opts[@]}" \
      "$data/train" "$labels.train.ark" "$data/dev" "$labels.dev.ark" "$dir"
    for part in dev test; do
      printf '; evaluate '
      printf '%q ' --json "$dir/evaluate_$part.json" "$dir" "$data/$part" "$labels.$part.ark"
    done
  else
    local parts=$folds_dir/$fold
    # shellcheck disable=SC2086
    printf '%q ' --config "$nnet_config" --class-names "$(paste -sd, "$parts/train/classes")" $nnet_opts "${seed_opts[@]}" \
      "$parts"/{train,train,dev,dev} "$dir"
    for part in dev test; do
      printf '; evaluate '
      printf '%q ' --silence-class silence --utt2class "$parts/$part/utt2emotion" --json "$dir/evaluate_$part.json" \
        --predictions "$dir/predictions_$part.txt" "$dir" "$parts"/{$part,$part}
    done
  fi
  echo
}

if [ "$task" = asr ]; then
  [ -f "$mono/final.mdl" ] || die "no such file: $mono/final.mdl; run stages 1 to 6 first"
  num_pdfs=$(hmm-info --print-args=false "$mono/final.mdl" 2>/dev/null | awk '/number of pdfs/ { print $NF }')
  [ -n "$num_pdfs" ] || die "hmm-info says no number of pdfs of $mono/final.mdl"
fi

for ((seed = 1; seed <= seeds; seed++)); do
  exp=$work/exp
  [ "$seed" -eq 1 ] || exp=$work/exp/seed$seed
  transfer=$exp/transfer
  if [ "$task" = asr ]; then
    run "$exp/asr" train
    for l in ${layers//,/ }; do
      for fold in "${folds[@]}"; do
        run "$transfer/ser2asr/l$l/fold_$fold" transfer --from "$exp/ser/fold_$fold" --constant-layers "$l"
      done
      $controls || continue
      run "$transfer/asr2asr/l$l" transfer --from "$exp/asr" --constant-layers "$l"
      # no random layer held constant is training from scratch
      [ "$l" -eq 0 ] || run "$transfer/random2asr/l$l" transfer --from random --constant-layers "$l"
    done
  else
    for fold in "${folds[@]}"; do run "$exp/ser/fold_$fold" train; done
    for l in ${layers//,/ }; do
      for fold in "${folds[@]}"; do
        run "$transfer/asr2ser/l$l/fold_$fold" transfer --from "$exp/asr" --constant-layers "$l"
        $controls || continue
        run "$transfer/ser2ser/l$l/fold_$fold" transfer --from "$exp/ser/fold_$fold" --constant-layers "$l"
        [ "$l" -eq 0 ] || run "$transfer/random2ser/l$l/fold_$fold" transfer --from random --constant-layers "$l"
      done
    done
  fi
done
