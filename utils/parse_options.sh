# shellcheck shell=bash
# Options of a script as every Kaldi user knows them. To be sourced, after the script's options block:
#
#   # Options, given as --name value:
#   nj=4             # integer >= 1: parallel jobs
#   scales="0.1 1"   # numbers > 0: weights of the scores; one is enough
#   max_lost=0.05    # number in 0..1: the part that may be missing
#   # End options
#   . utils/parse_options.sh
#
# Sets the variables of that block from `--name value` (dashes for underscores), and leaves the other arguments in "$@".
# An unknown name, a wrong boolean, and a number that is none or not in its range are refused; where the default is empty,
# so may be the value. `--config FILE` reads lines of the form
# `--name=value   # reason` (or `name=value`); the command line comes before the file. `--help` prints the script's header.

# The script that was called, as it lies in this checkout: recipe/../utils/x.sh is utils/x.sh.
script_name() {
  local checkout name=${0##*/../}
  checkout=$(readlink -f "${BASH_SOURCE[0]%/*}/..")
  echo "${name#"$checkout/"}"
}

# Say what went wrong, in the name of the script that noticed, and stop.
die() {
  echo "$(script_name): $*" >&2
  exit 1
}

warn() {
  echo "$(script_name): warning: $*" >&2
}

# utils/slurm.sh cancels its jobs when a script that waits for them is gone.
export asrser_callers="${asrser_callers:-} $HOSTNAME:$$"

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
  local kind=${option_kinds[$variable]:-} separators=$' \t\n'
  [[ ${!variable} != *,* ]] || separators=,
  if [[ ${!variable} == true || ${!variable} == false ]]; then
    [[ $2 == true || $2 == false ]] || die "${3:-}--$1 is true or false, not '$2'"
  elif [[ -n $kind && -n ${!variable}$2 ]]; then
    is_of_kind "$2" "$kind" "$separators" || die "${3:-}--$1 $([[ $kind == *s\ * ]] && echo are || echo is) $kind, not '$2'"
  fi
  [[ $variable != cmd || -n $2 ]] || die "${3:-}--cmd is empty; leave it out to run on this machine"
  printf -v "$variable" %s "$2"
}

# is_of_kind <value> <kind> <separators>: kinds are "a number", "an integer >= 1", "numbers > 0", "a number in 0..1" and the
# like; the separators are between numbers.
is_of_kind() {
  local pattern='^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?$' words=("$1") word
  [[ $2 != *integer* ]] || pattern='^-?(0|[1-9][0-9]{0,14})$'   # 08 is no number for the shell
  [[ $2 != numbers* && $2 != integers* ]] || IFS=$3 read -r -d '' -a words < <(printf '%s' "$1") || true
  [[ ${#words[@]} -gt 0 && $1 != *, ]] || return 1
  for word in "${words[@]}"; do
    [[ $word =~ $pattern ]] || return 1
    awk -v x="$word" -v kind="$2" 'BEGIN {
      n = split(kind, part, / |\.\./)
      x += 0
      bound = part[n] + 0
      if (x >= 1e30 || x <= -1e30) exit 1
      if (kind ~ / > /) exit !(x > bound)
      if (kind ~ / >= /) exit !(x >= bound)
      if (kind ~ / in /) exit !(x >= part[n - 1] + 0 && x <= bound)
    }' || return 1
  done
}

# read_config <file> <function>: call <function> <name> <value> "<file>, line <n>: " for each line --name=value of a file.
read_config() {
  # Names that no option has: the function sets options.
  local config_line option_name config_number=0
  local -A first_config_line=()
  [ -f "$1" ] || die "--config: no such file: $1"
  [ "$(tr -dc '\0' <"$1" | wc -c)" -eq 0 ] || die "$1: holds zero bytes: it is in UTF-16, or no text; save it as UTF-8"
  while IFS= read -r config_line || [ -n "$config_line" ]; do
    config_number=$((config_number + 1))
    [ "$config_number" -gt 1 ] || config_line=${config_line#$'\xef\xbb\xbf'} # a byte order mark
    [[ $config_line =~ ^[[:space:]]*(#.*)?$ ]] && continue
    [[ $config_line =~ ^(--)?([a-z][a-z0-9_-]*)=([^#]*[^#[:space:]])?[[:space:]]*(#.*)?$ ]] ||
      die "$1, line $config_number: expected --name=value, found '$config_line'"
    option_name=${BASH_REMATCH[2]//_/-}
    [ -z "${first_config_line[$option_name]:-}" ] || die "$1, line $config_number: --$option_name is there a second time, after line ${first_config_line[$option_name]}"
    first_config_line[$option_name]=$config_number
    "$2" "$option_name" "$(unquote "${BASH_REMATCH[3]}")" "$1, line $config_number: "
  done <"$1"
}

# What the shell would make of a value in quotes.
unquote() {
  local value=$1
  [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]] && value=${BASH_REMATCH[1]}
  echo "$value"
}

# read_options <script>: the names of its options, and what those that are numbers may be: as their comments begin, or any
# number where the default is one.
declare -A option_kinds=()
read_options() {
  local line name kind
  while IFS= read -r line; do
    [[ $line =~ ^([a-z][a-z0-9_]*)=([^[:space:]#]*) ]] || continue
    name=${BASH_REMATCH[1]}
    option_names+="$name "
    [[ ! ${BASH_REMATCH[2]} =~ ^-?[0-9]*\.?[0-9]+$ ]] || option_kinds[$name]='a number'
    [[ $line =~ [[:space:]]\#\ ((integer|number)s?(\ (>|>=|in)\ [^:]*)?): ]] || continue
    kind=${BASH_REMATCH[1]}
    case $kind in integers* | numbers*) ;; integer*) kind="an $kind" ;; *) kind="a $kind" ;; esac
    option_kinds[$name]=$kind
  done < <(sed -n '/^# Options, given/,/^# End options/p' "$1")
}
option_names=''
read_options "${BASH_SOURCE[1]}"

for ((i = 1; i < $#; i++)); do
  next=$((i + 1))
  [ "${!i}" != --config ] || read_config "${!next}" set_option
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
unset i next option_names option_kinds
