#!/usr/bin/env bash
# Sum up the features of each speaker, for mean and variance normalisation.
#
# Usage: steps/compute_cmvn_stats.sh [options] <data-dir> [<log-dir> [<cmvn-dir>]]
#  e.g.: steps/compute_cmvn_stats.sh data/asr/train exp/make_mfcc/train mfcc
# Reads feats.scp and spk2utt; writes cmvn.scp into the data directory, the sums to <cmvn-dir> (default: <data-dir>/data),
# the log to <log-dir> (default: <data-dir>/log). A speaker without features gets no sums, and the step says so.
#
# Options, given as --name value:
max_lost=0.05   # number in 0..1: fail if more than this part of the speakers gets no sums
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/utils/tables.sh"
. "$here/path.sh"

[[ $# -ge 1 && $# -le 3 ]] || die "expected <data-dir> [<log-dir> [<cmvn-dir>]]; see $0 --help"
data=${1%/} log_dir=${2:-$1/log} cmvn_dir=${3:-$1/data}
"$here/utils/check_data_dir.sh" --allow-missing true --ignore cmvn.scp "$data" feats.scp
mkdir -p "$log_dir" "$cmvn_dir" || die "cannot write into $log_dir and $cmvn_dir"
cmvn=$(cd "$cmvn_dir" && pwd)/cmvn_$(basename "$data") log=$log_dir/cmvn_$(basename "$data").log

rm -f "$data"/cmvn.scp{,.tmp} "$cmvn".{ark,scp}
compute-cmvn-stats --spk2utt=ark:"$data/spk2utt" scp:"$data/feats.scp" ark,scp:"$cmvn.ark,$cmvn.scp" 2>"$log" ||
  die "no sums for $data: $(tail -n 1 "$log"); see $log"

report_lost "$max_lost" "sums for COUNT speakers in $data" "$data/spk2utt" "$cmvn.scp" "$log"
cp "$cmvn.scp" "$data/cmvn.scp.tmp"
mv "$data/cmvn.scp.tmp" "$data/cmvn.scp"
