#!/usr/bin/env bash
# Reduce a data directory to the utterances that have features, so that what counts them counts what is used.
#
# Usage: utils/keep_with_features.sh <data-dir>
#  e.g.: utils/keep_with_features.sh data/asr/train
# Reads feats.scp; takes the other utterances out of every other file, with the speakers and recordings that are then
# without any, names them, and adds them to <data-dir>/left_out. utt2spk is written last. What is complete stays as it is.
#
# Options, given as --name value:
max_lost=0.05   # number in 0..1: fail if more than this part of the utterances has no features
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
export LC_ALL=C
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/utils/tables.sh"
[ $# -eq 1 ] || die "expected <data-dir>; see $0 --help"
data=${1%/}
for f in feats.scp utt2spk spk2utt; do [ -s "$data/$f" ] || die "no such file, or an empty one: $data/$f"; done

lost=$(awk 'NR == FNR { kept[$1]; next } !($1 in kept) { print $1 }' "$data/feats.scp" "$data/utt2spk")
[ -n "$lost" ] || exit 0
report_lost "$max_lost" "COUNT utterances of $data have features and are kept" "$data/utt2spk" "$data/feats.scp" "$data/log"

# keep <file with the keys to keep, in its first column> <file> …: only the lines of these keys, and comments
keep() {
  local keys=$1 f
  shift
  for f in "$@"; do
    [ -f "$data/$f" ] || continue
    awk 'FILENAME == ARGV[1] { kept[$1]; next } $1 in kept || /^;;/' "$keys" "$data/$f" >"$data/$f.tmp"
    mv "$data/$f.tmp" "$data/$f"
  done
}
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
keep "$data/feats.scp" text utt2emotion utt2class utt2original utt2sentence utt2dur utt2num_frames vad.scp labels.scp segments
recordings=$data/feats.scp
if [ -f "$data/segments" ]; then
  recordings=$temporary/recordings
  awk '{ print $2 }' "$data/segments" >"$recordings"
fi
keep "$recordings" wav.scp reco2file_and_channel stm phones.ctm
awk 'NR == FNR { kept[$1]; next } $1 in kept' "$data/feats.scp" "$data/utt2spk" >"$temporary/utt2spk"
awk '{ print $2 }' "$temporary/utt2spk" >"$temporary/speakers"
keep "$temporary/speakers" spk2gender spk2session cmvn.scp
awk 'NR == FNR { kept[$1]; next }
  { line = $1; for (i = 2; i <= NF; i++) if ($i in kept) line = line " " $i; if (line != $1) print line }' \
  "$data/feats.scp" "$data/spk2utt" >"$data/spk2utt.tmp"
touch "$data/left_out"
awk '{ print $0 ": no features" }' <<<"$lost" | awk '!seen[$0]++' "$data/left_out" - >"$data/left_out.tmp"
mv "$data/left_out.tmp" "$data/left_out"
mv "$data/spk2utt.tmp" "$data/spk2utt"
mv "$temporary/utt2spk" "$data/utt2spk"
