#!/usr/bin/env bash
# shellcheck disable=SC2086 # options are lists of words
# Find the best path of each utterance of a data directory through a graph, with a GMM-HMM, at one or more acoustic scales.
#
# Usage: steps/decode_best_path.sh [options] <graph-dir> <data-dir> <decode-dir>
#  e.g.: steps/decode_best_path.sh exp/mono/graph data/asr/dev exp/mono/decode_dev
# Reads <graph-dir>/HCLG.fst, feats.scp and cmvn.scp of <data-dir>, and final.mdl, cmvn_opts and delta_opts from the
# directory that <decode-dir> lies in. Writes <decode-dir>/scale_<s>/words.txt for each scale: "<utt> <word as integer> …".
# No lattices: with a phone bigram the best path takes hundredths of real time, so that each scale gets a search of its own.
#
# Options, given as --name value:
nj=4               # integer >= 1: parallel jobs
cmd=               # how jobs run; default: see cmd.sh
scales="0.08 0.1 0.12 0.15 0.2 0.25 0.3 0.4 0.5 0.7 1.0"   # numbers > 0: weights of the frame scores against the graph
beam=13.0          # number > 0: paths worse than the best by more than this are dropped
max_active=7000    # integer >= 21: most paths alive at a time
max_lost=0.05      # number in 0..1: fail if more than this part of the utterances is not decoded
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/utils/tables.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -eq 3 ] || die "expected <graph-dir> <data-dir> <decode-dir>; see $0 --help"
graph=${1%/} data=${2%/} dir=${3%/}
model_dir=$(dirname "$dir")
for f in "$graph"/{HCLG.fst,words.txt} "$data"/{feats.scp,cmvn.scp,utt2spk} "$model_dir/final.mdl"; do
  [ -f "$f" ] || die "no such file: $f"
done
"$here/utils/split_data.sh" "$data" "$nj"
split=$data/split$nj
mkdir -p "$dir/log" || die "cannot write into $dir"
remove_scores "$dir"
rm -rf "$dir"/{scale_*,scales.tmp}
remove_parts "$dir/feats.JOB.ark" "$dir/log/feats.JOB.log"
cmvn_opts='' delta_opts=''
[ ! -e "$model_dir/cmvn_opts" ] || cmvn_opts=$(cat "$model_dir/cmvn_opts")
[ ! -e "$model_dir/delta_opts" ] || delta_opts=$(cat "$model_dir/delta_opts")

job_cmd=$(cmd_for "$data" 85) # seconds of a search for an hour of speech
$job_cmd JOB=1:"$nj" "$dir/log/feats.JOB.log" \
  apply-cmvn $cmvn_opts --utt2spk=ark:"$split/JOB/utt2spk" scp:"$split/JOB/cmvn.scp" scp:"$split/JOB/feats.scp" ark:- \| \
  add-deltas $delta_opts ark:- ark:"$dir/feats.JOB.ark"

# They get their names together, when all are there: local/score.sh takes every scale that it finds.
scales_dir=$dir/scales.tmp
for scale in $scales; do
  mkdir -p "$scales_dir/scale_$scale"
  $job_cmd JOB=1:"$nj" "$dir/log/decode_$scale.JOB.log" \
    gmm-decode-faster --acoustic-scale="$scale" --beam="$beam" --max-active="$max_active" --allow-partial=true \
    "$model_dir/final.mdl" "$graph/HCLG.fst" ark:"$dir/feats.JOB.ark" ark,t:"$scales_dir/scale_$scale/words.JOB"
  "$here/utils/join_parts.sh" --max-lost "$max_lost" --what "COUNT utterances of $data decoded" \
    --log "$dir/log/decode_$scale.*.log" "$data/utt2spk" "$scales_dir/scale_$scale/words" "$nj"
done
mv "$scales_dir"/scale_* "$dir/"
rmdir "$scales_dir"
rm "$dir"/feats.*.ark
