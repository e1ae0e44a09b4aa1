#!/usr/bin/env bash
# Replace the words of a transcript by their numbers: all fields but the first, which is the utterance.
#
# Usage: utils/sym2int.sh [options] <symbol-table> <text>
#  e.g.: utils/sym2int.sh --map-oov "$(cat data/lang/oov.int)" data/lang/words.txt data/asr/dev/text
#
# Options, given as --name value:
map_oov=   # integer >= 0: the number of a word that is not in the table; default: such a word is an error
# End options
set -eu -o pipefail
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"
[ $# -eq 2 ] || die "expected <symbol-table> <text>; see $0 --help"
for f in "$@"; do [ -f "$f" ] || die "no such file: $f"; done

awk -v oov="$map_oov" -v me="$0" -v table="$1" '
  NR == FNR { number[$1] = $2; next }
  {
    for (i = 2; i <= NF; i++) {
      if ($i in number) $i = number[$i]
      else if (oov != "") $i = oov
      else { print me ": " $1 ": the word " $i " is not in " table >"/dev/stderr"; exit 1 }
    }
    print
  }' "$1" "$2"
