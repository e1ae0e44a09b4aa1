#!/usr/bin/env bash
# Turn a copy of TIMIT, TIMIT's sample or the demo corpus into Kaldi data directories.
#
# Usage: local/timit_data.sh <timit-dir> <out-dir>
#  e.g.: local/timit_data.sh /corpora/TIMIT data/asr
# The layout is detected: LDC's tree in upper or lower case (TRAIN/DR1/FCJF0/SX1.WAV; where SX1.WAV.wav lies beside it,
# the RIFF one of the two is read), or NLTK's sample (dr1-fvmh0/sx1.wav; dialect regions 1-6 train, 7 dev, 8 test).
# RIFF and NIST SPHERE are told apart by content. dev_spk.list and test_spk.list in the folder of TRAIN and TEST replace
# those of conf/timit; README.demo there marks a demo corpus. SA sentences and the glottal stop q are dropped.
# Writes <out-dir>/{train,dev,test} with wav.scp text utt2spk spk2utt spk2gender, stm and glm for sclite, phones.ctm
# (hand-made boundaries); <out-dir>/phones (the 48); <out-dir>/corpus (its name; written last).
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <timit-dir> <out-dir>, got $# arguments; see local/timit_data.sh --help"
python "$here/local/timit_data.py" "$1" "$2"
for subset in train dev test; do
  "$here/utils/check_data_dir.sh" "$2/$subset" wav.scp text spk2gender || { rm -f "$2/corpus"; exit 1; }
done
