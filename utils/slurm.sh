#!/usr/bin/env bash
# Run a command as one or more jobs of Slurm, each with a log, and wait for them. Takes what utils/run.sh takes.
#
# Usage: utils/slurm.sh [options] [JOB=<first>:<last>] <log-file> <command> [arguments]
#  e.g.: utils/slurm.sh --partition day JOB=1:4 exp/log/copy.JOB.log copy-feats scp:data/split4/JOB/feats.scp ark:x.JOB.ark
#
# The jobs are one array, submitted with sbatch (more than one where the cluster's MaxArraySize is smaller); they have this
# script's environment and folder. The status is 1 if any job has failed. What ends this script, or the script that called
# it, cancels the jobs.
#
# --max-jobs-run N   at most N jobs at a time
# --num-threads N    cores of a job, which are also its OMP_NUM_THREADS, unless that is set
# --gpu N            GPUs of a job; where the partition has none, jobs run without, and this script says so
# --mem M, --time T  memory and time of a job; default: as the cluster has it
# --late S           how many seconds a file may take to be seen by the other machines [60]
# --partition day    this and every other option goes to sbatch as it is; those without a value too, such as --exclusive
#
# A job's files and this script's own, beside the log, must lie on a file system that the nodes share. What the command
# names and is there now is waited for by the job; what it names and has written is waited for here. A job that Slurm ended
# (time, memory, a lost node, scancel) is not submitted again, unless --requeue is given, and its log says why it ended.
#
# With show_progress=true in the environment a job's standard error goes where this script's own goes, not into the log.
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
. "$(dirname "$(readlink -f "$0")")/jobs.sh"

