#!/usr/bin/env bash
# The SER branch: from a corpus of emotional speech to the network of every fold and its errors (stages 9 and 10).
#
# Usage: recipe/ser.sh [options] <corpus> <corpus-dir>
#  e.g.: recipe/ser.sh emodb ../shared/data/emodb
#        recipe/ser.sh --dir work/iemocap iemocap /corpora/IEMOCAP_full_release
# <corpus> is iemocap (also the demo), emodb, or data: a Kaldi data directory of your own with utt2emotion.
# Ends with exp/ser/summary.txt: mean over folds, each fold, and all folds pooled. Rerun to continue what was stopped.
#
# Options, given as --name value:
dir=                              # data, data_fbank and exp lie here; default: the checkout
stage=9                           # first stage to run: 9 the data, 10 the networks
stop_stage=10                     # last stage to run
nj=4                              # parallel jobs of stage 9
cmd=                              # how jobs run; default: see cmd.sh
allow_partial=false               # true: go on with a part of the corpus
leave_out=speaker                 # for the test, one speaker at a time, as in the paper, or one session: stricter
dev_speakers=                     # for early stopping, never for training; default: IEMOCAP session 5, EmoDB 15 16
folds=0                           # train only the first so many; 0: all
nnet_config=conf/paper/ser.conf   # options of asrser_nn train: the network and the method
nnet_opts=                        # further ones, such as "--seed 2"; they win
# End options
set -eu -o pipefail
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -eq 2 ] || die "expected <corpus> <corpus-dir>, got $# arguments; see $0 --help"
corpus=$1 corpus_dir=${2%/}
case $corpus in
  iemocap | emodb) prepare=$here/local/${corpus}_data.sh ;;
  data) prepare=$here/local/ser_data.sh ;;
  *) die "the corpus is iemocap, emodb or data, not '$corpus'" ;;
esac
[ -d "$corpus_dir" ] || die "no such corpus: there is no folder $corpus_dir"
dir=${dir:-$here}
data=$dir/data/ser fbank=$dir/data_fbank/ser exp=$dir/exp/ser

if [ "$stage" -le 9 ] && [ "$stop_stage" -ge 9 ]; then
  origin="$corpus $(cd "$corpus_dir" && pwd)"
  if [ ! -f "$data/origin" ]; then
    "$prepare" --allow-partial "$allow_partial" "$corpus_dir" "$data"
    echo "$origin" >"$data/origin"
  fi
  [ "$(cat "$data/origin")" = "$origin" ] ||
    die "$data holds $(cat "$data/origin"), not $origin: use another --dir, or remove $data, $fbank and $exp"
  [ -f "$fbank/labels.scp" ] || "$here/local/ser_frames.sh" --nj "$nj" --cmd "$cmd" "$data" "$fbank"
  python "$here/local/make_folds.py" --leave-out "$leave_out" --dev-speakers "$dev_speakers" --folds "$folds" \
    "$fbank" "$exp/folds"
  while read -r fold; do
    [ ! -f "$exp/folds/$fold/split" ] || continue # a fold never changes
    python "$here/utils/audit_split.py" "$exp/folds/$fold"/{train,dev,test} >"$exp/folds/$fold/split.tmp"
    mv "$exp/folds/$fold/split.tmp" "$exp/folds/$fold/split"
  done <"$exp/folds/list"
  read -r fold <"$exp/folds/list"
  echo "fold $fold:"
  cat "$exp/folds/$fold/split"
fi

if [ "$stage" -le 10 ] && [ "$stop_stage" -ge 10 ]; then
  [ -f "$exp/folds/list" ] || die "no $exp/folds/list; run stage 9 first"
  runs=()
  while read -r fold; do
    [ -f "$exp/folds/$fold/split" ] || die "the split of fold $fold was not audited; run stage 9 again"
    runs+=("$exp/fold_$fold")
  done <"$exp/folds/list"
  "$here/local/list_ser_runs.sh" --nnet-config "$nnet_config" --nnet-opts "$nnet_opts" "$exp/folds" "$exp" \
    >"$exp/runs.tmp"
  mv "$exp/runs.tmp" "$exp/runs"
  show_progress=true $cmd --gpu 1 "$exp/log/train.log" asrser_nn grid "$exp/runs"
  paper=--paper
  [ "$(paste -sd ' ' "$fbank/classes")" = "anger happiness sadness neutral silence" ] || paper=--no-paper
  asrser_nn summary $paper --title "$(cat "$data/corpus"), $nnet_config" "$exp/summary" "${runs[@]}"
fi
