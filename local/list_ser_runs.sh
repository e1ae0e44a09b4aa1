#!/usr/bin/env bash
# List the trainings of the SER folds, one a line, for `asrser_nn grid`.
#
# Usage: local/list_ser_runs.sh [options] <folds-dir> <exp-dir>
#  e.g.: local/list_ser_runs.sh --nnet-config conf/quick/ser.conf exp/ser/folds exp/ser >exp/ser/runs
# Reads <folds-dir>/list and the classes of each fold. Each run leaves in <exp-dir>/fold_<fold> the network, and for
# dev and test what it gets right (evaluate_PART.json) and takes each utterance for (predictions_PART.txt).
#
# Options, given as --name value:
nnet_config=conf/paper/ser.conf   # options of asrser_nn train: the network and the method
nnet_opts=                        # further ones, such as "--seed 2"; they win
# End options
set -eu -o pipefail
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"

[ $# -eq 2 ] || die "expected <folds-dir> <exp-dir>, got $# arguments; see $0 --help"
folds=${1%/} exp=${2%/}
for f in "$folds/list" "$nnet_config"; do [ -f "$f" ] || die "no such file: $f"; done

while read -r fold; do
  parts=$folds/$fold run=$exp/fold_$fold
  printf '%s\ttrain --config %q%s --class-names %q %q %q %q %q %q' "$run" "$nnet_config" "${nnet_opts:+ $nnet_opts}" \
    "$(paste -sd, "$parts/train/classes")" "$parts"/{train,train,dev,dev} "$run"
  for part in dev test; do
    printf ' ; evaluate --silence-class silence --utt2class %q --json %q --predictions %q %q %q %q' \
      "$parts/$part/utt2emotion" "$run/evaluate_$part.json" "$run/predictions_$part.txt" "$run" "$parts"/{$part,$part}
  done
  echo
done <"$folds/list"
