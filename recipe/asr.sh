#!/usr/bin/env bash
# shellcheck disable=SC2086 # cmd is a list of words
# The ASR branch: from a corpus of read speech to the phone error rates of a GMM-HMM and of the ConvNet (stages 1 to 8).
#
# Usage: recipe/asr.sh [options] <corpus> <corpus-dir>
#  e.g.: recipe/asr.sh --dir work/timit timit /corpora/TIMIT
# <corpus> is timit (also its sample of NLTK), demo: speech by a synthesiser, made in <corpus-dir>, librispeech (also
# mini_librispeech), or data: a folder of your own that holds the Kaldi data directories train, dev and test, with phones for words,
# or with words and --lexicon. From words, stage 1 finds the phones by alignment. Ends with exp/RESULTS. Rerun to
# continue what was stopped; delete an output to have it made again, and what was made from it too.
#
# Options, given as --name value:
dir=.                             # data, data_fbank and exp lie here
stage=1                           # integer in 1..8: first stage to run
stop_stage=8                      # integer in 1..8: last stage to run
only_check=false                  # true: only see whether what is there was made with these options
nj=2                              # integer >= 1: parallel jobs; the GMM-HMM depends a little on their number
lexicon=                          # of librispeech, and of your own where it has words: pronunciations, in Kaldi's form or CMUdict's
max_oov=0.05                      # number in 0..1: at most this part of the utterances may be left out for words without pronunciation
train_parts=                      # of librispeech, such as train-clean-5; default: all that begin with train
dev_parts=                        # the same for dev
test_parts=                       # the same for test; where only one of dev and test is there, its readers are split between them
silence_phone=sil                 # of a corpus of your own; where no transcript has it, it may come between any two phones
cmd=                              # how jobs run; default: see cmd.sh
nnet_config=conf/paper/asr.conf   # options of asrser_nn train: the network and the method
train_opts=                       # further ones, such as "--seed 2"; they win
compute_opts=                     # options of every asrser_nn command, such as "--device cuda"
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"
. "$here/utils/stages.sh"

[ $# -eq 2 ] || die "expected <corpus> <corpus-dir>, got $# arguments; see $0 --help"
corpus=$1 corpus_dir=$(one_name "$2")
[[ $corpus_dir != *[[:cntrl:]]* ]] || die "$(printf %q "$corpus_dir"): a line break cannot stand in Kaldi's tables; choose another path"
prepare=("$here/local/timit_data.sh") kind=timit phone_map=$here/conf/phones.61-48-39.map
case $corpus in
  timit | demo) ;;
  data) prepare=("$here/local/asr_data.sh" --silence-phone "$silence_phone") kind=asr-data phone_map='' ;;
  librispeech) prepare=("$here/local/librispeech_data.sh" --silence-phone "$silence_phone") kind=librispeech phone_map='' ;;
  *) die "the corpus is timit, demo, librispeech or data, not '$corpus'" ;;
esac
[[ $corpus == librispeech || $corpus == data ]] || [ "$silence_phone" = sil ] ||
  die "--silence-phone is for a corpus of your own and librispeech; that of $corpus is sil"
if [ -n "$lexicon" ]; then
  [[ $corpus == librispeech || $corpus == data ]] || die "--lexicon is read of librispeech and data, not of $corpus"
  lexicon=$(one_name "$lexicon")
  [ -f "$lexicon" ] || die "--lexicon: no such file: $lexicon"
  prepare+=(--lexicon "$lexicon" --max-oov "$max_oov")
elif [ "$corpus" = librispeech ]; then
  die "words need pronunciations: --lexicon FILE, of your own, CMUdict, or librispeech-lexicon.txt of openslr.org/11"
fi
if [ "$corpus" = librispeech ]; then
  corpus_files_options=(--train-parts "$train_parts" --dev-parts "$dev_parts" --test-parts "$test_parts")
  prepare+=("${corpus_files_options[@]}")
else
  [ -z "$train_parts$dev_parts$test_parts" ] || die "--train-parts and the like are of librispeech, not of $corpus"
fi
[ -d "$corpus_dir" ] || [ "$corpus" = demo ] || die "no such corpus: there is no folder $corpus_dir"
nnet_config=$(find_config "$nnet_config")
network=$(network_facts ASR --config "$nnet_config" $train_opts $compute_opts) || exit 1
steps=$here/steps
sets="train dev test"
data=$dir/data/asr words=$dir/data/words lang=$dir/data/lang fbank=$dir/data_fbank/asr exp=$dir/exp
mono=$exp/mono graph=$exp/mono/graph asr=$exp/asr