read_arguments "$@"
late=60 sbatch_options=() partition=${SBATCH_PARTITION:-}
for ((i = 0; i < ${#queue_options[@]}; i++)); do
  option=${queue_options[i]}
  case $option in
    --late=*) positive_number --late "${option#*=}" && late=${option#*=} ;;
    --partition=*) partition=${option#*=} ;;&
    -p) partition=${queue_options[i + 1]} ;;&
    *) sbatch_options+=("$option") ;;
  esac
done
for program in sbatch squeue scancel scontrol sinfo; do
  command -v "$program" >/dev/null || die "no program $program here: jobs are sent from a machine that has Slurm's commands"
done
if [ "$gpu" != 0 ]; then
  # Without a partition, those of the default one, which has a star.
  offers=$(sinfo --noheader --format='%P %G' ${partition:+--partition="$partition"}) || die "sinfo does not answer"
  if awk -v given="$partition" '(given || $1 ~ /\*$/) && $2 ~ /(^|,)gpu/ { found = 1 } END { exit !found }' <<<"$offers"; then
    sbatch_options=(--gres=gpu:"$gpu" "${sbatch_options[@]}")
  else
    echo "$0: no GPU in partition ${partition:-$(sed -n 's/\* .*//p' <<<"$offers" | head -n 1)}: ${log##*/} runs without" >&2
  fi
fi

# ---- This script's own files: a folder beside the log

# orphaned: whether a script of this project that called this one is gone. asrser_callers: <host>:<process> …
orphaned() {
  local caller
  for caller in ${asrser_callers:-}; do
    [[ $caller != "$HOSTNAME":* ]] || kill -0 "${caller#*:}" 2>/dev/null || return 0
  done
  return 1
}

# cancel <state-dir>: cancel the jobs that were submitted from there, and wait for their end, which programs may put off.
cancel() {
  local ids deadline=$((SECONDS + 60))
  ids=$(cat "$1/arrays" 2>/dev/null) && [ -n "$ids" ] || return 0
  # shellcheck disable=SC2086 # a list of words
  scancel --quiet $ids || true
  while squeue --noheader --jobs="${ids//$'\n'/,}" --format=%i 2>/dev/null | grep -q . && [ $SECONDS -lt $deadline ]; do
    sleep 0.5
  done
}

# claim: make the folder. If it is there, somebody waits for these jobs, or was killed while doing so.
claim() {
  local host process started
  mkdir "$mine" || die "cannot write into $(dirname "$state")"
  echo "$me" >"$mine/owner"
  while ! mv -T "$mine" "$state" 2>/dev/null; do
    read -r host process started 2>/dev/null <"$state/owner" || host=$here process=none
    if [ "$host" != "$here" ] || [ "$(start_of "$process")" = "$started" ]; then
      [ "$host" != "$here" ] || die "process $process waits for jobs with the same log, $log"
      die "process $process on $host submitted jobs with the same log, $log; if it is no more:" \
        "scancel $(paste -sd ' ' "$state/arrays" 2>/dev/null); rm -r '$state'"
    fi
    cancel "$state"
    rm -r "$state"
  done
}

# start_of <process>: when it was started, by which it is told from a later one with its number; nothing if it is no more
start_of() {
  cut -d ' ' -f 22 "/proc/$1/stat" 2>/dev/null || true
}

here=$(uname -n)
me="$here $$ $(start_of $$)"
state=$(cd "$(dirname "$log")" && pwd)/.$(basename "$log").slurm
mine=$state.$here.$$ jobs_are_done=false
# shellcheck disable=SC2329 # the traps call these
clean_up() {
  trap '' INT TERM HUP
  [ -z "${writer:-}" ] || { kill "$writer" && wait; } 2>/dev/null || true
  if [ "$(cat "$state/owner" 2>/dev/null)" = "$me" ]; then
    $jobs_are_done || cancel "$state"
    rm -rf "$state"
  fi
  rm -rf "$mine"
}
# shellcheck disable=SC2329
stop() {
  echo "$0: cancelling the jobs of ${log##*/}" >&2
  clean_up
  trap - EXIT "$1"
  kill -"$1" $$
}
trap clean_up EXIT
for signal in INT TERM HUP; do
  # shellcheck disable=SC2064 # the signal's name is wanted now
  trap "stop $signal" "$signal"
done
claim

# ---- What a job does, on its node

# paths_in <text>: what may be a file's name in a command, one a line
paths_in() {
  tr -s "[:space:]:,=|<>;&()\"'" '\n' <<<"$1" | grep -vE '^(|/dev/.*)$' | sort -u
}

# await <seconds> <path>: fail if it is not there in time. A file made in the folder has NFS look into it again.
await() {
  local folder
  while [ ! -e "$2" ]; do
    [ $SECONDS -lt "$1" ] || return 1
    sleep 0.2
    folder=$2
    until [ -d "$folder" ]; do folder=$(dirname "$folder"); done
    look_again "$folder"
  done
}

look_again() {
  local kick
  kick=$1/.kick.$(uname -n).$$
  { : >"$kick" && rm -f "$kick"; } 2>/dev/null || true
}

# shellcheck disable=SC2329 # the batch script calls it
# task <job>: run it, and leave exit.<job> with its status and the files that the command names and has written
task() {
  local job=$1 status=0 path deadline=$((SECONDS + late)) written
  await "$deadline" "$state" || {
    echo "no folder $state on this node" >&2
    exit 1
  }
  rm -f "$state/exit.$job" # of a job that runs again after a --requeue
  await "$deadline" "$directory" || true
  cd "$directory"
  for path in "${inputs[@]}"; do
    await "$deadline" "$(of_job "$job" "$path")" || echo "not seen after $late s: $path" >&2
  done
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$num_threads} asrser_callers=
  unset cuda_cmd short_cmd # what the command starts runs in this job, unless it says otherwise
  : >"$state/begin.$job"
  trap : TERM # to tell of the command's end by that signal
  run_job "$(of_job "$job" "$log")" "$(of_job "$job" "$command")" "$SLURMD_NODENAME" 2>>"$state/progress.$job" || status=$?
  [ "$status" -ne 0 ] || written=$(paths_in "$(of_job "$job" "$command")" | while read -r path; do
    if [[ -e $path && ! $path -ot $state/begin.$job ]]; then echo "$path"; fi
  done)
  printf '%s\n' "$status" ${written:+"$written"} >"$state/exit.$job.tmp"
  mv "$state/exit.$job.tmp" "$state/exit.$job"
  exit "$status"
}

# ---- Submit

# Of the files that the command names, those that are there now for all jobs.
inputs=()
while read -r path; do
  if [[ $path == *\** ]]; then
    while read -r match; do inputs+=("$match"); done < <(compgen -G "$path")
    continue
  fi
  for ((job = first; job <= last; job++)); do [ -e "$(of_job "$job" "$path")" ] || continue 2; done
  inputs+=("$path")
done < <(paths_in "$command")
directory=$PWD

