#!/usr/bin/env bash
# Write <work-dir>/exp/RESULTS, the phone error rates of the GMM-HMM and the ConvNet on dev and test, and print it.
#
# Usage: local/results.sh <work-dir>
#  e.g.: local/results.sh .
# <work-dir> is the --dir of run.sh. Reads data/asr/corpus and what local/score.sh left in exp/{mono,asr}/decode_{dev,test}.
# Kaldi's %WER lines; below each as comments the 95 % interval by bootstrap over speakers, sclite's count where sclite is
# installed, and the lenient count. A set that was not decoded is marked as missing.
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 1 ] || die "expected <work-dir>, got $# arguments; see $0 --help"
python "$here/local/results.py" "$1"
