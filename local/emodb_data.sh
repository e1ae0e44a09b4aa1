#!/usr/bin/env bash
# Make a Kaldi data directory of the emotions of EmoDB: anger, happiness, sadness, neutral, or all.
#
# Usage: local/emodb_data.sh [options] <emodb-dir> <data-dir>
#  e.g.: local/emodb_data.sh /corpora/EmoDB data/ser
# Reads <emodb-dir>/wav, of all seven emotions or of the four only; local/ser_corpus.py says what it writes.
#
# Options, given as --name value:
allow_partial=false # true: go on with a part of the corpus, with a warning
emotions=paper      # paper: the four of the paper; all: those of the corpus, too
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
[ $# -eq 2 ] || die "expected <emodb-dir> <data-dir>, got $# arguments; --help says more"
. "$here/path.sh"

python "$here/local/emodb_data.py" --allow-partial "$allow_partial" --emotions "$emotions" "$1" "$2"