declare -A task_of=() # the name of a job with Slurm, <array>_<index>
# submit <first index> <last index> <job number of index 0> [<option>]
submit() {
  local offset=$3 index
  (
    trap '' INT TERM HUP # or a job might be submitted that nobody knows
    # shellcheck disable=SC2016 # the job's own variable
    {
      echo '#!/usr/bin/env bash'
      declare -p state directory log command name array num_threads late inputs offset
      declare -f of_job await look_again paths_in run_job task
      echo 'set -eu; task $((SLURM_ARRAY_TASK_ID + offset))'
    } | sbatch --job-name="$(basename "${log/.$name/}" .log)" --nodes=1 --ntasks=1 --cpus-per-task="$num_threads" \
      --no-requeue ${mem:+--mem="$mem"} ${time:+--time="$time"} "${sbatch_options[@]}" ${4:+"$4"} --parsable --export=ALL \
      --array="$1-$2${max_jobs_run:+%$max_jobs_run}" --input=/dev/null --output="${state//%/%%}/slurm.%A_%a" |
      sed 's/;.*//' >>"$state/arrays" # without the cluster's name
  ) 2>"$state/sbatch.err" || die "sbatch refused ${log##*/}: $(paste -sd ' ' "$state/sbatch.err")"
  cat "$state/sbatch.err" >&2
  id=$(tail -n 1 "$state/arrays")
  for ((index = $1; index <= $2; index++)); do task_of[$((index + offset))]=${id}_$index; done
}

most=$(scontrol show config | awk '$1 == "MaxArraySize" { print $3 }') || die "Slurm's controller does not answer"
if [ "$last" -lt "${most:-1001}" ]; then
  submit "$first" "$last" 0
else
  for ((begin = first; begin <= last; begin += most - 1)); do
    count=$((last - begin + 1 < most - 1 ? last - begin + 1 : most - 1))
    # No more jobs at a time than asked for: one array after the other.
    submit 1 $count $((begin - 1)) ${max_jobs_run:+${id:+--dependency=afterany:$id}}
  done
fi

# ---- Wait

if [ "${show_progress:-false}" = true ]; then
  for ((job = first; job <= last; job++)); do : >>"$state/progress.$job"; done
  # When the process `writer` ends, tail shows what is left and ends too.
  tail --follow --pid=$$ /dev/null &
  writer=$!
  tail --quiet --lines=+1 --follow --sleep-interval=0.2 --pid=$writer "$state"/progress.* >&2 &
fi

declare -A status_of=() state_of=() missing_since=()
# end_job <job> <status> [<why>]
end_job() {
  status_of[$1]=$2
  [ -z "${3:-}" ] || why[$1]=$3
}

