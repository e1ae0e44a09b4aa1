#!/usr/bin/env bash
# shellcheck disable=SC2086 # options are lists of words
# Train monophone HMMs with Gaussian mixtures from a flat start, on speaker-normalised features with deltas.
#
# Usage: steps/train_mono.sh [options] <data-dir> <lang-dir> <exp-dir>
#  e.g.: steps/train_mono.sh --nj 4 data/asr/train data/lang exp/mono
# Reads feats.scp, cmvn.scp and text; writes tree, final.mdl, final.occs, fsts.JOB.gz, ali.JOB.gz, num_jobs, phones.txt,
# cmvn_opts and delta_opts. final.mdl is written last: where it is, all is.
#
# Options, given as --name value:
nj=4                 # integer >= 1: parallel jobs; each draws its own random paths for the start, so the model depends on their number
cmd=                 # how jobs run; default: see cmd.sh
num_iters=40         # integer >= 2: iterations of training
max_iter_inc=30      # integer >= 1: the last iteration that adds Gaussians
totgauss=1000        # integer >= 1: Gaussians in the end
power=0.25           # number >= 0: a state gets Gaussians as its number of frames to this power
realign_iters="1 2 3 4 5 6 7 8 9 10 12 14 16 18 20 23 26 29 32 35 38"   # integers >= 1: iterations that begin with a new alignment
initial_beam=6       # number > 0: beam of the first alignment
regular_beam=10      # number > 0: beam of the others
retry_beam=40        # number >= 0: beam of the second try, for a sentence that found no path
boost_silence=1.0    # number > 0: factor on the likelihood of silence in alignment
careful=false        # do not accept paths that end in a loop of the graph
scale_opts="--transition-scale=1.0 --acoustic-scale=0.1 --self-loop-scale=0.1"   # scales of the alignments
norm_vars=false      # normalise each speaker's variance too
cmvn_opts=           # further options of apply-cmvn
delta_opts=          # options of add-deltas
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

