#!/usr/bin/env bash
# Join the tables that parallel jobs wrote as text, in their order, and remove the parts.
#
# Usage: utils/join_parts.sh <keys> <name> <num-parts>
#  e.g.: utils/join_parts.sh data/asr/dev/utt2spk exp/asr/decode_dev/scale_0.3/words 4
# Reads <name>.1, <name>.2, …; writes <name>.txt. Warns if a key of the table <keys> is missing; fails if all are.
# End options
set -eu -o pipefail
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"
[ $# -eq 3 ] || die "expected <keys> <name> <num-parts>; see $0 --help"
keys=$1 name=$2 num_parts=$3

parts=()
for ((part = 1; part <= num_parts; part++)); do parts+=("$name.$part"); done
cat "${parts[@]}" >"$name.txt.tmp"
wanted=$(wc -l <"$keys") found=$(wc -l <"$name.txt.tmp")
[ "$found" -gt 0 ] || die "none of the $wanted utterances of $keys in $name.*"
[ "$found" -eq "$wanted" ] || warn "$found of the $wanted utterances of $keys in $name.txt"
mv "$name.txt.tmp" "$name.txt"
rm "${parts[@]}"
