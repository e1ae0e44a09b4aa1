#!/usr/bin/env bash
# Compile an ARPA language model to the grammar of a lang directory.
#
# Usage: utils/make_grammar.sh [options] <arpa> <lang-dir>
#  e.g.: utils/make_grammar.sh data/lang/bigram.arpa data/lang
# Reads <lang-dir>/words.txt, writes <lang-dir>/G.fst; back-off arcs carry #0. A word of the model that words.txt has not is
# an error; <unk>, which stands for all of them, is not.
#
# Options, given as --name value:
skip_unknown=false   # true: leave out the n-grams with such words, with a warning that counts and names them
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <arpa> <lang-dir>, got $# arguments; see $0 --help"
arpa=$1 lang=${2%/}
for f in "$arpa" "$lang/words.txt"; do
  [ -f "$f" ] || die "no such file: $f"
done
unknown=$(awk '
  FILENAME == ARGV[1] { number[$1]; next }
  /\r/ { print FILENAME ", line " FNR ": a carriage return, as on Windows; remove it with: sed -i \"s/\\r$//\""; failed = 1; exit 1 }
  /^\\/ { in_unigrams = /^\\1-grams:/ }
  in_unigrams && NF > 1 && !($2 in number) && $2 !~ /^(<s>|<\/s>|<unk>|<UNK>)$/ && ++n <= 10 { names = names " " $2 }
  END {
    if (failed) exit 1
    if (n) printf "%s: %d of its words are not in %s:%s", FILENAME, n, ARGV[1], names
    if (n > 10) printf " and %d more", n - 10
  }' "$lang/words.txt" "$arpa") || die "$unknown"
if [ -n "$unknown" ]; then
  $skip_unknown || die "$unknown; --skip-unknown true leaves them out"
  warn "$unknown; left out"
fi
rm -f "$lang/G.fst"
arpa2fst --disambig-symbol='#0' --read-symbol-table="$lang/words.txt" "$arpa" "$lang/G.fst.tmp"
mv "$lang/G.fst.tmp" "$lang/G.fst"
