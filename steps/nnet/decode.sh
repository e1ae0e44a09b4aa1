#!/usr/bin/env bash
# shellcheck disable=SC2086 # options are lists of words
# Score the frames of a data directory with a network and search the graph for the best paths, at one or more acoustic scales.
#
# Usage: steps/nnet/decode.sh [options] <graph-dir> <data-dir> <decode-dir>
#  e.g.: steps/nnet/decode.sh exp/mono/graph data_fbank/asr/dev exp/asr/decode_dev
# Reads <graph-dir>/HCLG.fst, <data-dir>/feats.scp, and the network (final.pt) and transition model (final.mdl) from the
# directory that <decode-dir> lies in. Writes <decode-dir>/scale_<s>/words.txt for each scale: "<utt> <word as integer> …".
#
# Options, given as --name value:
nj=4               # integer >= 1: parallel jobs of the search, each one a share of the speakers
cmd=               # how jobs run; default: see cmd.sh
scales="0.08 0.1 0.12 0.15 0.2 0.25 0.3 0.4 0.5 0.7 1.0"   # numbers > 0: weights of the frame scores against the graph
beam=13.0          # number > 0: paths worse than the best by more than this are dropped
max_active=7000    # integer >= 21: most paths alive at a time
nnet_opts=         # options of asrser_nn forward, such as "--device cuda"
max_lost=0.05      # number in 0..1: fail if more than this part of the utterances is not decoded
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/../..
. "$here/utils/parse_options.sh"
. "$here/utils/tables.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -eq 3 ] || die "expected <graph-dir> <data-dir> <decode-dir>; see $0 --help"
graph=${1%/} data=${2%/} dir=${3%/}
nnet=$(dirname "$dir")
for f in "$graph"/{HCLG.fst,words.txt} "$data"/{feats.scp,utt2spk,spk2utt} "$nnet"/{final.pt,final.mdl}; do
  [ -f "$f" ] || die "no such file: $f"
done
"$here/utils/check_data_dir.sh" --allow-missing true "$data" feats.scp
mkdir -p "$dir/log" || die "cannot write into $dir"
num_pdfs=$(hmm-info --print-args=false "$nnet/final.mdl" 2>"$dir/log/info.log" | awk '/number of pdfs/ { print $NF }')
[ -n "$num_pdfs" ] || die "$nnet/final.mdl: no number of pdfs; see $dir/log/info.log"
[ ! -f "$graph/num_pdfs" ] || [ "$(cat "$graph/num_pdfs")" = "$num_pdfs" ] ||
  die "$graph is of a model with $(cat "$graph/num_pdfs") pdfs, $nnet/final.mdl has $num_pdfs: take the graph of that model"
[ "$nj" -le "$(wc -l <"$data/spk2utt")" ] ||
  die "cannot give $(wc -l <"$data/spk2utt") speakers of $data to $nj jobs; use a smaller --nj"

# The scores are computed once and kept as a data directory of their own, which is then split like any other.
scores=$dir/loglikes
remove_scores "$dir"
rm -rf "$dir"/{scale_*,scales.tmp} "$scores"
mkdir "$scores"
$cuda_cmd --gpu "$(num_gpus "$nnet_opts")" "$dir/log/forward.log" \
  asrser_nn forward --pseudo-log-likelihoods $nnet_opts "$nnet" "$data" "ark,scp:$scores/feats.ark,$scores/feats.scp"
cp "$data"/{utt2spk,spk2utt} "$scores/"
"$here/utils/split_data.sh" "$scores" "$nj"

# They get their names together, when all are there: local/score.sh takes every scale that it finds.
scales_dir=$dir/scales.tmp
job_cmd=$(cmd_for "$data" 85) # seconds of a search for an hour of speech
for scale in $scales; do
  mkdir -p "$scales_dir/scale_$scale"
  $job_cmd JOB=1:"$nj" "$dir/log/decode_$scale.JOB.log" \
    decode-faster-mapped --acoustic-scale="$scale" --beam="$beam" --max-active="$max_active" --allow-partial=true \
    "$nnet/final.mdl" "$graph/HCLG.fst" scp:"$scores/split$nj/JOB/feats.scp" ark,t:"$scales_dir/scale_$scale/words.JOB"
  "$here/utils/join_parts.sh" --max-lost "$max_lost" --what "COUNT utterances of $data decoded" \
    --log "$dir/log/decode_$scale.*.log" "$data/utt2spk" "$scales_dir/scale_$scale/words" "$nj"
done
mv "$scales_dir"/scale_* "$dir/"
rmdir "$scales_dir"
rm -r "$scores"
