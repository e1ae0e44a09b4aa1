# shellcheck shell=bash
# The frame of a recipe's stages. To be sourced by a recipe after its options, which include dir, stage and stop_stage:
#
#   if stage 4 "monophones from a flat start"; then
#     needs 3 "$data/train/feats.scp"
#     once "$dir/exp/mono/final.mdl" steps/train_mono.sh "$data/train" "$lang" "$dir/exp/mono"
#   fi
#   end_stages
#
# Each stage says its number and name, then how long it took, or that its outputs were complete before. Where something was
# done, <dir>/exp/seconds gets a line "<stage> <seconds> <name>".

running_stage='' stage_name='' stage_start=0 stage_did_work=false

# stage <number> <name>: end the stage before, and begin this one if it is wanted; else fail.
stage() {
  end_stages
  # shellcheck disable=SC2154 # options of the recipe
  [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] || return 1
  running_stage=$1 stage_name=$2 stage_start=$SECONDS stage_did_work=false
  echo "Stage $1: $2"
}

end_stages() {
  [ -n "$running_stage" ] || return 0
  local seconds=$((SECONDS - stage_start))
  if $stage_did_work; then
    echo "  done in $seconds s"
    # shellcheck disable=SC2154 # an option of the recipe
    mkdir -p "$dir/exp" && echo "$running_stage $seconds $stage_name" >>"$dir/exp/seconds"
  else
    echo "  was complete"
  fi
  running_stage=
}

# once <file> <command> [arguments]: run the command, unless the file that it writes last is there.
once() {
  [ ! -e "$1" ] || return 0
  stage_did_work=true
  "${@:2}"
  [ -e "$1" ] || die "stage $running_stage: '$2' ended without an error, but did not write $1"
}

# needs <stage> <file> …: fail if an output of an earlier stage is missing.
needs() {
  local file
  for file in "${@:2}"; do
    [ -e "$file" ] || die "stage $running_stage needs $file, which stage $1 makes; run with --stage $1"
  done
}

# num_jobs <data-dir> <wish>: the wish, but no more than there are speakers.
num_jobs() {
  local speakers
  speakers=$(wc -l <"$1/spk2utt")
  echo $(($2 < speakers ? $2 : speakers))
}

mkdir -p "$dir" && [ -w "$dir" ] || die "cannot write into $dir; choose another folder with --dir"
[[ $(cd "$dir" && pwd) != *[[:space:]]* && $(cd "$dir" && pwd) != *JOB* ]] ||
  die "$(cd "$dir" && pwd): Kaldi's tables and jobs take no path with a space or JOB in it; choose another folder with --dir"
