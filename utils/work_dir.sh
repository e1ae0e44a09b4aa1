# shellcheck shell=bash
# The work directory of a run: one name for it, and one run at a time in it. To be sourced after the options; sets dir.

# shellcheck disable=SC2154 # here: the checkout, as every script has it
. "$here/utils/paths.sh"
# shellcheck disable=SC2154 # an option of the script
dir=$(one_name "$dir")
check_path --dir "$dir"

# lock_work_dir: fail if another run works in the directory. The lock is held until this script and all that it has started
# have ended, however they end; the scripts that it calls do not ask for it again.
lock_work_dir() {
  [ "${asrser_locked_dir:-}" != "$dir" ] || return 0
  [ -w "$dir" ] || die "cannot write into $dir; choose another folder with --dir"
  local lock
  exec {lock}>>"$dir/.lock" || die "cannot write $dir/.lock"
  python "$here/utils/lock.py" "$lock" "$dir/.lock" "$(script_name)" "$$" || exit 1
  export asrser_locked_dir=$dir
}
