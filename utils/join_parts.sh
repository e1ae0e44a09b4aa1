#!/usr/bin/env bash
# Join the tables that parallel jobs wrote as text to one that is sorted by key, and remove the parts.
#
# Usage: utils/join_parts.sh [options] <keys> <name> <num-parts> [<out>]
#  e.g.: utils/join_parts.sh data/asr/dev/utt2spk exp/asr/decode_dev/scale_0.3/words 4
#        utils/join_parts.sh data/asr/dev/utt2spk mfcc/raw_mfcc_dev.JOB.scp 4 data/asr/dev/feats.scp
# Reads <name>.1, <name>.2, … or, where <name> holds JOB, the name with 1, 2, … for it; writes <out> (default: <name>.txt).
# Sorted whatever the number of parts and the order of speakers, as readers of sorted tables want it. A key in two parts,
# or one that the table <keys> has not, is an error.
#
# Options, given as --name value:
max_lost=0.05   # number in 0..1: fail if more than this part of <keys> is missing; a warning names them if it is less
what=           # what that message says, with COUNT for their numbers, as in "features of COUNT utterances of data/asr/dev"
log=            # where to look for the reason
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
export LC_ALL=C
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/utils/tables.sh"
[[ $# -eq 3 || $# -eq 4 ]] || die "expected <keys> <name> <num-parts> [<out>]; see $0 --help"
keys=$1 name=$2 num_parts=$3 out=${4:-$2.txt}
[[ $num_parts =~ ^[1-9][0-9]*$ ]] || die "the number of parts is 1 or more, not '$num_parts'"
[[ $name == *JOB* ]] || name+=.JOB

parts=()
for ((part = 1; part <= num_parts; part++)); do parts+=("${name/JOB/$part}"); done
for f in "$keys" "${parts[@]}"; do [ -f "$f" ] || die "no such file: $f"; done
# By key alone: the rest of a line must not decide where a key is the beginning of another.
sort -s -k 1,1 "${parts[@]}" >"$out.tmp"
problem=$(awk 'FILENAME == ARGV[1] { wanted[$1]; next }
  $1 "" == last { print "has " $1 " twice"; exit }
  !($1 in wanted) { print "has " $1 ", which is not in " ARGV[1]; exit }
  { last = $1 "" }' "$keys" "$out.tmp")
[ -z "$problem" ] || die "${name/JOB/*} $problem"
report_lost "$max_lost" "${what:-COUNT utterances of $keys in $out}" "$keys" "$out.tmp" "${log:-${name/JOB/*}}"
mv "$out.tmp" "$out"
rm "${parts[@]}"
