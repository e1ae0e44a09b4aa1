#!/usr/bin/env bash
# shellcheck disable=SC2086 # options are lists of words
# Align a data directory to the states of its transcripts' phones, with a speaker-independent GMM-HMM.
#
# Usage: steps/align_si.sh [options] <data-dir> <lang-dir> <model-dir> <ali-dir>
#  e.g.: steps/align_si.sh --nj 4 data/asr/dev data/lang exp/mono exp/mono_ali_dev
# Reads tree and final.mdl; writes ali.JOB.gz, num_jobs, phones.txt, cmvn_opts, delta_opts, tree, final.occs and final.mdl
# into <ali-dir>. final.mdl is written last: where it is, all is.
#
# Options, given as --name value:
nj=4                 # integer >= 1: parallel jobs
cmd=                 # how jobs run; default: see cmd.sh
use_graphs=false     # take the graphs from <model-dir>, which must have been trained on the same data with the same nj
scale_opts="--transition-scale=1.0 --acoustic-scale=0.1 --self-loop-scale=0.1"   # scales of the alignment
beam=10              # number > 0: beam of the first try
retry_beam=40        # number >= 0: beam of the second try, for a sentence that found no path
careful=false        # do not accept paths that end in a loop of the graph
boost_silence=1.0    # number > 0: factor on the likelihood of silence
max_lost=0.05        # number in 0..1: fail if more than this part of the sentences is not aligned
map_oov=false        # true: a word that words.txt has not is taken for the one of oov.int; else it is an error
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/utils/tables.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -eq 4 ] || die "expected <data-dir> <lang-dir> <model-dir> <ali-dir>; see $0 --help"
data=${1%/} lang=${2%/} model_dir=${3%/} dir=${4%/}
for f in "$data"/{text,feats.scp,cmvn.scp,utt2spk} "$lang"/{L.fst,phones.txt,words.txt,oov.int} \
  "$lang"/phones/{disambig.int,optional_silence.csl} "$model_dir"/{tree,final.mdl,phones.txt}; do
  [ -f "$f" ] || die "no such file: $f"
done
cmp -s "$lang/phones.txt" "$model_dir/phones.txt" || die "$lang/phones.txt and $model_dir/phones.txt are not the same phones"
[ ! "$dir" -ef "$model_dir" ] || die "$dir is where the model is; write the alignment into another directory"
check_alignment_options "$beam"
if $use_graphs; then
  [ "$(cat "$model_dir/num_jobs")" = "$nj" ] || die "--use-graphs needs the --nj of $model_dir: $(cat "$model_dir/num_jobs")"
  for ((job = 1; job <= nj; job++)); do
    [ -f "$model_dir/fsts.$job.gz" ] || die "no such file: $model_dir/fsts.$job.gz"
  done
else
  oov=()
  ! $map_oov || oov=(--map-oov "$(cat "$lang/oov.int")")
  "$here/utils/sym2int.sh" "${oov[@]}" "$lang/words.txt" "$data/text" >/dev/null
fi
"$here/utils/split_data.sh" "$data" "$nj"
split=$data/split$nj
mkdir -p "$dir/log" || die "cannot write into $dir"
rm -f "$dir"/{final.mdl{,.tmp},final.occs,num_jobs,tree,phones.txt,cmvn_opts,delta_opts}
remove_parts "$dir/ali.JOB.gz" "$dir/log/align.JOB.log"
cmvn_opts='' delta_opts=''
[ ! -e "$model_dir/cmvn_opts" ] || cmvn_opts=$(cat "$model_dir/cmvn_opts")
[ ! -e "$model_dir/delta_opts" ] || delta_opts=$(cat "$model_dir/delta_opts")

feats="ark,s,cs:apply-cmvn $cmvn_opts --utt2spk=ark:$split/JOB/utt2spk scp:$split/JOB/cmvn.scp scp:$split/JOB/feats.scp ark:- |"
feats+=" add-deltas $delta_opts ark:- ark:- |"
model=$model_dir/final.mdl
[ "$boost_silence" = 1.0 ] ||
  model="gmm-boost-silence --boost=$boost_silence $(cat "$lang/phones/optional_silence.csl") $model - |"
job_cmd=$(cmd_for "$data" 37) # seconds for an hour of speech
align="gmm-align-compiled $scale_opts --beam=$beam --retry-beam=$retry_beam --careful=$careful"
if $use_graphs; then
  $job_cmd JOB=1:"$nj" "$dir/log/align.JOB.log" \
    $align "$model" "ark:gunzip -c $model_dir/fsts.JOB.gz |" "$feats" "ark,t:| gzip -c >$dir/ali.JOB.gz"
else
  $job_cmd JOB=1:"$nj" "$dir/log/align.JOB.log" \
    compile-train-graphs --read-disambig-syms="$lang/phones/disambig.int" "$model_dir/tree" "$model_dir/final.mdl" "$lang/L.fst" \
    "ark:$here/utils/sym2int.sh ${oov[*]} $lang/words.txt $split/JOB/text |" ark:- \| \
    $align "$model" ark:- "$feats" "ark,t:| gzip -c >$dir/ali.JOB.gz"
fi

for ((job = 1; job <= nj; job++)); do gunzip -c "$dir/ali.$job.gz"; done | cut -d ' ' -f 1 >"$dir/aligned.tmp"
report_lost "$max_lost" "COUNT sentences in $data aligned" "$data/utt2spk" "$dir/aligned.tmp" "$dir/log/align.*.log"
rm "$dir/aligned.tmp"
for f in phones.txt cmvn_opts delta_opts tree final.occs; do
  [ ! -f "$model_dir/$f" ] || cp "$model_dir/$f" "$dir/$f"
done
echo "$nj" >"$dir/num_jobs"
cp "$model_dir/final.mdl" "$dir/final.mdl.tmp"
mv "$dir/final.mdl.tmp" "$dir/final.mdl"
