# shellcheck shell=bash
# How jobs run. To be sourced by every script that has the option --cmd, after path.sh; may be edited, as in Kaldi.
#
# cmd         what takes minutes or more: features, alignment, decoding. Default: utils/run.sh, which is this machine.
#             On a cluster with Slurm: utils/slurm.sh --partition day. Kaldi's run.pl, slurm.pl and queue.pl will do as well.
# cuda_cmd    networks, whose jobs ask for a GPU with --gpu 1. Default: cmd
# short_cmd   what takes seconds, and would wait longer in a queue than it runs. Default: this machine
#
# --cuda-cmd of run.sh, in the environment of other scripts, or edited here: cuda_cmd="utils/slurm.sh --partition gpu --num-threads 4"

cmd=${cmd:-$asrser_root/utils/run.sh}
cuda_cmd=${cuda_cmd:-$cmd}
if [ -z "${short_cmd:-}" ]; then
  case ${cmd%% *} in
    run.sh | */run.sh | run.pl | */run.pl) short_cmd=$cmd ;;
    *) short_cmd=$asrser_root/utils/run.sh ;;
  esac
fi
for runner in cmd cuda_cmd short_cmd; do
  # utils/slurm.sh is found from any folder.
  command -v "${!runner%% *}" >/dev/null || printf -v $runner %s "$asrser_root/${!runner}"
  command -v "${!runner%% *}" >/dev/null || path_die "--${runner//_/-}: no such program: ${!runner#"$asrser_root/"}"
done
unset runner

# cmd_for <data-dir> <seconds>: cmd, or short_cmd where all of the data directory's speech is less than ten seconds' work for
# one core, which works so many seconds on an hour of speech
cmd_for() {
  local frame_shift=0.01
  [ ! -f "$1/frame_shift" ] || frame_shift=$(<"$1/frame_shift")
  if [ -f "$1/utt2num_frames" ] && awk -v frame_shift="$frame_shift" -v seconds="$2" '
    { speech += $2 * frame_shift }
    END { exit !(speech / 3600 * seconds < 10) }' "$1/utt2num_frames"; then
    echo "$short_cmd"
  else
    echo "$cmd"
  fi
}

# num_gpus <options of asrser_nn>: how many GPUs such a command asks for
num_gpus() {
  if [[ " $* " =~ \ --device[\ =]cpu\  ]]; then echo 0; else echo 1; fi
}

# train_runs <workers> <log, with JOB in it> <options of asrser_nn grid> <list of runs>: make those that are not complete, by so
# many workers, each of which takes runs until none is left
train_runs() {
  local left
  left=$(asrser_nn grid --num-left "${@: -1}") || return 1
  # One looks whether what is there belongs to the data.
  show_progress=true $cuda_cmd --gpu "$(num_gpus "${@:3}")" JOB=1:"$(($1 < left ? $1 : left > 0 ? left : 1))" "$2" \
    asrser_nn grid --no-wait "${@:3}"
}
