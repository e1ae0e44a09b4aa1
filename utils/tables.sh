# shellcheck shell=bash
# Parallel jobs and the tables that they write. To be sourced after utils/parse_options.sh.

# num_jobs <data-dir> <wish>: the wish, but no more than there are speakers; ? where nobody knows yet
num_jobs() {
  [ -f "$1/spk2utt" ] || { echo '?' && return; }
  local speakers
  speakers=$(wc -l <"$1/spk2utt")
  echo $(($2 < speakers ? $2 : speakers))
}

# remove_parts <name with JOB> …: the files that jobs of any number wrote under that name, also those of an earlier run with
# more jobs, and what was being written when it was killed. Nothing else: x.JOB.ark is not x.dev.1.ark.
remove_parts() {
  local name file number
  for name in "$@"; do
    for file in "${name%%JOB*}"*"${name#*JOB}"{,.tmp}; do
      number=${file#"${name%%JOB*}"} number=${number%.tmp}
      number=${number%"${name#*JOB}"}
      [[ ! $number =~ ^[0-9]+$ ]] || rm -f -- "$file"
    done
  done
}

# remove_scores <decode-dir>: what local/score.sh made of decoded words, which are now to be others.
remove_scores() {
  rm -rf "$1"/{best_wer,best_scale,scoring} "$1"/{wer,per_utt}*
}

# check_alignment_options <beam> …: what the ranges of single options can't say. Each beam must be less than the option
# retry_beam, unless that is 0: no second try; the words of the option scale_opts must be scales.
check_alignment_options() {
  local beam word kind
  for beam in "$@"; do
    # shellcheck disable=SC2154 # an option of the step
    awk -v beam="$beam" -v retry="$retry_beam" 'BEGIN { exit !(retry == 0 || retry > beam) }' ||
      die "--retry-beam is 0 or more than the beam of the first try, $beam; it is $retry_beam"
  done
  # shellcheck disable=SC2154
  for word in $scale_opts; do
    case $word in
      --acoustic-scale=*) kind='a number > 0' ;;
      --transition-scale=* | --self-loop-scale=*) kind='a number >= 0' ;;
      *) die "--scale-opts are --transition-scale, --acoustic-scale and --self-loop-scale, each with =NUMBER, not '$word'" ;;
    esac
    is_of_kind "${word#*=}" "$kind" '' || die "--scale-opts: ${word%%=*} is $kind, not '${word#*=}'"
  done
}

# names_of_missing <table> <table>: of the keys of the second table that the first has not, ten and how many more there are.
names_of_missing() {
  # Not NR == FNR: the first may be empty.
  awk 'FILENAME == ARGV[1] { found[$1]; next }
    !($1 in found) && ++n <= 10 { printf "%s%s", n == 1 ? "" : " ", $1 }
    END { if (n > 10) printf " and %d more", n - 10 }' "$1" "$2"
}

# name_twice <table>: a key that stands there more than once; none, if all are different.
name_twice() {
  awk '$1 in found { print $1; exit } { found[$1] }' "$1"
}

# report_lost <max-lost> <what> <wanted> <found> <log>: compare the keys of two tables. Silent if none is lost; else a
# warning that counts and names them, or an error if they are more than the part <max-lost> of those wanted, or all.
# In <what>, COUNT is the place of "15 of 16", as in "COUNT sentences of data/train aligned".
report_lost() {
  local wanted found text
  wanted=$(wc -l <"$3")
  found=$(awk 'FILENAME == ARGV[1] { found[$1]; next } $1 in found' "$4" "$3" | wc -l)
  [ "$found" -lt "$wanted" ] || return 0
  text="${2/COUNT/$found of $wanted}; lost: $(names_of_missing "$4" "$3"); see $5"
  awk -v wanted="$wanted" -v found="$found" -v part="$1" \
    'BEGIN { exit !(found > 0 && wanted - found <= part * wanted + 1e-9) }' ||
    die "$text; no more than the part $1 of them may be lost"
  warn "$text"
}
