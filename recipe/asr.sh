#!/usr/bin/env bash
# shellcheck disable=SC2086 # cmd is a list of words
# The ASR branch: from a corpus of read speech to the phone error rates of a GMM-HMM and of the ConvNet (stages 1 to 8).
#
# Usage: recipe/asr.sh [options] <corpus> <corpus-dir>
#  e.g.: recipe/asr.sh --dir work/timit timit /corpora/TIMIT
# <corpus> is timit (also its sample of NLTK), demo: speech by a synthesiser, made in <corpus-dir>, or data: a folder of your
# own that holds the Kaldi data directories train, dev and test, with phones for words. Ends with exp/RESULTS. Rerun to
# continue what was stopped; delete an output to have it made again, and what was made from it too.
#
# Options, given as --name value:
dir=.                             # data, data_fbank and exp lie here
stage=1                           # integer in 0..13: first stage to run
stop_stage=8                      # integer in 0..13: last stage to run
nj=2                              # integer >= 1: parallel jobs; the GMM-HMM depends a little on their number
silence_phone=sil                 # of a corpus of your own; where no transcript has it, it may come between any two phones
cmd=                              # how jobs run; default: see cmd.sh
nnet_config=conf/paper/asr.conf   # options of asrser_nn train: the network and the method
train_opts=                       # further ones, such as "--seed 2"; they win
compute_opts=                     # options of every asrser_nn command, such as "--device cuda"
# End options
set -eu -o pipefail
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"
. "$here/utils/stages.sh"
keep_programs_loaded

[ $# -eq 2 ] || die "expected <corpus> <corpus-dir>, got $# arguments; see $0 --help"
corpus=$1 corpus_dir=${2%/}
prepare=("$here/local/timit_data.sh") phone_map=$here/conf/phones.61-48-39.map
case $corpus in
  timit | demo) ;;
  data) prepare=("$here/local/asr_data.sh" --silence-phone "$silence_phone") phone_map='' ;;
  *) die "the corpus is timit, demo or data, not '$corpus'" ;;
esac
[ -d "$corpus_dir" ] || [ "$corpus" = demo ] || die "no such corpus: there is no folder $corpus_dir"
steps=$here/steps
sets="train dev test"
data=$dir/data/asr lang=$dir/data/lang fbank=$dir/data_fbank/asr exp=$dir/exp
mono=$exp/mono graph=$exp/mono/graph asr=$exp/asr

origin="$corpus $(realpath -m "$corpus_dir")"
[ ! -f "$data/corpus" ] || [ "$(cat "$data/origin")" = "$origin" ] ||
  die "$data was made from $(cat "$data/origin"), not from $origin; choose another --dir, or remove $dir/{data,data_fbank,exp}"

if stage 1 "corpus to data directories"; then
  mkdir -p "$data"
  [ -f "$data/corpus" ] || echo "$origin" >"$data/origin"
  [ "$corpus" != demo ] || once "$corpus_dir/README.demo" python "$here/local/demo_asr.py" "$corpus_dir"
  once "$data/corpus" "${prepare[@]}" "$corpus_dir" "$data"
fi

if stage 2 "phones, lexicon, topology and bigram"; then
  needs 1 "$data/corpus"
  lang_options=(--silence-phone "$silence_phone")
  grep -Fqx -- "$silence_phone" "$data/phones" || lang_options+=(--silence-prob 0.1)
  once "$lang/phones.txt" $short_cmd "$exp/log/prepare_lang.log" \
    "$here/utils/prepare_lang.sh" "${lang_options[@]}" "$data/phones" "$lang"
  once "$lang/bigram.arpa" python "$steps/train_bigram.py" --vocabulary "$data/phones" "$data/train/text" "$lang/bigram.arpa"
  once "$lang/G.fst" $short_cmd "$exp/log/make_grammar.log" "$here/utils/make_grammar.sh" "$lang/bigram.arpa" "$lang"
fi

