#!/usr/bin/env bash
# Check that a Kaldi data directory is sound, as Kaldi's validate_data_dir.sh would.
#
# Usage: utils/check_data_dir.sh [options] <data-dir> [<file> ...]
#  e.g.: utils/check_data_dir.sh data/asr/train text feats.scp
# The files named, utt2spk and spk2utt must be there; every other file that is there is checked too: UTF-8 with Unix line ends,
# the fields that its lines must have, sorted by bytes, no key twice, the same utterances, speakers and recordings in all
# files, and the utterances in the order of their speakers. Says what is wrong, with file and key, and fails; says nothing
# if all is well.
#
# Options, given as --name value:
allow_missing=false   # true: features and what is computed from them may lack utterances; the steps count and say which
ignore=               # files that are not checked, as they will be written anew
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
[ $# -ge 1 ] || die "expected <data-dir>; see $0 --help"
data=${1%/}
shift
[ -d "$data" ] || die "no such data directory: $data"
for f in utt2spk spk2utt "$@"; do [ -s "$data/$f" ] || die "no such file, or an empty one: $data/$f"; done
python "$here/utils/check_data_dir.py" "$data" "$allow_missing" "$ignore"
