#!/usr/bin/env bash
# shellcheck disable=SC2086 # short_cmd is a list of words
# Find the phones of transcripts in words: align them with a lexicon, and write down the pronunciations that were spoken.
#
# Usage: local/words_to_phones.sh [options] <words-dir> <exp-dir> <out-dir>
#  e.g.: local/words_to_phones.sh data/words exp/words data/asr
# <words-dir> holds the data directories train, dev and test, lexiconp.txt and phones, as local/asr_data.sh --lexicon writes
# them. Monophones are trained on train with that lexicon, each word being any of its pronunciations, with silence between
# words where there is some; then all three are aligned. Writes <out-dir>/{train,dev,test} as local/asr_data.sh does, with
# the phones and silences of the alignment for text, and <out-dir>/{phones,corpus}, corpus last. Utterances that do not align
# are left out and named; more than 5 % of a set are an error. Rerun to continue what was stopped.
#
# Options, given as --name value:
nj=4                # integer >= 1: parallel jobs, at most one for each speaker; the monophones depend a little on their number
cmd=                # how jobs run; default: see cmd.sh
silence_phone=sil   # what silence is called
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"
. "$here/utils/tables.sh"

[ $# -eq 3 ] || die "expected <words-dir> <exp-dir> <out-dir>, got $# arguments; see $0 --help"
words=${1%/} exp=${2%/} out=${3%/}
for f in "$words"/{phones,lexiconp.txt,expected,corpus,{train,dev,test}/{wav.scp,text,utt2spk}}; do [ -f "$f" ] || die "no such file: $f"; done
mkdir -p "$exp/log"
# made_of: what tells these words, recordings and silence from others
made_of() {
  { cat "$words"/{phones,lexiconp.txt} "$words"/{train,dev,test}/{wav.scp,text,utt2spk} && echo "$silence_phone"; } | cksum
}
[ ! -f "$exp/made_of" ] || [ "$(made_of)" = "$(<"$exp/made_of")" ] ||
  die "$exp was made of other words or recordings than those in $words, or with another --silence-phone: remove it"
made_of >"$exp/made_of"

# once <file> <command> [arguments]: run the command, unless the file that it writes last is newer than the words
once() {
  [ "$1" -nt "$words/corpus" ] || "${@:2}"
}
once "$exp/lang/phones.txt" $short_cmd "$exp/log/prepare_lang.log" "$here/utils/prepare_lang.sh" --silence-phone "$(printf %q "$silence_phone")" \
  --silence-prob 0.5 --lexicon "$words/lexiconp.txt" "$words/phones" "$exp/lang"
for x in train dev test; do
  once "$words/$x/feats.scp" "$here/steps/make_mfcc.sh" --nj "$(num_jobs "$words/$x" "$nj")" --cmd "$cmd" --mfcc-config "$here/conf/mfcc.conf" "$words/$x"
  "$here/utils/keep_with_features.sh" "$words/$x"
  once "$words/$x/cmvn.scp" "$here/steps/compute_cmvn_stats.sh" "$words/$x"
done
made_of >"$exp/made_of"   # recordings without features have been left out
once "$exp/mono/final.mdl" "$here/steps/train_mono.sh" --nj "$(num_jobs "$words/train" "$nj")" --cmd "$cmd" "$words/train" "$exp/lang" "$exp/mono"
for x in train dev test; do
  once "$exp/ali_$x/final.mdl" "$here/steps/align_si.sh" --nj "$(num_jobs "$words/$x" "$nj")" --cmd "$cmd" --retry-beam 400 "$words/$x" "$exp/lang" "$exp/mono" "$exp/ali_$x"
  for ((job = 1; job <= $(cat "$exp/ali_$x/num_jobs"); job++)); do gunzip -c "$exp/ali_$x/ali.$job.gz"; done |
    ali-to-phones "$exp/mono/final.mdl" ark:- ark,t:- 2>"$exp/log/ali_to_phones.$x.log" |
    python "$here/local/fold_phones.py" --symbols "$exp/lang/phones.txt" --name "$exp/ali_$x" | LC_ALL=C sort >"$exp/phones.$x"
done
python "$here/local/aligned_phones.py" "$words" "$exp" "$out"
for x in train dev test; do "$here/utils/check_data_dir.sh" "$out/$x" wav.scp text || { rm -f "$out/corpus"; exit 1; }; done