# The lists of TIMIT's dev and test speakers, and how phones are folded, which belong to the corpus.
tables=()
[ -z "$lexicon" ] || tables=("lexicon: $(cksum <"$lexicon")" "utterances left out for its words: at most $max_oov"
  "silence phone: $silence_phone" "Kaldi programs: $programs" "jobs of the words' alignment (--nj): $nj"
  "conf/mfcc.conf: $(options_in "$here/conf/mfcc.conf")")
[ "$corpus" != librispeech ] || tables+=("parts: ${train_parts:-all} ${dev_parts:-all} ${test_parts:-all}")
[ -z "$phone_map" ] || tables=("conf/timit: $(cat "$here"/conf/timit/* | cksum)" "phone map: $(cksum <"$phone_map")")

what_is_made_with_what() {
  local files
  files=$(corpus_files asr_corpus)
  made_with 1 asr_corpus "data/asr${lexicon:+ data/words exp/words}" '' "ASR corpus: $corpus $corpus_dir" "files of the ASR corpus: $files" "${tables[@]}"
  made_with 2 lang data/lang asr_corpus "silence phone: $silence_phone"
  made_with 3 mfcc 'data/asr/*/feats.scp data/asr/*/cmvn.scp' asr_corpus \
    "conf/mfcc.conf: $(options_in "$here/conf/mfcc.conf")" "Kaldi programs: $programs"
  made_with 4 mono exp/mono "lang mfcc" "jobs of monophone training (--nj): $(num_jobs "$data/train" "$nj")"
  made_with 5 ali 'exp/mono_ali_*' mono
  made_with 6 fbank data_fbank/asr asr_corpus \
    "conf/fbank.conf: $(options_in "$here/conf/fbank.conf")" "Kaldi programs: $programs"
  made_with 7 asr_network exp/asr "ali fbank" "$network"
  made_with 8 graph exp/mono/graph mono
  made_with 8 mono_decode 'exp/mono/decode_*' graph
  made_with 8 asr_decode 'exp/asr/decode_* exp/asr/hmm.json' "graph asr_network"
}

prepare_corpus() {
  list_corpus_files asr_corpus
  "${prepare[@]}" "$corpus_dir" "$1"
}

begin_stages
keep_programs_loaded
if stage 1 "corpus to data directories"; then
  if [ "$corpus" = demo ] && [ ! -e "$corpus_dir/README.demo" ]; then
    begin_work
    python "$here/local/demo_asr.py" "$corpus_dir"
    what_is_made_with_what
  fi
  if [ -z "$lexicon" ]; then
    once asr_corpus "$data/corpus" prepare_corpus "$data"
  else
    [ -e "$data/corpus" ] || once asr_corpus "$words/corpus" prepare_corpus "$words"
    once asr_corpus "$data/corpus" "$here/local/words_to_phones.sh" --nj "$nj" --cmd "$cmd" --silence-phone "$silence_phone" \
      "$words" "$exp/words" "$data"
  fi
  what_is_made_with_what   # the number of speakers is known now
fi

if stage 2 "phones, lexicon, topology and bigram"; then
  needs 1 "$data/corpus"
  lang_options=(--silence-phone "$(printf %q "$silence_phone")")   # for the shell of a job
  grep -Fqx -- "$silence_phone" "$data/phones" || lang_options+=(--silence-prob 0.1)
  once lang "$lang/phones.txt" $short_cmd "$exp/log/prepare_lang.log" \
    "$here/utils/prepare_lang.sh" "${lang_options[@]}" "$data/phones" "$lang"
  once lang "$lang/bigram.arpa" python "$steps/train_bigram.py" --vocabulary "$data/phones" "$data/train/text" "$lang/bigram.arpa"
  once lang "$lang/G.fst" $short_cmd "$exp/log/make_grammar.log" "$here/utils/make_grammar.sh" "$lang/bigram.arpa" "$lang"
fi

if stage 3 "MFCC and their means by speaker"; then
  needs 1 "$data/corpus"
  for x in $sets; do
    once mfcc "$data/$x/feats.scp" "$steps/make_mfcc.sh" --nj "$(num_jobs "$data/$x" "$nj")" --cmd "$cmd" \
      --mfcc-config "$here/conf/mfcc.conf" "$data/$x"
    "$here/utils/keep_with_features.sh" "$data/$x"
    once mfcc "$data/$x/cmvn.scp" "$steps/compute_cmvn_stats.sh" "$data/$x"
  done
  what_is_made_with_what   # speakers without features are gone
fi

