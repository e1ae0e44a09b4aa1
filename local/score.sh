#!/usr/bin/env bash
# shellcheck disable=SC2016 # awk has dollars of its own
# Phone error rate of a decoded data directory, on the phones that are scored, silence included.
#
# Usage: local/score.sh [options] <data-dir> <lang-dir|graph-dir> <decode-dir>
#  e.g.: local/score.sh data/asr/dev exp/mono/graph exp/asr/decode_dev
#        local/score.sh --scale-from exp/asr/decode_dev data/asr/test exp/mono/graph exp/asr/decode_test
# Reads <decode-dir>/scale_<s>/words.txt for each acoustic scale <s>: "<utt> <word as integer> …", a line an utterance.
# Without --scale-from every scale is scored and the best one kept, so this is for the dev set; a test set takes the dev
# set's. An utterance that was not decoded counts as all its phones deleted. Writes in <decode-dir>:
#   wer_<s>       compute-wer's lines for each scale
#   best_scale    the scale that was chosen, or taken from dev
#   per_utt       at that scale: <utt> <spk> <errors> <phones> <ins> <del> <sub>
#   wer_lenient, per_utt_lenient   the same where silences of the reference may be missing: no standard figure, but what
#                 some toolkits publish (pytorch-kaldi, Kaldi for a time: sclite with "(sil)" in the reference)
#   wer_sclite    what sclite counts, if it is installed
#   best_wer      the %WER line of wer_<s> with that name after it; written last
#
# Options, given as --name value:
phone_map=conf/phones.61-48-39.map   # folds the phones of its 2nd column to those of its 3rd; '' scores all as they are
silence_phone=sil                    # what may be missing in wer_lenient, after folding
scale_from=                          # decode directory of the dev set, whose best scale is taken
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/utils/tables.sh"
. "$here/path.sh"

