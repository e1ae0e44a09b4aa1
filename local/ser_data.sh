#!/usr/bin/env bash
# Check a Kaldi data directory with emotion labels, of any speakers and emotions, and copy what SER needs of it.
#
# Usage: local/ser_data.sh [options] <own-data-dir> <data-dir>
#  e.g.: local/ser_data.sh /corpora/mine/data data/ser
# Reads wav.scp, utt2spk, utt2emotion and, where they are, segments, spk2gender, spk2session, utt2sentence (who reads which of
# the same few sentences), emotions (the order of the classes), dev_speakers (the speakers for early stopping) and corpus (its
# name in reports). Every recording is examined, and every command in wav.scp run, to see that it is whole.
#
# Options, given as --name value:
allow_partial=false # true: leave out what can't be used, with a warning
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
[ $# -eq 2 ] || die "expected <own-data-dir> <data-dir>, got $# arguments; --help says more"
. "$here/path.sh"

python "$here/local/ser_data.py" --allow-partial "$allow_partial" "$1" "$2"
