#!/usr/bin/env bash
# Write the state (pdf id) of each frame of an alignment, all its jobs, as one archive on standard output.
#
# Usage: utils/ali_to_pdf.sh <ali-dir>
#  e.g.: asrser_nn evaluate exp/asr data_fbank/asr/dev "ark:utils/ali_to_pdf.sh exp/mono_ali_dev |"
# Reads final.mdl, num_jobs and ali.JOB.gz of <ali-dir>, in the order of the jobs. Files of more jobs than num_jobs says are
# left from another alignment, and an error.
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 1 ] || die "expected <ali-dir>; see $0 --help"
ali=${1%/}
for f in "$ali"/{final.mdl,num_jobs}; do [ -f "$f" ] || die "no such file: $f"; done
num_jobs=$(<"$ali/num_jobs")
[[ $num_jobs =~ ^[1-9][0-9]*$ ]] || die "$ali/num_jobs: expected a number of jobs, found '$num_jobs'"
parts=()
for ((job = 1; job <= num_jobs; job++)); do
  parts+=("$ali/ali.$job.gz")
  [ -f "$ali/ali.$job.gz" ] || die "no such file: $ali/ali.$job.gz; num_jobs is $num_jobs"
done
found=$(find "$ali/" -maxdepth 1 -name 'ali.[0-9]*.gz' | wc -l)
[ "$found" -eq "$num_jobs" ] || die "$ali holds the alignments ali.JOB.gz of $found jobs, but its num_jobs is $num_jobs:" \
  "some are left from another alignment; align again"
# Of what the program says only warnings and errors are wanted on the screen of those who read this.
{
  gunzip -c "${parts[@]}" | ali-to-pdf --print-args=false "$ali/final.mdl" ark:- ark:- 2>&1 >&3 | { grep -v '^LOG' >&2 || true; }
} 3>&1
