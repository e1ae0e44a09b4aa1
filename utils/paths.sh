# shellcheck shell=bash
# Paths that stand in commands and in Kaldi's tables. To be sourced.

# check_path <what it is> <path>: fail where the shell, Kaldi's tables or utils/run.sh would take a character for something
# else, and where Python could not write it. asrser_io.files.fault_of_name asks the same of a single name.
check_path() {
  local LC_ALL=C unfit=$'[][:space:][:cntrl:]"\'$&;()#*?[<>|\\`~{}!,:]' fault='' shown="'$2'"
  if [[ $2 =~ $unfit ]]; then
    fault=${BASH_REMATCH[0]/ /a space}
    [[ $2 != *[[:cntrl:]]* ]] || printf -v fault %q "$fault"
  elif [[ $2 == *JOB* ]]; then
    fault=JOB
  elif LC_ALL=C.UTF-8 grep -aqxv '.*' <<<"$2"; then
    fault='bytes that are not UTF-8'
  fi
  [ -z "$fault" ] && return
  [[ $2 != *[[:cntrl:]]* ]] || printf -v shown %q "$2"
  echo "${0##*/../}: $1 $shown has $fault in it, which the shell or Kaldi's tables would misread; choose another path" >&2
  exit 1
}

# one_name <path>: the absolute path without `.`, `..` and links, so that a folder has one name however it is spelt; the way
# through links only where the path behind them cannot be used.
one_name() {
  local real
  real=$(realpath -m -- "$1")
  if (check_path path "$real") 2>/dev/null; then echo "$real"; else realpath -ms -- "$1"; fi
}
