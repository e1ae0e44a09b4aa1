#!/usr/bin/env bash
# Copy a data directory without its features, for features of another kind.
#
# Usage: utils/copy_data_dir.sh <from-data-dir> <to-data-dir>
#  e.g.: utils/copy_data_dir.sh data/asr/train data_fbank/asr/train
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
[ $# -eq 2 ] || die "expected <from-data-dir> <to-data-dir>; see $0 --help"
[ ! "$1" -ef "$2" ] || die "$1 and $2 are the same directory"
for f in utt2spk spk2utt; do [ -f "$1/$f" ] || die "no such file: $1/$f"; done

mkdir -p "$2"
for f in wav.scp segments reco2file_and_channel text utt2spk spk2utt spk2gender stm glm; do
  rm -f "$2/$f"
  [ ! -f "$1/$f" ] || cp "$1/$f" "$2/$f"
done
rm -rf "$2"/{feats.scp,cmvn.scp,vad.scp,labels.scp,utt2num_frames,frame_shift} "$2"/split[0-9]*