if stage 3 "MFCC and their means by speaker"; then
  needs 1 "$data/corpus"
  for x in $sets; do
    once "$data/$x/feats.scp" "$steps/make_mfcc.sh" --nj "$(num_jobs "$data/$x" "$nj")" --cmd "$cmd" \
      --mfcc-config "$here/conf/mfcc.conf" "$data/$x"
    "$here/utils/keep_with_features.sh" "$data/$x"
    once "$data/$x/cmvn.scp" "$steps/compute_cmvn_stats.sh" "$data/$x"
  done
fi

if stage 4 "monophone GMM-HMM from a flat start"; then
  needs 2 "$lang/G.fst"
  needs 3 "$data/train/cmvn.scp"
  # Kaldi's beams give up sentences whose recording is broken, 9 of 96 in NLTK's sample; stage 5 looks wider for their paths.
  once "$mono/final.mdl" "$steps/train_mono.sh" --max-lost 0.1 --nj "$(num_jobs "$data/train" "$nj")" --cmd "$cmd" "$data/train" "$lang" "$mono"
fi

if stage 5 "forced alignment: a state for each frame"; then
  needs 4 "$mono/final.mdl"
  for x in $sets; do
    needs 3 "$data/$x/cmvn.scp"
    # The wide second beam finds a path for sentences that Kaldi's default of 40 gives up.
    once "${mono}_ali_$x/final.mdl" "$steps/align_si.sh" --nj "$(num_jobs "$data/$x" "$nj")" --cmd "$cmd" --retry-beam 400 \
      "$data/$x" "$lang" "$mono" "${mono}_ali_$x"
  done
fi

if stage 6 "filterbanks"; then
  needs 1 "$data/corpus"
  for x in $sets; do
    once "$fbank/$x/utt2spk" "$here/utils/copy_data_dir.sh" "$data/$x" "$fbank/$x"
    once "$fbank/$x/feats.scp" "$steps/make_fbank.sh" --nj "$(num_jobs "$data/$x" "$nj")" --cmd "$cmd" \
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
    die "$(cat "$exp/log/audit_split.log")"
  cat "$asr/split.tmp"
  mv "$asr/split.tmp" "$asr/split"
}

if stage 7 "ConvNet, and its frame error rate"; then
  needs 5 "${mono}"_ali_{train,dev,test}/final.mdl
  needs 6 "$fbank"/{train,dev,test}/feats.scp
  once "$asr/split" audit_split
  # Also run if complete: it refuses to take a network of another configuration or seed for the one asked for.
  [ -e "$asr/final.pt" ] || stage_did_work=true
  "$steps/nnet/train.sh" --cmd "$cmd" --nnet-config "$nnet_config" --nnet-opts "$train_opts $compute_opts" \
    "$fbank/train" "$fbank/dev" "$lang" "${mono}_ali_train" "${mono}_ali_dev" "$asr"
  for x in dev test; do
    once "$asr/fer_$x" "$steps/nnet/evaluate.sh" --cmd "$cmd" --nnet-opts "$compute_opts" \
      "$fbank/$x" "${mono}_ali_$x" "$asr" "$asr/fer_$x"
  done
fi

if stage 8 "decoding and phone error rate"; then
  needs 2 "$lang/G.fst"
  needs 4 "$mono/final.mdl"
  needs 7 "$asr/final.pt"
  once "$graph/HCLG.fst" $short_cmd "$exp/log/mkgraph.log" "$here/utils/mkgraph.sh" "$lang" "$mono" "$graph"
  decode=("$here/local/decode_and_score.sh" --cmd "$cmd" --nj "$nj" --phone-map "$phone_map" --silence-phone "$silence_phone")
  once "$mono/decode_test/best_wer" "${decode[@]}" --step steps/decode_best_path.sh "$graph" "$data" "$data" "$mono"
  once "$asr/decode_test/best_wer" "${decode[@]}" --nnet-opts "$compute_opts" "$graph" "$data" "$fbank" "$asr"
  once "$asr/hmm.json" python "$here/steps/nnet/write_hmm.py" "$lang" "$asr"   # for asrser_nn predict
  "$here/local/results.sh" "$dir"
  head -qn 1 "$asr"/fer_{dev,test}
fi
end_stages
