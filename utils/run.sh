#!/usr/bin/env bash
# Run a command as one or more jobs on this machine, each with a log. Takes what Kaldi's run.pl takes.
#
# Usage: utils/run.sh [options] [JOB=<first>:<last>] <log-file> <command> [arguments]
#  e.g.: utils/run.sh JOB=1:4 exp/log/copy.JOB.log copy-feats scp:data/split4/JOB/feats.scp ark:- \| gzip -c \> x.JOB.gz
#
# JOB in the log's name and in the command stands for the job's number. Bash runs the command: arguments without a space
# are taken as they are, so that \| and \> work; others are quoted. A job fails when any part of a pipe fails; all jobs
# are run to their end, and the status is 1 if any has failed.
#
# --max-jobs-run N   at most N jobs at a time; default: one per core
# --num-threads N    threads of a job: this many cores are counted for it
# --gpu N, --mem M, --time T and other options of queueing systems need a value, which has no effect here
#
# With show_progress=true in the environment a job's standard error goes where this script's own goes, not into the log:
# for programs that draw a progress bar on a terminal.
set -eu -o pipefail

die() {
  echo "$0: $*" >&2
  exit 1
}

max_jobs_run='' num_threads=1
while [[ ${1:-} == -* ]]; do
  case $1 in
    --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" && exit ;;
    -V) shift && continue ;;
  esac
  [ $# -ge 2 ] || die "$1 needs a value"
  case $1 in
    --max-jobs-run) max_jobs_run=$2 ;;
    --num-threads) num_threads=$2 ;;
  esac
  shift 2
done
name=JOB first=1 last=1 array=false
if [[ ${1:-} =~ ^([A-Za-z_][A-Za-z0-9_]*)=([0-9]+)(:([0-9]+))?$ ]]; then
  name=${BASH_REMATCH[1]} first=${BASH_REMATCH[2]} last=${BASH_REMATCH[4]:-${BASH_REMATCH[2]}} array=true
  shift
fi
[ $# -ge 2 ] || die "expected [JOB=1:N] <log-file> <command>; see $0 --help"
log=$1
shift
[ "$first" -le "$last" ] || die "no jobs in $name=$first:$last"
[[ $first -eq $last || $log == *"$name"* ]] || die "$((last - first + 1)) jobs would share one log; put $name in its name: $log"
mkdir -p "$(dirname "$log")" || die "cannot make the folder of the log $log"
# nproc would obey OMP_NUM_THREADS, which says something else.
cores=$(env -u OMP_NUM_THREADS nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
max_jobs_run=${max_jobs_run:-$(((cores + num_threads - 1) / num_threads))}

command=
for argument in "$@"; do
  case $argument in
    "" | *[[:space:]]*)
      if [[ $argument == *\"* ]]; then command+="'$argument' "; else command+="\"$argument\" "; fi
      ;;
    *) command+="$argument " ;;
  esac
done

# run_job <log> <command>
run_job() {
  local start=$SECONDS status=0
  {
    echo "# $2"
    echo "# Running on $HOSTNAME"
    echo "# Started at $(date)"
    echo "#"
  } >"$1"
  if [ "${show_progress:-false}" = true ]; then exec 3>&2; else exec 3>>"$1"; fi
  bash -c "set -o pipefail; $2" >>"$1" 2>&3 </dev/null || status=$?
  echo "# Accounting: time=$((SECONDS - start)) threads=$num_threads" >>"$1"
  echo "# Ended (code $status) at $(date), elapsed time $((SECONDS - start)) seconds" >>"$1"
  return "$status"
}

# Each job is a process group of its own, so that a signal ends all of it.
set -m
groups=()
# shellcheck disable=SC2329 # the traps call it
stop() {
  trap '' INT TERM HUP
  for group in "${groups[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done
  wait 2>/dev/null
  trap - "$1"
  kill -"$1" $$
}
for signal in INT TERM HUP; do
  # shellcheck disable=SC2064 # the signal's name is wanted now
  trap "stop $signal" "$signal"
done

running=0
for ((job = first; job <= last; job++)); do
  if [ "$running" -ge "$max_jobs_run" ]; then
    wait -n || true
    running=$((running - 1))
  fi
  if $array; then run_job "${log//$name/$job}" "${command//$name/$job}" & else run_job "$log" "$command" & fi
  groups+=($!)
  running=$((running + 1))
done

failed=()
for index in "${!groups[@]}"; do
  if ! wait "${groups[index]}"; then
    job_log=$log
    ! $array || job_log=${log//$name/$((first + index))}
    failed+=("$job_log")
  fi
done
[ ${#failed[@]} -eq 0 ] && exit
echo "$0: ${#failed[@]} of $((last - first + 1)) jobs failed; their logs end so:" >&2
for job_log in "${failed[@]:0:3}"; do
  echo "$job_log" >&2
  { grep -v '^#' "$job_log" || true; } | tail -n 5 | sed 's/^/    /' >&2
done
[ ${#failed[@]} -le 3 ] || printf '%s\n' "${failed[@]:3}" >&2
exit 1
