#!/usr/bin/env bash
# How far do features travel between speech recognition and speech emotion recognition? The whole study, stage by stage.
#
# Usage: ./run.sh [options]
#  e.g.: ./run.sh --conf conf/quick
#        ./run.sh --asr-corpus timit --timit /corpora/TIMIT
#        ./run.sh --stop-stage 8 --asr-corpus timit --timit ../shared/data/timit-sample --conf conf/quick
# Stages:
#   0 set up on first use; what is there and what will be used
#   1 corpus to data directories      5 forced alignment
#   2 phones, lexicon, bigram         6 filterbanks
#   3 MFCC                            7 ConvNet, frame error rate
#   4 monophone GMM-HMM               8 decoding, phone error rate
# A stage whose outputs are complete is skipped, one that was stopped continues. In the environment, KALDI_ROOT names a
# compiled Kaldi to use, PYTHON an interpreter with this project installed, to use instead of .venv.
#
# Options, given as --name value:
stage=0             # first stage to run
stop_stage=8        # last stage to run
dir=                # data, data_fbank and exp lie here; default: this checkout
asr_corpus=demo     # demo (speech by a synthesiser, made on the spot), or timit (also its sample of NLTK)
timit=              # folder of TIMIT
conf=conf/paper     # configurations of the networks
nj=2                # parallel jobs; the GMM-HMM depends a little on their number
cmd=                # how jobs run; default: see cmd.sh
device=auto         # of the networks: auto, cpu or cuda
precision=fp32      # of the networks' products: fp32, tf32 or bf16
threads=0           # of the networks on a CPU; 0: as many as torch takes
seed=1              # of the networks' weights, frame order and dropout
# End options
set -eu -o pipefail
((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || {
  echo "$0: bash $BASH_VERSION is too old; 4.4 or later is needed" >&2
  exit 1
}
here=$(dirname "$0")
. "$here/utils/parse_options.sh"
[ $# -eq 0 ] || die "unexpected argument: $1; options are given as --name value"
dir=${dir:-$here}

case $asr_corpus in
  demo) asr_dir=$dir/data/demo_asr ;;
  timit)
    asr_dir=$timit
    [ -n "$timit" ] || die "--asr-corpus timit needs the folder of the corpus: --timit DIR"
    [ -d "$timit" ] || die "--timit: no such folder: $timit"
    ;;
  *) die "--asr-corpus is demo or timit, not '$asr_corpus'" ;;
esac
[ -f "$conf/asr.conf" ] || [ ! -f "$here/$conf/asr.conf" ] || conf=$here/$conf
[ -f "$conf/asr.conf" ] || die "--conf: no such file: $conf/asr.conf"

"$here/utils/setup.sh"
. "$here/path.sh"
. "$here/cmd.sh"

if [ "$stage" -le 0 ]; then
  "$here/utils/show_setup.sh"
  echo "ASR corpus:       $asr_corpus in $asr_dir"
  echo "Configuration:    $conf, seed $seed"
  echo "Work directory:   $(cd "$dir" 2>/dev/null && pwd || echo "$dir, new")"
fi

compute="--device $device --precision $precision --threads $threads"
"$here/recipe/asr.sh" --dir "$dir" --stage "$stage" --stop-stage "$stop_stage" --nj "$nj" --cmd "$cmd" \
  --nnet-config "$conf/asr.conf" --train-opts "--seed $seed" --compute-opts "$compute" "$asr_corpus" "$asr_dir"
