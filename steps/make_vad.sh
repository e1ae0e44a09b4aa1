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
max_lost=0               # number in 0..1: fail if more than this part of the utterances with features gets no decision
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/utils/tables.sh"
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
mkdir -p "$log_dir" "$vad_dir" || die "cannot write into $log_dir and $vad_dir"
dim=$(feat-to-dim "scp:$data/feats.scp" - 2>"$log_dir/vad_dim_$name.log") ||
  die "no features of $data: $(tail -n 1 "$log_dir/vad_dim_$name.log")"
[ "$dim" -le 20 ] || die "$data/feats.scp has $dim columns: these look like filterbanks; column 0 must be log-energy"
"$here/utils/split_data.sh" --ignore vad.scp "$data" "$nj"

vad_dir=$(cd "$vad_dir" && pwd) # vad.scp must hold wherever it is read from
rm -f "$data"/vad.scp{,.tmp}
remove_parts "$vad_dir/vad_$name.JOB".{ark,scp} "$log_dir/vad_$name.JOB.log"
job_cmd=$(cmd_for "$data" 2) # seconds for an hour of speech
$job_cmd JOB=1:"$nj" "$log_dir/vad_$name.JOB.log" \
  compute-vad --config="$vad_config" "scp:$data/split$nj/JOB/feats.scp" \
  "ark,scp:$vad_dir/vad_$name.JOB.ark,$vad_dir/vad_$name.JOB.scp"
"$here/utils/join_parts.sh" --max-lost "$max_lost" --what "speech marked in COUNT utterances of $data that have features" \
  --log "$log_dir/vad_$name.*.log" "$data/feats.scp" "$vad_dir/vad_$name.JOB.scp" "$nj" "$data/vad.scp"
