#!/usr/bin/env bash
# Make a Kaldi data directory of the emotions of EMOVO: anger, happiness, sadness, neutral, or all.
#
# Usage: local/emovo_data.sh [options] <emovo-dir> <data-dir>
#  e.g.: local/emovo_data.sh /corpora/EMOVO data/ser
# Reads <emovo-dir>/f1/rab-f1-b1.wav and so on; local/ser_corpus.py says what it writes.
#
# Options, given as --name value:
allow_partial=false # true: go on with a part of the corpus, with a warning
emotions=paper      # paper: the four of the paper; all: those of the corpus, too
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
[ $# -eq 2 ] || die "expected <emovo-dir> <data-dir>, got $# arguments; --help says more"
. "$here/path.sh"

python "$here/local/emovo_data.py" --allow-partial "$allow_partial" --emotions "$emotions" "$1" "$2"
