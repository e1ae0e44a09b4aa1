#!/usr/bin/env bash
# Check a corpus of your own, Kaldi data directories with phones for words, and copy what ASR needs of it.
#
# Usage: local/asr_data.sh [options] <own-dir> <out-dir>
#  e.g.: local/asr_data.sh /corpora/mine/data data/asr
# Reads <own-dir>/{train,dev,test} with wav.scp, text, utt2spk and, where they are, segments and spk2gender; and
# <own-dir>/corpus, its name in reports, if there. Every recording is examined, and every command in wav.scp run, to see
# that it is whole; audio in files that is not 16 kHz, mono, 16-bit WAV is converted once.
# Writes <out-dir>/{train,dev,test} with wav.scp [segments] text utt2spk spk2utt [spk2gender]; <out-dir>/phones, one a
# line; <out-dir>/corpus (written last).
#
# Options, given as --name value:
lexicon=            # where text has words: their pronunciations, in Kaldi's form or CMUdict's; then words stay words here, and
                    # <out-dir> gets lexiconp.txt, for local/words_to_phones.sh
max_oov=0.05        # number in 0..1: fail if more than this part of the utterances has a word without pronunciation; fewer are left out
silence_phone=sil   # the phone of silence; where no transcript has it, silence may come between any two phones
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <own-dir> <out-dir>, got $# arguments; see local/asr_data.sh --help"
[ -z "$lexicon" ] || [ -f "$lexicon" ] || die "--lexicon: no such file: $lexicon"
python "$here/local/asr_data.py" ${lexicon:+--lexicon="$lexicon"} --max-oov="$max_oov" --silence-phone="$silence_phone" "$1" "$2"
for subset in train dev test; do
  "$here/utils/check_data_dir.sh" "$2/$subset" wav.scp text || { rm -f "$2/corpus"; exit 1; }
done
