#!/usr/bin/env bash
# Make a Kaldi data directory of the emotions of RAVDESS: anger, happiness, sadness, neutral, or all.
#
# Usage: local/ravdess_data.sh [options] <ravdess-dir> <data-dir>
#  e.g.: local/ravdess_data.sh /corpora/RAVDESS data/ser
# Reads <ravdess-dir>/Actor_*, also in a folder Audio_Speech_Actors_01-24; songs and videos are not used; local/ser_corpus.py says what it writes.
#
# Options, given as --name value:
allow_partial=false # true: go on with a part of the corpus, with a warning
emotions=paper      # paper: the four of the paper; all: those of the corpus, too; paper+calm: calm counts as neutral
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
[ $# -eq 2 ] || die "expected <ravdess-dir> <data-dir>, got $# arguments; --help says more"
. "$here/path.sh"

python "$here/local/ravdess_data.py" --allow-partial "$allow_partial" --emotions "$emotions" "$1" "$2"