if stage 4 "monophone GMM-HMM from a flat start"; then
  needs 2 "$lang/G.fst"
  needs 3 "$data/train/cmvn.scp"
  # Kaldi's beams give up sentences whose recording is broken, 9 of 96 in NLTK's sample; stage 5 looks wider for their paths.
  max_lost=0.05
  if [ -s "$data/damaged" ] && [ ! -e "$mono/final.mdl" ]; then
    max_lost=0.1
    warn "this copy of the corpus is damaged ($(<"$data/damaged")): up to $max_lost of its sentences may be lost here, not 0.05"
  fi
  once mono "$mono/final.mdl" "$steps/train_mono.sh" --max-lost "$max_lost" --nj "$(num_jobs "$data/train" "$nj")" --cmd "$cmd" "$data/train" "$lang" "$mono"
fi

if stage 5 "forced alignment: a state for each frame"; then
  needs 4 "$mono/final.mdl"
  for x in $sets; do
    needs 3 "$data/$x/cmvn.scp"
    # The wide second beam finds a path for sentences that Kaldi's default of 40 gives up.
    once ali "${mono}_ali_$x/final.mdl" "$steps/align_si.sh" --nj "$(num_jobs "$data/$x" "$nj")" --cmd "$cmd" --retry-beam 400 \
      "$data/$x" "$lang" "$mono" "${mono}_ali_$x"
  done
fi

if stage 6 "filterbanks"; then
  needs 1 "$data/corpus"
  for x in $sets; do
    once fbank "$fbank/$x/utt2spk" "$here/utils/copy_data_dir.sh" "$data/$x" "$fbank/$x"
    once fbank "$fbank/$x/feats.scp" "$steps/make_fbank.sh" --nj "$(num_jobs "$data/$x" "$nj")" --cmd "$cmd" \
      --fbank-config "$here/conf/fbank.conf" --compress false "$fbank/$x"
    "$here/utils/keep_with_features.sh" "$fbank/$x"
  done
fi

# Refuse a speaker or utterance in two of train, dev and test; show what each of them holds.
audit_split() {
  local labels=()
  for x in $sets; do
    labels+=(--labels "ark:$here/utils/ali_to_pdf.sh ${mono}_ali_$x |")
  done
  mkdir -p "$asr"
  python "$here/utils/audit_split.py" "${labels[@]}" "$fbank"/{train,dev,test} 2>"$exp/log/audit_split.log" >"$asr/split.tmp" ||
    { rm -f "$asr/split.tmp"; die "$(cat "$exp/log/audit_split.log")"; }
  cat "$asr/split.tmp"
  mv "$asr/split.tmp" "$asr/split"
}

if stage 7 "ConvNet, and its frame error rate"; then
  needs 5 "${mono}"_ali_{train,dev,test}/final.mdl
  needs 6 "$fbank"/{train,dev,test}/feats.scp
  once asr_network "$asr/split" audit_split
  # What was made with a network that is gone
  [ -e "$asr/final.pt" ] || rm -f "$asr"/fer_{dev,test} "$asr"/decode_{dev,test}/best_wer "$asr/hmm.json"
  once asr_network "$asr/final.pt" "$steps/nnet/train.sh" --cmd "$cmd" --nnet-config "$nnet_config" --nnet-opts "$train_opts $compute_opts" \
    "$fbank/train" "$fbank/dev" "$lang" "${mono}_ali_train" "${mono}_ali_dev" "$asr"
  for x in dev test; do
    once asr_network "$asr/fer_$x" "$steps/nnet/evaluate.sh" --cmd "$cmd" --nnet-opts "$compute_opts" \
      "$fbank/$x" "${mono}_ali_$x" "$asr" "$asr/fer_$x"
  done
fi

if stage 8 "decoding and phone error rate"; then
  needs 2 "$lang/G.fst"
  needs 4 "$mono/final.mdl"
  needs 7 "$asr/final.pt"
  once graph "$graph/HCLG.fst" $short_cmd "$exp/log/mkgraph.log" "$here/utils/mkgraph.sh" "$lang" "$mono" "$graph"
  decode=("$here/local/decode_and_score.sh" --cmd "$cmd" --nj "$nj" --phone-map "$phone_map" --silence-phone "$silence_phone")
  once mono_decode "$mono/decode_test/best_wer" "${decode[@]}" --step steps/decode_best_path.sh "$graph" "$data" "$data" "$mono"
  once asr_decode "$asr/decode_test/best_wer" "${decode[@]}" --nnet-opts "$compute_opts" "$graph" "$data" "$fbank" "$asr"
  once asr_decode "$asr/hmm.json" python "$here/steps/nnet/write_hmm.py" "$lang" "$asr"   # for asrser_nn predict
  "$here/local/results.sh" "$dir"
  head -qn 1 "$asr"/fer_{dev,test}
fi
end_stages
