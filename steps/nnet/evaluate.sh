#!/usr/bin/env bash
# shellcheck disable=SC2086 # options are lists of words
# Frame error rate of a network against an alignment.
#
# Usage: steps/nnet/evaluate.sh [options] <data-dir> <ali-dir> <nnet-dir> <out>
#  e.g.: steps/nnet/evaluate.sh data_fbank/asr/dev exp/mono_ali_dev exp/asr exp/asr/fer_dev
# Writes <out>.json, with all figures, and <out>, to be read, whose first line is "%FER <per cent> [ <frames> frames ] <data-dir>".
#
# Options, given as --name value:
cmd=         # how the job runs; default: see cmd.sh
nnet_opts=   # options of asrser_nn evaluate, such as "--device cuda"
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/../..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -eq 4 ] || die "expected <data-dir> <ali-dir> <nnet-dir> <out>; see $0 --help"
data=${1%/} ali=${2%/} nnet=${3%/} out=$4
for f in "$data/feats.scp" "$ali"/{final.mdl,num_jobs,ali.1.gz} "$nnet"/{final.pt,final.mdl}; do
  [ -f "$f" ] || die "no such file: $f"
done
cmp -s "$ali/final.mdl" "$nnet/final.mdl" || die "$ali was aligned with another model than the one $nnet was trained on"
[ -d "$(dirname "$out")" ] || die "no folder $(dirname "$out") for the results"
rm -f "$out"{,.json,.text,.tmp}
trap 'rm -f "$out".{text,tmp}' EXIT

$cuda_cmd --gpu "$(num_gpus "$nnet_opts")" "$nnet/log/evaluate_$(basename "$out").log" \
  asrser_nn evaluate $nnet_opts --json "$out.json" "$nnet" "$data" \
  "ark:$here/utils/ali_to_pdf.sh $ali |" \> "$out.text"
python - "$out.json" "$data" >"$out.tmp" <<'END'
import json, sys
frames = json.load(open(sys.argv[1]))["frames"]
print(f"%FER {frames['error']:.2f} [ {frames['total']} frames ] {sys.argv[2]}")
END
cat "$out.text" >>"$out.tmp"
mv "$out.tmp" "$out"
