#!/usr/bin/env bash
# shellcheck disable=SC2086 # options are lists of words
# Train a network to tell the states (pdf ids) of aligned frames.
#
# Usage: steps/nnet/train.sh [options] <train-data> <dev-data> <lang-dir> <train-ali> <dev-ali> <exp-dir>
#  e.g.: steps/nnet/train.sh data_fbank/asr/train data_fbank/asr/dev data/lang exp/mono_ali_train exp/mono_ali_dev exp/asr
# Takes the arguments of Kaldi's script of that name, and the alignments of any Kaldi GMM-HMM, triphones included. Reads
# feats.scp of the data directories, final.mdl and ali.*.gz of the alignments; writes what `asrser_nn train` writes (final.pt
# last), and for decoding the transition model as final.mdl, with tree and phones.txt. A killed training continues.
#
# Options, given as --name value:
cmd=                              # how the training runs; default: see cmd.sh
nnet_config=conf/paper/asr.conf   # options of asrser_nn train: the network and the method
nnet_opts=                        # further ones, such as "--device cuda --seed 2"; they win
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/../..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -eq 6 ] || die "expected <train-data> <dev-data> <lang-dir> <train-ali> <dev-ali> <exp-dir>; see $0 --help"
train=${1%/} dev=${2%/} lang=${3%/} train_ali=${4%/} dev_ali=${5%/} dir=${6%/}
[ -f "$nnet_config" ] || [ ! -f "$here/$nnet_config" ] || nnet_config=$here/$nnet_config   # called from another recipe
for f in {"$train","$dev"}/feats.scp {"$train_ali","$dev_ali"}/{final.mdl,num_jobs,ali.1.gz} "$train_ali"/{tree,phones.txt} \
  "$lang/phones.txt" ${nnet_config:+"$nnet_config"}; do
  [ -f "$f" ] || die "no such file: $f"
done
cmp -s "$lang/phones.txt" "$train_ali/phones.txt" || die "$lang and $train_ali have different phones.txt"
cmp -s "$train_ali/final.mdl" "$dev_ali/final.mdl" ||
  die "$train_ali and $dev_ali were aligned with different models, whose pdf ids do not mean the same"
mkdir -p "$dir/log" || die "cannot write into $dir"
log=$dir/log/train.log
if [ -f "$dir/final.mdl" ]; then
  cmp -s "$train_ali/final.mdl" "$dir/final.mdl" || die "$dir holds a network of another GMM-HMM than $train_ali; remove it"
  # A complete network is only compared with what is asked for, and keeps the log of its training.
  [ ! -f "$dir/final.pt" ] || log=$dir/log/check.log
else
  cp "$train_ali"/{tree,phones.txt} "$dir/"
  cp "$train_ali/final.mdl" "$dir/final.mdl.tmp"
  mv "$dir/final.mdl.tmp" "$dir/final.mdl"
fi
num_pdfs=$(hmm-info --print-args=false "$dir/final.mdl" 2>"$dir/log/info.log" | awk '/number of pdfs/ { print $NF }')
[ -n "$num_pdfs" ] || die "$dir/final.mdl: no number of pdfs; see $dir/log/info.log"

show_progress=true $cuda_cmd --gpu "$(num_gpus "$nnet_opts")" "$log" \
  asrser_nn train ${nnet_config:+--config "$nnet_config"} --num-classes "$num_pdfs" $nnet_opts \
  "$train" "ark:$here/utils/ali_to_pdf.sh $train_ali |" "$dev" "ark:$here/utils/ali_to_pdf.sh $dev_ali |" "$dir"