# look_for_ends: take over what jobs have left. Failures wait for Slurm's word.
shopt -s nullglob
look_for_ends() {
  local file job status path
  look_again "$state"
  for file in "$state"/exit.*[0-9]; do
    job=${file##*.}
    [ -z "${status_of[$job]:-}" ] || continue
    {
      read -r status && [ "$status" -eq 0 ] || continue
      end_job "$job" 0
      while read -r path; do
        await $((SECONDS + late)) "$path" || end_job "$job" 1 "it wrote $path, not seen here after $late s: is that folder shared?"
        [ ! -d "$path" ] || look_again "$path"
      done
    } <"$file"
    await $((SECONDS + late)) "$(of_job "$job" "$log")" || end_job "$job" 1 "its log is not seen here after $late s"
  done
}

# ask_slurm: sets state_of to what has become of each task; fails if there is no answer
ask_slurm() {
  local task word reason answer
  state_of=() waiting_for=
  if ! answer=$(squeue --array --states=all --noheader --format='%F_%K %T %r' --jobs="$(paste -sd, "$state/arrays")" \
    2>"$state/squeue.err"); then
    grep -q 'Invalid job id' "$state/squeue.err" || return 1
  fi
  while read -r task word reason; do
    [ -n "$task" ] || continue
    state_of[$task]=$word
    [ "$word" != PENDING ] || waiting_for=$reason
  done <<<"$answer"
}

# Slurm's words for jobs that it ended, in ours
declare -A ended_by_slurm=(
  [TIMEOUT]="it ran longer than it may (--time)" [OUT_OF_MEMORY]="it took more memory than it may (--mem)"
  [NODE_FAIL]="its node was lost" [BOOT_FAIL]="its node did not start" [CANCELLED]="somebody cancelled it"
  [PREEMPTED]="another job took its place" [DEADLINE]="its deadline passed" [REVOKED]="another cluster took it"
)

# judge: end the jobs of which Slurm says that they have ended
judge() {
  local job word status signal
  for ((job = first; job <= last; job++)); do
    [ -z "${status_of[$job]:-}" ] || continue
    signal=
    word=${state_of[${task_of[$job]}]:-}
    if [ -z "$word" ] && [ ! -e "$state/exit.$job" ]; then
      # Slurm forgets the jobs that ended a while ago, unless it keeps accounts.
      word=$(sacct --noheader --allocations --parsable2 --format=State --jobs="${task_of[$job]}" 2>/dev/null || true)
      word=${word%% *}
    fi
    case $word in
      PENDING | RUNNING | CONFIGURING | COMPLETING | SUSPENDED | RESIZING | REQUEUED | SIGNALING | STAGE_OUT | STOPPED | SPECIAL_EXIT)
        continue
        ;;
    esac
    status=$(head -n 1 "$state/exit.$job" 2>/dev/null) || status=
    # Some set-ups say FAILED of a job that took too much memory, and only its output tells.
    ! grep -qsE 'oom.kill|exceeded (job )?memory limit' "$state/slurm.${task_of[$job]}" || word=OUT_OF_MEMORY
    [ -n "$status" ] || signal=$(scontrol show job "${task_of[$job]}" 2>/dev/null | sed -n 's/.* ExitCode=0:\([1-9][0-9]*\).*/\1/p')
    if [ -n "${ended_by_slurm[$word]:-}" ]; then
      end_job "$job" "${status:-1}" "Slurm ended it: $word, ${ended_by_slurm[$word]}"
    elif [ "$status" = 0 ]; then
      continue # just now
    elif [ -n "$status" ]; then
      [ "$status" -le 128 ] || signal=$((status - 128))
      end_job "$job" "$status" ${signal:+"signal $signal ended it"}
    elif [ "${signal:-53}" != 53 ]; then
      end_job "$job" 1 "signal $signal ended it"
    else
      missing_since[$job]=${missing_since[$job]:-$SECONDS}
      if [ $((SECONDS - missing_since[$job])) -ge "$late" ]; then
        end_job "$job" 1 "Slurm says ${word:-nothing}; its status is not seen in $state after $late s: do the nodes share that folder?"
      elif [ "$signal" = 53 ]; then
        submit 1 1 $((job - 1)) # the node did not see the folder yet, into which goes what Slurm says of the job
      fi
    fi
  done
}

num_jobs=$((last - first + 1)) next_question=$((SECONDS + 5)) last_words=
while look_for_ends && [ ${#status_of[@]} -lt $num_jobs ]; do
  ! orphaned || {
    echo "$0: the script that waited for ${log##*/} is gone; cancelling job $(paste -sd ' ' "$state/arrays")" >&2
    exit 1
  }
  ends=("$state"/exit.*[0-9])
  if [ $SECONDS -ge $next_question ] || [ ${#ends[@]} -gt ${#status_of[@]} ]; then
    words=
    if ask_slurm; then
      judge
      [[ -z $waiting_for || " ${state_of[*]} " == *" RUNNING "* ]] || words="waiting for Slurm, which says: $waiting_for"
    else
      words="Slurm does not answer: $(tail -n 1 "$state/squeue.err")"
    fi
    # Said once, and not at once: most jobs wait for a moment.
    if [[ -n $words && $words != "$last_words" && $SECONDS -ge $((late / 2)) ]]; then
      echo "$0: ${log##*/}: $words" >&2
      last_words=$words
    fi
    next_question=$((SECONDS + (SECONDS < 50 ? 5 : SECONDS < 300 ? SECONDS / 10 : 30)))
  fi
  # Look often at first: the pause is a twentieth of the time so far.
  pause=$((SECONDS * 50 < 100 ? 100 : SECONDS * 50 > 3000 ? 3000 : SECONDS * 50))
  sleep "$((pause / 1000)).$(printf %03d $((pause % 1000)))"
done
jobs_are_done=true

failed=()
for ((job = first; job <= last; job++)); do
  [ "${status_of[$job]}" -ne 0 ] || [ -n "${why[$job]:-}" ] || continue
  failed+=("$job")
  cat "$state/slurm.${task_of[$job]}" >>"$(of_job "$job" "$log")" 2>/dev/null || true
  [ -z "${why[$job]:-}" ] || echo "# ${why[$job]}" >>"$(of_job "$job" "$log")"
done
report_failures "${failed[@]}"
