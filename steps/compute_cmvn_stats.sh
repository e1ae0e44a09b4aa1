#!/usr/bin/env bash
# Sum up the features of each speaker, for mean and variance normalisation.
#
# Usage: steps/compute_cmvn_stats.sh <data-dir> [<log-dir> [<cmvn-dir>]]
#  e.g.: steps/compute_cmvn_stats.sh data/asr/train exp/make_mfcc/train mfcc
# Reads feats.scp and spk2utt; writes cmvn.scp into the data directory, the sums to <cmvn-dir> (default: <data-dir>/data),
# the log to <log-dir> (default: <data-dir>/log). A speaker without features gets no sums, and the step says so.
# End options
set -eu -o pipefail
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[[ $# -ge 1 && $# -le 3 ]] || die "expected <data-dir> [<log-dir> [<cmvn-dir>]]; see $0 --help"
data=${1%/} log_dir=${2:-$1/log} cmvn_dir=${3:-$1/data}
for f in feats.scp spk2utt; do [ -s "$data/$f" ] || die "no such file, or an empty one: $data/$f"; done
mkdir -p "$log_dir" "$cmvn_dir" || die "cannot write into $log_dir and $cmvn_dir"
cmvn=$(cd "$cmvn_dir" && pwd)/cmvn_$(basename "$data") log=$log_dir/cmvn_$(basename "$data").log

compute-cmvn-stats --spk2utt=ark:"$data/spk2utt" scp:"$data/feats.scp" ark,scp:"$cmvn.ark,$cmvn.scp" 2>"$log" ||
  die "no sums for $data: $(tail -n 1 "$log"); see $log"

wanted=$(wc -l <"$data/spk2utt") made=$(wc -l <"$cmvn.scp")
[ "$made" -eq "$wanted" ] || warn "sums for $made of $wanted speakers in $data; see $log"
cp "$cmvn.scp" "$data/cmvn.scp.tmp"
mv "$data/cmvn.scp.tmp" "$data/cmvn.scp"
