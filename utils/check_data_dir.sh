#!/usr/bin/env bash
# Check that a Kaldi data directory is sound: sorted by bytes, no key twice, the same utterances and speakers in all files.
#
# Usage: utils/check_data_dir.sh <data-dir> [<file> ...]
#  e.g.: utils/check_data_dir.sh data/asr/train text feats.scp
# The files named, utt2spk and spk2utt must be there; every other file that is there is checked too. Says what is wrong,
# with file and key, and fails; says nothing if all is well.
# End options
set -eu -o pipefail
export LC_ALL=C
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"
[ $# -ge 1 ] || die "expected <data-dir>; see $0 --help"
data=${1%/}
shift
[ -d "$data" ] || die "no such data directory: $data"
for f in utt2spk spk2utt "$@"; do [ -s "$data/$f" ] || die "no such file, or an empty one: $data/$f"; done

keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT

# check_order <file>: sorted, no key twice; leaves the keys in $keys/<file>
check_order() {
  local problem
  : >"$keys/$1"
  # The "" makes awk compare strings, also where both look like numbers.
  problem=$(awk -v keys="$keys/$1" '
    NF == 0 { print "line " NR " is empty"; exit 1 }
    NR > 1 && $1 "" == last { print "line " NR ": " $1 " stands twice"; exit 1 }
    NR > 1 && $1 "" < last { print "line " NR ": " $1 " stands after " last "; sort it with: LC_ALL=C sort"; exit 1 }
    { last = $1 ""; print $1 >keys }' "$data/$1") || die "$data/$1, $problem"
}

# check_same_keys <file> <other file> <keys of the other file>
check_same_keys() {
  local extra missing
  extra=$(comm -23 "$keys/$1" "$3" | head -n 1)
  missing=$(comm -13 "$keys/$1" "$3" | head -n 1)
  [ -z "$extra" ] || die "$data/$1 has $extra, which is not in $2"
  [ -z "$missing" ] || die "$data/$1 lacks $missing, which is in $2"
}

check_order utt2spk
check_order spk2utt
problem=$(awk '
  NF != 2 { print "line " NR ": expected <utterance> <speaker>, found: " $0; exit 1 }
  index($1, $2) != 1 { print "line " NR ": the speaker " $2 " must be the beginning of the utterance " $1; exit 1 }' \
  "$data/utt2spk") || die "$data/utt2spk, $problem"
awk '{ print $2 }' "$data/utt2spk" | sort -u >"$keys/speakers"
awk '{ for (i = 2; i <= NF; i++) print $i, $1 }' "$data/spk2utt" | sort >"$keys/from_spk2utt"
difference=$(sort "$data/utt2spk" | awk '{ print $1, $2 }' | comm -3 - "$keys/from_spk2utt" | head -n 1)
[ -z "$difference" ] || die "$data/utt2spk and spk2utt do not agree on: ${difference#$'\t'}"

for f in text feats.scp wav.scp segments labels.scp utt2emotion utt2dur utt2num_frames; do
  [ -f "$data/$f" ] || continue
  check_order "$f"
  # Where there are segments, wav.scp holds recordings.
  if [ "$f" = wav.scp ] && [ -f "$data/segments" ]; then
    awk '{ print $2 }' "$data/segments" | sort -u >"$keys/recordings"
    check_same_keys wav.scp segments "$keys/recordings"
  else
    check_same_keys "$f" utt2spk "$keys/utt2spk"
  fi
done
for f in cmvn.scp spk2gender; do
  [ -f "$data/$f" ] || continue
  check_order "$f"
  check_same_keys "$f" utt2spk "$keys/speakers"
done
