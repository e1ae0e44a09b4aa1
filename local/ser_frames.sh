#!/usr/bin/env bash
# From a data directory with a class for each utterance to what a network reads: filterbanks, and each frame's class or silence.
#
# Usage: local/ser_frames.sh [options] <data-dir> <fbank-data-dir>
#  e.g.: local/ser_frames.sh --nj 4 data/ser data_fbank/ser
# The classes stand in utt2emotion and emotions, or utt2class and utterance_classes. <data-dir> gets MFCC with log-energy, the
# speech frames among them (vad.scp), the labels and the shares of silence (silence.txt, silence.json); <fbank-data-dir> gets
# the filterbanks and labels.scp, which is written last. Where <data-dir> has neither, but labels.scp and classes, it gets
# nothing.
#
# Options, given as --name value:
nj=4           # integer >= 1: parallel jobs, at most one for each speaker
cmd=           # how jobs run; default: see cmd.sh
alignments=    # alignment directories: the frames of silence phones are silent; default: those of little energy
lang=data/lang # which phones those are
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"
. "$here/utils/tables.sh"

[ $# -eq 2 ] || die "expected <data-dir> <fbank-data-dir>, got $# arguments; see $0 --help"
data=${1%/} fbank=${2%/}
table=utt2emotion order=emotions
[ ! -f "$data/utt2class" ] || table=utt2class order=utterance_classes
[ -f "$data/$table" ] || [ ! -f "$data/labels.scp" ] || table='' order=classes # the frames have labels as they are
"$here/utils/check_data_dir.sh" "$data" wav.scp $table
[ -f "$data/$order" ] || die "no such file: $data/$order; make $data with local/ser_data.sh or its like"
nj=$(num_jobs "$data" "$nj")

label_frames() {
  # Not compressed: compute-vad compares log-energies with a threshold.
  "$here/steps/make_mfcc.sh" --nj "$nj" --cmd "$cmd" --compress false --mfcc-config "$here/conf/mfcc_vad.conf" "$data"
  "$here/utils/keep_with_features.sh" "$data"
  if [ -z "$alignments" ]; then
    "$here/steps/make_vad.sh" --nj "$nj" --cmd "$cmd" --vad-config "$here/conf/vad.conf" "$data"
  else
    # shellcheck disable=SC2086 # several
    python "$here/steps/ali_to_vad.py" "$lang" "$data" $alignments
    "$here/utils/keep_with_features.sh" "$data"
  fi
  python "$here/steps/frame_labels.py" "$data"
}
[ -z "$table" ] || label_frames

mkdir -p "$fbank"
for f in wav.scp segments utt2{spk,emotion,class,original,sentence} spk2{utt,gender,session} {dev,test}_speakers classes corpus; do
  [ ! -f "$data/$f" ] || cp "$data/$f" "$fbank/"
done
rm -f "$fbank/labels.scp"
"$here/steps/make_fbank.sh" --nj "$nj" --cmd "$cmd" --fbank-config "$here/conf/fbank.conf" --compress false "$fbank"
"$here/utils/keep_with_features.sh" "$fbank"
[ -z "$table" ] || cmp -s "$data/utt2num_frames" "$fbank/utt2num_frames" ||
  die "$data and $fbank differ in utt2num_frames: window and shift of conf/mfcc_vad.conf and conf/fbank.conf must agree"
cp "$data/labels.scp" "$fbank/labels.scp.tmp"
mv "$fbank/labels.scp.tmp" "$fbank/labels.scp"
