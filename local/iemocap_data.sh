#!/usr/bin/env bash
# Make a Kaldi data directory of the four emotions of IEMOCAP: anger, happiness (with excitement), sadness, neutral.
#
# Usage: local/iemocap_data.sh [options] <iemocap-dir> <data-dir>
#  e.g.: local/iemocap_data.sh /corpora/IEMOCAP_full_release data/ser
# Reads Session{1..5}/sentences/wav and Session{1..5}/dialog/EmoEvaluation; local/ser_corpus.py says what it writes.
#
# Options, given as --name value:
allow_partial=false # true: go on with a part of the corpus, with a warning
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
[ $# -eq 2 ] || die "expected <iemocap-dir> <data-dir>, got $# arguments; --help says more"
. "$here/path.sh"

python "$here/local/iemocap_data.py" --allow-partial "$allow_partial" "$1" "$2"