[ $# -eq 3 ] || die "expected <data-dir> <lang-dir> <exp-dir>; see $0 --help"
data=${1%/} lang=${2%/} dir=${3%/}
for f in "$data"/{text,feats.scp,cmvn.scp,utt2spk} "$lang"/{L.fst,topo,phones.txt,words.txt,oov.int} \
  "$lang"/phones/{sets.int,disambig.int,optional_silence.csl}; do
  [ -f "$f" ] || die "no such file: $f"
done
check_alignment_options "$initial_beam" "$regular_beam"
[[ " $realign_iters " == *' 1 '* ]] || die "--realign-iters must have 1: what follows needs an alignment"
oov=()
! $map_oov || oov=(--map-oov "$(cat "$lang/oov.int")")
"$here/utils/sym2int.sh" "${oov[@]}" "$lang/words.txt" "$data/text" >/dev/null
"$here/utils/split_data.sh" "$data" "$nj"
split=$data/split$nj
keep_programs_loaded
mkdir -p "$dir/log" || die "cannot write into $dir"
rm -f "$dir"/{final.mdl,final.occs,tree,num_jobs,cmvn_opts,delta_opts,phones.txt} "$dir"/[0-9]*.{mdl,occs,acc}
remove_parts "$dir"/{ali.JOB.gz,ali.JOB,fsts.JOB.gz,feats.JOB.ark}
rm -f "$dir"/log/{feats,compile_graphs,acc,align_acc,update}.*
! $norm_vars || cmvn_opts="--norm-vars=true $cmvn_opts"
echo "$nj" >"$dir/num_jobs"
echo "$cmvn_opts" >"$dir/cmvn_opts"
[ -z "$delta_opts" ] || echo "$delta_opts" >"$dir/delta_opts"
cp "$lang/phones.txt" "$dir/phones.txt"

job_cmd=$(cmd_for "$data" 13) # seconds of an iteration for an hour of speech
# Features as the Gaussians see them, computed once, as every iteration reads them twice.
feats=ark,s,cs:$dir/feats.JOB.ark
$job_cmd JOB=1:"$nj" "$dir/log/feats.JOB.log" \
  apply-cmvn $cmvn_opts --utt2spk=ark:"$split/JOB/utt2spk" scp:"$split/JOB/cmvn.scp" scp:"$split/JOB/feats.scp" ark:- \| \
  add-deltas $delta_opts ark:- ark:"$dir/feats.JOB.ark"

feat_dim=$(feat-to-dim ark:"$dir/feats.1.ark" - 2>"$dir/log/feat_dim.log") ||
  die "no features of $data: $(tail -n 1 "$dir/log/feat_dim.log")"
# All states start from the mean and variance of ten sentences.
$short_cmd "$dir/log/init.log" \
  gmm-init-mono --shared-phones="$lang/phones/sets.int" "--train-feats=ark:subset-feats --n=10 ark:$dir/feats.1.ark ark:- |" \
  "$lang/topo" "$feat_dim" "$dir/0.mdl" "$dir/tree"
num_gauss=$(gmm-info --print-args=false "$dir/0.mdl" 2>"$dir/log/info.log" | awk '/gaussians/ { print $NF }')
[ "$totgauss" -ge "$num_gauss" ] ||
  warn "--totgauss $totgauss is less than one for each of $num_gauss states; so there will be $num_gauss Gaussians"
increment=$(((totgauss - num_gauss) / max_iter_inc))

# Every sentence's graph; its frames dealt out evenly to the states of one path, drawn at random; statistics of that.
$job_cmd JOB=1:"$nj" "$dir/log/compile_graphs.JOB.log" \
  compile-train-graphs --read-disambig-syms="$lang/phones/disambig.int" "$dir/tree" "$dir/0.mdl" "$lang/L.fst" \
  "ark:$here/utils/sym2int.sh ${oov[*]} $lang/words.txt $split/JOB/text |" \
  "ark:| gzip -c >$dir/fsts.JOB.gz"
$job_cmd JOB=1:"$nj" "$dir/log/acc.0.JOB.log" \
  align-equal-compiled "ark:gunzip -c $dir/fsts.JOB.gz |" "$feats" ark:- \| \
  gmm-acc-stats-ali "$dir/0.mdl" "$feats" ark:- "$dir/0.JOB.acc"
# A small least occupancy, or rare phones get no Gaussian of their own now and never align later.
$short_cmd "$dir/log/update.0.log" \
  gmm-est --min-gaussian-occupancy=3 --mix-up="$num_gauss" --power="$power" \
  "$dir/0.mdl" "gmm-sum-accs - $dir/0.*.acc |" "$dir/1.mdl"

beam=$initial_beam
for ((iter = 1; iter < num_iters; iter++)); do
  [ ! -t 2 ] || printf '\riteration %d of %d ' "$iter" "$((num_iters - 1))" >&2
  if [[ " $realign_iters " == *" $iter "* ]]; then
    model=$dir/$iter.mdl
    [ "$boost_silence" = 1.0 ] ||
      model="gmm-boost-silence --boost=$boost_silence $(cat "$lang/phones/optional_silence.csl") $model - |"
    # Aligned and counted in one pass; the alignment is kept for the iterations that do not align.
    $job_cmd JOB=1:"$nj" "$dir/log/align_acc.$iter.JOB.log" \
      gmm-align-compiled $scale_opts --beam="$beam" --retry-beam="$retry_beam" --careful="$careful" "$model" \
      "ark:gunzip -c $dir/fsts.JOB.gz |" "$feats" ark,t:- \| tee "$dir/ali.JOB" \| \
      gmm-acc-stats-ali "$dir/$iter.mdl" "$feats" ark,s,cs:- "$dir/$iter.JOB.acc"
  else
    $job_cmd JOB=1:"$nj" "$dir/log/acc.$iter.JOB.log" \
      gmm-acc-stats-ali "$dir/$iter.mdl" "$feats" ark,s,cs:"$dir/ali.JOB" "$dir/$iter.JOB.acc"
  fi
  $short_cmd "$dir/log/update.$iter.log" \
    gmm-est --write-occs="$dir/$((iter + 1)).occs" --mix-up="$num_gauss" --power="$power" \
    "$dir/$iter.mdl" "gmm-sum-accs - $dir/$iter.*.acc |" "$dir/$((iter + 1)).mdl"
  rm -f "$dir/$iter".{mdl,occs} "$dir/$iter".*.acc
  [ "$iter" -gt "$max_iter_inc" ] || num_gauss=$((num_gauss + increment))
  beam=$regular_beam
done
[ ! -t 2 ] || printf '\r%30s\r' "" >&2

for ((job = 1; job <= nj; job++)); do cut -d ' ' -f 1 "$dir/ali.$job"; done >"$dir/aligned.tmp"
report_lost "$max_lost" "COUNT sentences in $data aligned" "$data/utt2spk" "$dir/aligned.tmp" "$dir/log/align_acc.*.log"
num_aligned=$(wc -l <"$dir/aligned.tmp")
rm "$dir/aligned.tmp"
for ((job = 1; job <= nj; job++)); do gzip -f "$dir/ali.$job"; done
rm -f "$dir"/feats.*.ark "$dir"/0.*
mv "$dir/$num_iters.occs" "$dir/final.occs"
mv "$dir/$num_iters.mdl" "$dir/final.mdl"
num_gauss=$(gmm-info --print-args=false "$dir/final.mdl" 2>>"$dir/log/info.log" | awk '/gaussians/ { print $NF }')
echo "$num_gauss Gaussians, trained on $num_aligned of $(wc -l <"$data/utt2spk") sentences"
