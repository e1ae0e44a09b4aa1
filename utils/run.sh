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
. "$(dirname "$0")/jobs.sh"

read_arguments "$@"
# nproc would obey OMP_NUM_THREADS, which says something else.
cores=$(env -u OMP_NUM_THREADS nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
max_jobs_run=${max_jobs_run:-$(((cores + num_threads - 1) / num_threads))}

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
  run_job "$(of_job "$job" "$log")" "$(of_job "$job" "$command")" "$HOSTNAME" &
  groups+=($!)
  running=$((running + 1))
done

failed=()
for index in "${!groups[@]}"; do
  wait "${groups[index]}" || failed+=($((first + index)))
done
report_failures "${failed[@]}"
