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
# --max-jobs-run N   at most N jobs at a time; default: one per core, on GPUs all of them
# --num-threads N    threads of a job: this many cores are counted for it
# --gpu N            GPUs of a job: the next N of those visible, going round; without a GPU, jobs share the cores
# --mem M, --time T and other options of queueing systems need a value, which has no effect here
#
# With show_progress=true in the environment a job's standard error goes where this script's own goes, not into the log:
# for programs that draw a progress bar on a terminal.
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
. "$(dirname "$(readlink -f "$0")")/jobs.sh"

read_arguments "$@"
# nproc would obey OMP_NUM_THREADS, which says something else.
cores=$(env -u OMP_NUM_THREADS nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
most=$(((cores + num_threads - 1) / num_threads)) num_jobs=$((last - first + 1)) gpus=()
if [ "$gpu" != 0 ]; then
  # Those that the environment names are a scheduler's choice, or the user's.
  if [ -n "${CUDA_VISIBLE_DEVICES+set}" ]; then
    IFS=, read -r -a gpus <<<"$CUDA_VISIBLE_DEVICES"
  elif numbers=$(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null); then
    mapfile -t gpus <<<"$numbers"
  fi
  [ ${#gpus[@]} -eq 0 ] || most=$num_jobs # it is the GPUs that work
fi
max_jobs_run=${max_jobs_run:-$most}
if [[ $gpu != 0 && ${#gpus[@]} -eq 0 && $num_jobs -gt 1 ]]; then
  at_once=$((max_jobs_run < num_jobs ? max_jobs_run : num_jobs))
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((cores > at_once ? cores / at_once : 1))}
fi

# gpus_of <job>: the next of the GPUs, and after the last the first again
gpus_of() {
  local number=$((gpu < ${#gpus[@]} ? gpu : ${#gpus[@]})) i some=
  for ((i = 0; i < number; i++)); do some+=,${gpus[(($1 - first) * number + i) % ${#gpus[@]}]}; done
  echo "${some#,}"
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
  if [ ${#gpus[@]} -gt 0 ]; then
    CUDA_VISIBLE_DEVICES=$(gpus_of "$job")
    export CUDA_VISIBLE_DEVICES
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
