# shellcheck shell=bash
# What utils/run.sh and utils/slurm.sh have in common: what their arguments mean, how a job runs and what its log says.
# To be sourced by them.

die() {
  echo "$0: $*" >&2
  exit 1
}

# positive_number <option> <value>
positive_number() {
  [[ $2 =~ ^[1-9][0-9]*$ ]] || die "$1 is a number from 1, not '$2'"
}

# read_arguments "$@": sets max_jobs_run, num_threads, gpu, mem and time from options, queue_options to the others, log,
# command, and name, first, last and array from JOB=<first>:<last>. Makes the folder of the log.
read_arguments() {
  max_jobs_run='' num_threads=1 gpu=0 mem='' time='' queue_options=()
  # Options that stand alone, of sbatch; every other one has a value, as in Kaldi.
  local alone=' -V -- -H --hold -O --overcommit -k --no-kill -s --oversubscribe --contiguous --exclusive --requeue --no-requeue '
  alone+=' --spread-job --use-min-nodes --reboot '
  while [[ ${1:-} == -* ]]; do
    if [ "$1" = --help ]; then
      sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"
      exit
    elif [[ $alone == *" $1 "* ]]; then
      [[ $1 == -V || $1 == -- ]] || queue_options+=("$1")
      shift
      continue
    elif [[ $1 == --*=* ]]; then
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
    fi
    [[ $# -ge 2 && ! $2 =~ ^[A-Za-z_][A-Za-z0-9_]*=[0-9]+:[0-9]+$ ]] || die "$1 needs a value"
    # shellcheck disable=SC2034 # for the scripts that source this
    case $1 in
      --max-jobs-run) positive_number "$@" && max_jobs_run=$2 ;;
      --num-threads) positive_number "$@" && num_threads=$2 ;;
      --gpu) [ "$2" = 0 ] || positive_number "$@" && gpu=$2 ;;
      --mem) mem=$2 ;;
      --time) time=$2 ;;
      --*) queue_options+=("$1=$2") ;;
      *) queue_options+=("$1" "$2") ;;
    esac
    shift 2
  done
  name=JOB first=1 last=1 array=false
  if [[ ${1:-} =~ ^([A-Za-z_][A-Za-z0-9_]*)=([0-9]+)(:([0-9]+))?$ ]]; then
    name=${BASH_REMATCH[1]} first=$((10#${BASH_REMATCH[2]})) last=$((10#${BASH_REMATCH[4]:-${BASH_REMATCH[2]}})) array=true
    shift
  fi
  [ $# -ge 2 ] || die "expected [JOB=1:N] <log-file> <command>; see $0 --help"
  log=$1
  shift
  [ "$first" -le "$last" ] || die "no jobs in $name=$first:$last"
  [[ $first -eq $last || $log == *"$name"* ]] ||
    die "$((last - first + 1)) jobs would share one log; put $name in its name: $log"
  mkdir -p "$(dirname "$log")" || die "cannot make the folder of the log $log"

  command=
  local argument
  for argument in "$@"; do
    case $argument in
      "" | *[[:space:]]*)
        if [[ $argument == *\"* ]]; then command+="'$argument' "; else command+="\"$argument\" "; fi
        ;;
      *) command+="$argument " ;;
    esac
  done
}

# of_job <number> <text>: the text with the job's number in it
of_job() {
  if $array; then echo "${2//$name/$1}"; else echo "$2"; fi
}

# run_job <log> <command> <host>: the status is the command's. With show_progress, standard error is that of the caller.
run_job() {
  local start=$SECONDS status=0
  {
    echo "# $2"
    echo "# Running on $3"
    echo "# Started at $(date)"
    echo "#"
  } >"$1"
  if [ "${show_progress:-false}" = true ]; then exec 3>&2; else exec 3>>"$1"; fi
  bash -c "set -o pipefail; $2" >>"$1" 2>&3 </dev/null || status=$?
  echo "# Accounting: time=$((SECONDS - start)) threads=$num_threads" >>"$1"
  echo "# Ended (code $status) at $(date), elapsed time $((SECONDS - start)) seconds" >>"$1"
  return "$status"
}

# report_failures <job number> …: end with status 0 if there are none, else show the ends of their logs and end with 1.
# The array why holds what is known of a job's end besides its log.
declare -A why=()
report_failures() {
  [ $# -gt 0 ] || exit 0
  local job log_of_job
  echo "$0: $# of $((last - first + 1)) jobs failed; their logs end so:" >&2
  for job in "${@:1:3}"; do
    log_of_job=$(of_job "$job" "$log")
    echo "$log_of_job${why[$job]:+: ${why[$job]}}" >&2
    { grep -sv '^#' "$log_of_job" || true; } | tail -n 5 | sed 's/^/    /' >&2
  done
  for job in "${@:4}"; do echo "$(of_job "$job" "$log")${why[$job]:+: ${why[$job]}}" >&2; done
  exit 1
}
