#!/usr/bin/env bash
# Make data directories of LibriSpeech or mini_librispeech, or what is laid out so, with words for text and their lexicon.
#
# Usage: local/librispeech_data.sh --lexicon FILE [options] <librispeech-dir> <out-dir>
#  e.g.: local/librispeech_data.sh --lexicon librispeech-lexicon.txt /corpora/LibriSpeech data/words
# Reads <librispeech-dir>/<part>/<reader>/<chapter>/*.{flac,trans.txt} and SPEAKERS.TXT, also in a folder LibriSpeech. Where
# there is no part for test, or none for dev, the readers of the other are split between them. Writes what local/asr_data.sh
# --lexicon writes, for local/words_to_phones.sh.
#
# Options, given as --name value:
lexicon=            # pronunciations of words, in Kaldi's form or CMUdict's; openslr.org/11 has librispeech-lexicon.txt
max_oov=0.05        # number in 0..1: fail if more than this part of the utterances has a word without pronunciation; fewer are left out
train_parts=        # such as train-clean-5 or train-clean-100,train-clean-360; default: all that begin with train
dev_parts=          # default: all that begin with dev
test_parts=         # default: all that begin with test
silence_phone=sil   # what silence is called
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <librispeech-dir> <out-dir>, got $# arguments; see local/librispeech_data.sh --help"
[ -n "$lexicon" ] || die "words need pronunciations: --lexicon FILE, of your own, CMUdict, or librispeech-lexicon.txt of openslr.org/11"
[ -f "$lexicon" ] || die "--lexicon: no such file: $lexicon"
python "$here/local/librispeech_data.py" --lexicon="$lexicon" --max-oov="$max_oov" --silence-phone="$silence_phone" \
  --train-parts="$train_parts" --dev-parts="$dev_parts" --test-parts="$test_parts" "$1" "$2"
for subset in train dev test; do
  "$here/utils/check_data_dir.sh" "$2/$subset" wav.scp text || { rm -f "$2/corpus"; exit 1; }
done