[ $# -eq 3 ] || die "expected <data-dir> <lang-dir|graph-dir> <decode-dir>, got $# arguments; see $0 --help"
data=${1%/} lang=${2%/} dir=${3%/}
for f in "$data/text" "$data/utt2spk" "$lang/words.txt" ${phone_map:+"$phone_map"}; do
  [ -f "$f" ] || die "no such file: $f"
done
if [ -n "$scale_from" ]; then
  [ -f "$scale_from/best_scale" ] || die "no such file: $scale_from/best_scale; score the dev set first"
  scales=$(cat "$scale_from/best_scale")
else
  scales=$(find "$dir" -mindepth 2 -maxdepth 2 -path '*/scale_*/words.txt' | sed 's|.*/scale_\(.*\)/words.txt|\1|' | sort -g)
  [ -n "$scales" ] || die "nothing decoded: no $dir/scale_*/words.txt"
fi
tables=("$data/text")
for scale in $scales; do
  words=$dir/scale_$scale/words.txt
  [ -f "$words" ] || die "no $words: decode $data at the scale $scale"
  tables+=("$words")
done
for table in "${tables[@]}"; do
  twice=$(name_twice "$table")
  [ -z "$twice" ] || die "$table: $twice is there twice; expected each utterance once"
done
scoring=$dir/scoring
remove_scores "$dir"
mkdir -p "$scoring"

# put <file> <command>: the command's output, complete or not there.
put() {
  local out=$1
  shift
  "$@" >"$out.tmp" && mv "$out.tmp" "$out"
}
fold=(python "$here/local/fold_phones.py" ${phone_map:+--map "$phone_map"})

put "$scoring/ref" "${fold[@]}" --name "text of $data" <"$data/text"
num_utts=$(wc -l <"$data/text")
for scale in $scales; do
  words=$dir/scale_$scale/words.txt
  num_decoded=$(awk 'FILENAME == ARGV[1] { wanted[$1]; next } $1 in wanted' "$data/text" "$words" | wc -l)
  [ "$num_decoded" -gt 0 ] || die "$words has none of the $num_utts utterances of $data"
  [ "$num_decoded" -eq "$num_utts" ] ||
    warn "$words: $num_decoded of the $num_utts utterances of $data; the others count as deleted: $(names_of_missing "$words" "$data/text")"
  strange=$(names_of_missing "$data/text" "$words")
  [ -z "$strange" ] || warn "$words has utterances that $data/text has not, which are left out: $strange"
  put "$scoring/hyp_$scale" "${fold[@]}" --symbols "$lang/words.txt" --name "$words" \
    < <(awk 'FILENAME == ARGV[1] { wanted[$1]; next } $1 in wanted' "$data/text" "$words")
  log=$scoring/wer_$scale.log
  put "$dir/wer_$scale" compute-wer --text --mode=all "ark:$scoring/ref" "ark:$scoring/hyp_$scale" 2>"$log" ||
    die "compute-wer failed; see $log"
done

# num_errors <%WER lines>
num_errors() {
  sed -n 's/^%WER [0-9.]* \[ \([0-9]*\) .*/\1/p' "$1"
}
best=$scales
if [ -z "$scale_from" ]; then
  best=$(for scale in $scales; do echo "$(num_errors "$dir/wer_$scale") $scale"; done |
    sort -s -k 1,1n | awk 'NR == 1 { print $2 }')   # fewest errors; of equals the smallest scale
  for end in "${scales%%$'\n'*}" "${scales##*$'\n'}"; do
    [ "$best" != "$end" ] || [ "$scales" = "$end" ] ||
      warn "$dir: the best scale, $best, is at the end of those tried: a better one may lie beyond"
  done
fi
ref=$scoring/ref hyp=$scoring/hyp_$best
put "$dir/per_utt" python "$here/local/count_errors.py" "$ref" "$hyp" "$data/utt2spk"
counted=$(awk '{ errors += $3; phones += $4 } END { print errors, phones }' "$dir/per_utt")
num_phones=$(sed -n 's|^%WER .* / \([0-9]*\), .*|\1|p' "$dir/wer_$best")
[ "$counted" = "$(num_errors "$dir/wer_$best") $num_phones" ] ||
  die "'$counted' errors and phones in $dir/per_utt, others in $dir/wer_$best"

put "$dir/per_utt_lenient" python "$here/local/count_errors.py" --optional="$silence_phone" "$ref" "$hyp" "$data/utt2spk"
put "$dir/wer_lenient" awk '{ errors += $3; phones += $4; ins += $5; del += $6; sub_ += $7 }
  END { printf "%%WER %.2f [ %d / %d, %d ins, %d del, %d sub ] lenient: silences may be missing\n",
    100 * errors / phones, errors, phones, ins, del, sub_ }' "$dir/per_utt_lenient"

# sclite reads "<phones> (<speaker>-<utterance>)", where some characters are markup: "{ a / b }" is an alternative, "@" nothing,
# "(a)" may be missing. So all but letters and digits are written as = and their code, and utterances are numbered.
# Debian's package sctk calls it `sctk sclite`.
if sclite=$(command -v sclite) || sclite=$(command -v sctk); then
  for x in "$ref" "$hyp"; do
    put "$x.trn" awk '
      BEGIN { for (i = 1; i < 256; i++) code[sprintf("%c", i)] = sprintf("=%02X", i) }
      function plain(word,   i, char, out) {
        for (i = 1; i <= length(word); i++) {
          char = substr(word, i, 1)
          out = out (char ~ /[A-Za-z0-9]/ ? char : code[char])
        }
        return out
      }
      FILENAME == ARGV[1] { speaker[$1] = $2; next }
      FILENAME == ARGV[2] { utt = $1; $1 = ""; phones[utt] = $0; next }
      {
        n = split(phones[$1], phone, " ")
        for (i = 1; i <= n; i++) printf "%s ", plain(phone[i])
        print "(speaker=" plain(speaker[$1]) "-" FNR ")"
      }' "$data/utt2spk" "$x" "$data/text"
  done
  [ "${sclite##*/}" = sclite ] || sclite="$sclite sclite"
  log=$scoring/sclite.log
  $sclite -s -i spu_id -r "$ref.trn" trn -h "$hyp.trn" trn -o rsum stdout >"$log" 2>&1 || die "sclite failed; see $log"
  sum=$(awk -F '[| ]+' '$2 == "Sum" { print $3, $4 }' "$log")
  [ "$sum" = "$num_utts $num_phones" ] || die "sclite found '$sum' utterances and phones in $ref.trn, compute-wer" \
    "$num_utts and $num_phones in $ref; see $log"
  put "$dir/wer_sclite" awk -F '[| ]+' '$2 == "Sum" {
    printf "%%WER %.2f [ %d / %d, %d ins, %d del, %d sub ] sclite\n", 100 * $9 / $4, $9, $4, $8, $7, $6 }' "$log"
fi

put "$dir/best_scale" echo "$best"
put "$dir/best_wer" echo "$(head -n 1 "$dir/wer_$best") $dir/wer_$best"
cat "$dir/best_wer"
