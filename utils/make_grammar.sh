#!/usr/bin/env bash
# Compile an ARPA language model to the grammar of a lang directory.
#
# Usage: utils/make_grammar.sh <arpa> <lang-dir>
#  e.g.: utils/make_grammar.sh data/lang/bigram.arpa data/lang
# Reads <lang-dir>/words.txt, writes <lang-dir>/G.fst; back-off arcs carry #0.
# End options
set -eu -o pipefail
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <arpa> <lang-dir>, got $# arguments; see $0 --help"
arpa=$1 lang=${2%/}
for f in "$arpa" "$lang/words.txt"; do
  [ -f "$f" ] || die "no such file: $f"
done
arpa2fst --disambig-symbol='#0' --read-symbol-table="$lang/words.txt" "$arpa" "$lang/G.fst.tmp"
mv "$lang/G.fst.tmp" "$lang/G.fst"
