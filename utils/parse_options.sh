# shellcheck shell=bash
# Options of a script as every Kaldi user knows them. To be sourced, after the script's options block:
#
#   # Options, given as --name value:
#   nj=4   # parallel jobs
#   # End options
#   . utils/parse_options.sh
#
# Sets the variables of that block from `--name value` (dashes for underscores), and leaves the other arguments in "$@".
# An unknown name, a wrong boolean or a wrong number is refused. `--config FILE` reads lines of the form
# `--name=value   # reason` (or `name=value`); the command line comes before the file. `--help` prints the script's header.

# Say what went wrong, in the name of the script that noticed (recipe/../utils/x.sh is utils/x.sh), and stop.
die() {
  echo "${0##*/../}: $*" >&2
  exit 1
}

warn() {
  echo "${0##*/../}: warning: $*" >&2
}

# Bash goes on after Ctrl-C if the program it waits for happens to end well at that moment. This script ends.
trap 'trap - INT; kill -INT $$' INT

print_header() {
  awk '
    NR == 1 || /^# shellcheck/ { next }
    /^# End options/ { exit }
    /^#/ { sub(/^# ?/, ""); print; next }
    /^[a-z][a-z0-9_]*=/ {
      name = value = $0; sub(/=.*/, "", name); gsub(/_/, "-", name)
      sub(/^[^=]*=/, "", value); sub(/[ \t]+#.*/, "", value)
      comment = $0; if (!sub(/^[^#]*#[ \t]*/, "", comment)) comment = ""
      printf "  --%-16s %s%s\n", name, comment, value == "" ? "" : " [" value "]"; next
    }
    { exit }' "$1"
}

# set_option <name> <value> [<file and line>:]: names have dashes, as on the command line.
set_option() {
  local variable=${1//-/_}
  [[ " $option_names " == *" $variable "* ]] || die "${3:-}no such option: --$1; $0 --help lists them"
  local number='^-?[0-9]*\.?[0-9]+([eE]-?[0-9]+)?$'
  if [[ ${!variable} == true || ${!variable} == false ]]; then
    [[ $2 == true || $2 == false ]] || die "${3:-}--$1 is true or false, not '$2'"
  elif [[ ${!variable} =~ $number ]]; then
    [[ $2 =~ $number ]] || die "${3:-}--$1 is a number, not '$2'"
  fi
  [[ $variable != cmd || -n $2 ]] || die "${3:-}--cmd is empty; leave it out to run on this machine"
  printf -v "$variable" %s "$2"
}

# set_options_from_file <file>
set_options_from_file() {
  local line number=0
  [ -f "$1" ] || die "--config: no such file: $1"
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    [[ $line =~ ^[[:space:]]*(#.*)?$ ]] && continue
    [[ $line =~ ^(--)?([a-z][a-z0-9_-]*)=([^#]*[^#[:space:]])?[[:space:]]*(#.*)?$ ]] ||
      die "$1, line $number: expected --name=value, found '$line'"
    set_option "${BASH_REMATCH[2]//_/-}" "$(unquote "${BASH_REMATCH[3]}")" "$1, line $number: "
  done <"$1"
}

# What the shell would make of a value in quotes.
unquote() {
  local value=$1
  [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]] && value=${BASH_REMATCH[1]}
  echo "$value"
}

option_names=$(sed -n '/^# Options, given/,/^# End options/s/^\([a-z][a-z0-9_]*\)=.*/\1/p' "${BASH_SOURCE[1]}" | tr '\n' ' ')

for ((i = 1; i < $#; i++)); do
  next=$((i + 1))
  [ "${!i}" != --config ] || set_options_from_file "${!next}"
done

while [ $# -gt 0 ]; do
  case $1 in
    --help | -h)
      print_header "${BASH_SOURCE[1]}"
      exit 0
      ;;
    --)
      shift
      break
      ;;
    --*=*) die "options are given as '--name value', not '$1'" ;;
    --*)
      [ $# -ge 2 ] || die "$1 needs a value"
      [ "$1" = --config ] || set_option "${1#--}" "$2"
      shift 2
      ;;
    *) break ;;
  esac
done
unset i next option_names
