#!/usr/bin/env bash
# Replace the words of a transcript by their numbers: all fields but the first, which is the utterance.
#
# Usage: utils/sym2int.sh [options] <symbol-table> <text>
#  e.g.: utils/sym2int.sh data/lang/words.txt data/asr/dev/text
#        utils/sym2int.sh --map-oov "$(cat data/lang/oov.int)" data/lang/words.txt data/asr/dev/text
# Words that are not in the table are an error that counts and names them, or with --map-oov a warning.
#
# Options, given as --name value:
map_oov=   # integer >= 0: the number of all words that are not in the table
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
export LC_ALL=C
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
[ $# -eq 2 ] || die "expected <symbol-table> <text>; see $0 --help"
for f in "$@"; do [ -f "$f" ] || die "no such file: $f"; done

# The text is read twice: nothing is written of one that has unknown words.
unknown=$(awk '
  function stop(problem) { print FILENAME ", line " FNR ": " problem; failed = 1; exit 1 }
  /\r/ { stop("a carriage return, as on Windows; remove it with: sed -i \"s/\\r$//\"") }
  FILENAME == ARGV[1] {
    if (NF != 2 || $2 !~ /^[0-9]+$/) stop("expected <word> <number>, found: " $0)
    if ($1 in number) stop($1 " stands twice")
    number[$1] = $2
    next
  }
  {
    for (i = 2; i <= NF; i++) {
      if ($i in number) continue
      if (!total++) utterance = $1
      if (!count[$i]++) name[++kinds] = $i
    }
  }
  END {
    if (failed || !total) exit failed
    printf "%s, %s: the word %s is not in %s; ", FILENAME, utterance, name[1], ARGV[1]
    printf "in all %d words, %d different ones, are not:", total, kinds
    for (i = 1; i <= kinds && i <= 10; i++) printf " %s (%d)", name[i], count[name[i]]
    if (kinds > 10) printf " and %d more", kinds - 10
  }' "$1" "$2") || die "$unknown"
if [ -n "$unknown" ]; then
  [ -n "$map_oov" ] || die "$unknown; correct them, or map them with --map-oov"
  warn "$unknown; they become $map_oov"
fi
awk -v oov="$map_oov" '
  FILENAME == ARGV[1] { number[$1] = $2; next }
  {
    for (i = 2; i <= NF; i++) $i = $i in number ? number[$i] : oov
    print
  }' "$1" "$2"
