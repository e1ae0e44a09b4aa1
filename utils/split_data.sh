#!/usr/bin/env bash
# Split a data directory into parts for parallel jobs, whole speakers to each, in the order of utt2spk.
#
# Usage: utils/split_data.sh [options] <data-dir> <num-parts>
#  e.g.: utils/split_data.sh data/asr/train 4
# Writes <data-dir>/split<num-parts>/{1,2,...}, unless they were made from files of the same contents, or by Kaldi's script
# and are newer than the files. The directory must be sound (utils/check_data_dir.sh); only features, and what is computed
# from them, may lack utterances.
#
# Options, given as --name value:
ignore=   # files that are neither checked nor split, as they will be written anew
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
export LC_ALL=C
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
[ $# -eq 2 ] || die "expected <data-dir> <num-parts>; see $0 --help"
data=${1%/} num_parts=$2
[[ $num_parts =~ ^[1-9][0-9]*$ ]] || die "the number of parts is 1 or more, not '$num_parts'"
for f in utt2spk spk2utt; do [ -s "$data/$f" ] || die "no such file, or an empty one: $data/$f"; done
split=$data/split$num_parts

by_utterance=(utt2spk text segments feats.scp labels.scp vad.scp utt2dur utt2num_frames utt2emotion utt2class)
by_speaker=(spk2utt spk2gender cmvn.scp)
whole=(reco2file_and_channel stm glm)
# Recordings are not utterances where there are segments; every part may need every one.
if [ -f "$data/segments" ]; then whole+=(wav.scp); else by_utterance+=(wav.scp); fi

sources=()
for f in "${by_utterance[@]}" "${by_speaker[@]}" "${whole[@]}"; do
  [[ ! -f $data/$f || " $ignore " == *" $f "* ]] || sources+=("$f")
done
made_from=$(cd "$data" && cksum "${sources[@]}")
[[ ! -f $split/made_from || $(<"$split/made_from") != "$made_from" ]] || exit 0

"$here/utils/check_data_dir.sh" --allow-missing true --ignore "$ignore" "$data"
num_speakers=$(wc -l <"$data/spk2utt")
[ "$num_parts" -le "$num_speakers" ] || die "cannot give $num_speakers speakers of $data to $num_parts jobs; use a smaller --nj"

if [ ! -f "$split/made_from" ]; then
  up_to_date=true
  for f in "${sources[@]}"; do [ "$split/1/$f" -nt "$data/$f" ] || up_to_date=false; done
  ! $up_to_date || exit 0
fi

rm -rf "$split"
new=$split.tmp.$$
trap 'rm -rf "$new"' EXIT
for ((part = 1; part <= num_parts; part++)); do mkdir -p "$new/$part"; done

# A speaker goes to the part in which the middle of its utterances falls; no part stays empty.
awk -v parts="$num_parts" '
  { count[NR] = NF - 1; name[NR] = $1; total += NF - 1 }
  END {
    part = 1
    for (i = 1; i <= NR; i++) {
      target = 1 + int(parts * (seen + count[i] / 2) / total)
      if (i > 1 && target > part) part++
      if (parts - part > NR - i) part = parts - (NR - i)
      seen += count[i]
      print name[i], part
    }
  }' "$data/spk2utt" >"$new/spk2part"
awk 'NR == FNR { part[$1] = $2; next } { print $1, part[$2] }' "$new/spk2part" "$data/utt2spk" >"$new/utt2part"

# split_file <map from key to part> <file>
split_file() {
  awk -v out="$new" -v file="$2" 'NR == FNR { part[$1] = $2; next } $1 in part { print > out "/" part[$1] "/" file }' \
    "$new/$1" "$data/$2"
}
for f in "${sources[@]}"; do
  case " ${whole[*]} / ${by_speaker[*]} " in
    *" $f "*/*) for ((part = 1; part <= num_parts; part++)); do cp "$data/$f" "$new/$part/"; done ;;
    */*" $f "*) split_file spk2part "$f" ;;
    *) split_file utt2part "$f" ;;
  esac
done
rm "$new/spk2part" "$new/utt2part"
echo "$made_from" >"$new/made_from"
mv "$new" "$split"
