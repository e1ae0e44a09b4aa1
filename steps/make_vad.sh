#!/usr/bin/env bash
# Mark the frames that hold speech, by their energy. Same contract as Kaldi's compute_vad_decision.sh.
#
# Usage: steps/make_vad.sh [options] <data-dir> [<log-dir> [<vad-dir>]]
#  e.g.: steps/make_vad.sh --nj 2 data/ser
# Reads <data-dir>/feats.scp, whose column 0 must be log-energy (MFCC with conf/mfcc_vad.conf, never filterbanks);
# writes <vad-dir>/vad_<name>.JOB.ark and <data-dir>/vad.scp: for each utterance a vector, 1 is speech and 0 silence.
#
# Options, given as --name value:
nj=4                     # integer >= 1: parallel jobs
cmd=                     # how jobs run; default: see cmd.sh
vad_config=conf/vad.conf # options of compute-vad
# End options
set -eu -o pipefail
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[[ $# -ge 1 && $# -le 3 ]] || die "expected <data-dir> [<log-dir> [<vad-dir>]]; see $0 --help"
data=${1%/}
log_dir=${2:-$data/log}
vad_dir=${3:-$data/data}
name=$(basename "$data")

for f in "$data/feats.scp" "$vad_config"; do
  [ -f "$f" ] || die "no such file: $f"
done
dim=$(feat-to-dim "scp:$data/feats.scp" - 2>/dev/null)
[ "$dim" -le 20 ] || die "$data/feats.scp has $dim columns: these look like filterbanks; column 0 must be log-energy"

mkdir -p "$log_dir" "$vad_dir"
vad_dir=$(cd "$vad_dir" && pwd) # vad.scp must hold wherever it is read from
"$here/utils/split_data.sh" "$data" "$nj"

$cmd JOB=1:"$nj" "$log_dir/vad_$name.JOB.log" \
  compute-vad --config="$vad_config" "scp:$data/split$nj/JOB/feats.scp" \
  "ark,scp:$vad_dir/vad_$name.JOB.ark,$vad_dir/vad_$name.JOB.scp"

for ((n = 1; n <= nj; n++)); do
  cat "$vad_dir/vad_$name.$n.scp"
done >"$data/vad.scp.tmp"
mv "$data/vad.scp.tmp" "$data/vad.scp"

num_feats=$(wc -l <"$data/feats.scp")
num_vad=$(wc -l <"$data/vad.scp")
[ "$num_vad" -eq "$num_feats" ] ||
  die "$num_feats utterances in $data, speech marked in $num_vad; see $log_dir/vad_$name.*.log"
