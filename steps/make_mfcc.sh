#!/usr/bin/env bash
# Compute the features of a data directory: MFCC when called as make_mfcc.sh, log-mel filterbanks as make_fbank.sh.
#
# Usage: steps/make_mfcc.sh [options] <data-dir> [<log-dir> [<feature-dir>]]
#  e.g.: steps/make_mfcc.sh --nj 4 data/asr/train exp/make_mfcc/train mfcc
#        steps/make_fbank.sh --nj 4 data_fbank/asr/train
# Reads wav.scp (and segments, if there); writes feats.scp, utt2num_frames and frame_shift into the data directory; the
# features go to <feature-dir> (default: <data-dir>/data), the logs to <log-dir> (default: <data-dir>/log).
# A recording that cannot be read is left out, and said so.
#
# Options, given as --name value:
nj=4                            # integer >= 1: parallel jobs
cmd=                            # how jobs run; default: see cmd.sh
mfcc_config=conf/mfcc.conf      # options of compute-mfcc-feats, for make_mfcc.sh
fbank_config=conf/fbank.conf    # options of compute-fbank-feats, for make_fbank.sh
compress=true                   # store a number in one byte
max_missing=0.05                # number in 0..1: fail if more than this part of the utterances has no features
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[[ $# -ge 1 && $# -le 3 ]] || die "expected <data-dir> [<log-dir> [<feature-dir>]]; see $0 --help"
data=${1%/} log_dir=${2:-$1/log} feature_dir=${3:-$1/data}
kind=${0##*/make_} kind=${kind%.sh}
case $kind in
  mfcc) config=$mfcc_config ;;
  fbank) config=$fbank_config ;;
  *) die "call this as make_mfcc.sh or make_fbank.sh" ;;
esac
[ -f "$config" ] || die "no such file: $config"
[ -d "$data" ] || die "no such data directory: $data"
rm -f "$data"/{feats.scp,utt2num_frames}
"$here/utils/check_data_dir.sh" "$data" wav.scp
mkdir -p "$log_dir" "$feature_dir" || die "cannot write into $log_dir and $feature_dir"
feature_dir=$(cd "$feature_dir" && pwd)
name=${kind}_$(basename "$data")

"$here/utils/split_data.sh" "$data" "$nj"
split=$data/split$nj
if [ -f "$data/segments" ]; then
  input="ark,s,cs:extract-segments scp,p:$split/JOB/wav.scp $split/JOB/segments ark:- |"
else
  input="scp,p:$split/JOB/wav.scp"
fi
$cmd JOB=1:"$nj" "$log_dir/make_$name.JOB.log" \
  "compute-$kind-feats" --verbose=2 --config="$config" "$input" ark:- \| \
  copy-feats --compress="$compress" --write-num-frames="ark,t:$feature_dir/num_frames_$name.JOB" ark:- \
  "ark,scp:$feature_dir/raw_$name.JOB.ark,$feature_dir/raw_$name.JOB.scp"

for ((job = 1; job <= nj; job++)); do cat "$feature_dir/num_frames_$name.$job"; done >"$data/utt2num_frames.tmp"
mv "$data/utt2num_frames.tmp" "$data/utt2num_frames"
for ((job = 1; job <= nj; job++)); do cat "$feature_dir/raw_$name.$job.scp"; done >"$data/feats.scp.tmp"
rm "$feature_dir/num_frames_$name".*
frame_shift=$(sed -n 's/^--frame-shift=\([0-9.]*\).*/\1/p' "$config")
awk -v ms="${frame_shift:-10}" 'BEGIN { print ms / 1000 }' >"$data/frame_shift"

wanted=$(wc -l <"$data/utt2spk") made=$(wc -l <"$data/feats.scp.tmp")
awk -v wanted="$wanted" -v made="$made" -v part="$max_missing" 'BEGIN { exit !(wanted - made <= part * wanted) }' ||
  die "features of $made of $wanted utterances in $data only; see $log_dir/make_$name.*.log"
[ "$made" -eq "$wanted" ] ||
  warn "features of $made of $wanted utterances in $data; see $log_dir/make_$name.*.log"
mv "$data/feats.scp.tmp" "$data/feats.scp"
