#!/usr/bin/env bash
# shellcheck disable=SC2086 # decode_opts is a list of words
# Phone error rate of a recogniser on dev and test: dev at every acoustic scale, test at the one that was best on dev.
#
# Usage: local/decode_and_score.sh [options] <graph-dir> <text-dir> <feature-dir> <model-dir>
#  e.g.: local/decode_and_score.sh exp/mono/graph data/asr data_fbank/asr exp/asr
# <text-dir> and <feature-dir> hold the data directories dev and test. Writes <model-dir>/decode_{dev,test}, as the decoding
# step and local/score.sh do; a set that has its best_wer is left alone.
#
# Options, given as --name value:
step=steps/nnet/decode.sh              # how to decode; steps/decode_best_path.sh for a GMM-HMM
nj=1                                   # integer >= 1: parallel jobs, no more than there are speakers
cmd=                                   # how jobs run; default: see cmd.sh
decode_opts=                           # further options of the step, such as "--scales 0.2"
nnet_opts=                             # options of asrser_nn forward, for a network, such as "--device cuda"
phone_map=conf/phones.61-48-39.map     # as for local/score.sh
silence_phone=sil                      # as for local/score.sh
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"
. "$here/utils/tables.sh"

[ $# -eq 4 ] || die "expected <graph-dir> <text-dir> <feature-dir> <model-dir>, got $# arguments; see $0 --help"
graph=${1%/} text=${2%/} feats=${3%/} model=${4%/}
for f in "$here/$step" "$graph"/{HCLG.fst,words.txt} "$text"/{dev,test}/text "$feats"/{dev,test}/{feats.scp,spk2utt} \
  ${phone_map:+"$phone_map"}; do
  [ -f "$f" ] || die "no such file: $f"
done
for x in dev test; do
  out=$model/decode_$x best=() scoring=()
  [ ! -f "$out/best_wer" ] || continue
  if [ "$x" = test ]; then
    best=(--scales "$(cat "$model/decode_dev/best_scale")") scoring=(--scale-from "$model/decode_dev")
  fi
  "$here/$step" --nj "$(num_jobs "$feats/$x" "$nj")" --cmd "$cmd" $decode_opts ${nnet_opts:+--nnet-opts "$nnet_opts"} \
    "${best[@]}" "$graph" "$feats/$x" "$out"
  "$here/local/score.sh" --phone-map "$phone_map" --silence-phone "$silence_phone" "${scoring[@]}" "$text/$x" "$graph" "$out" >"$out/log/score.log"
done
