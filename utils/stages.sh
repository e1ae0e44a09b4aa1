# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # dir, stage, stop_stage and only_check are options of the recipe, which uses programs
# The frame of a recipe's stages. To be sourced by a recipe after its options, which include dir, stage, stop_stage and
# only_check. A recipe says once what each group of its outputs is made with, and then makes them:
#
#   what_is_made_with_what() {
#     made_with 3 mfcc data/asr/*/feats.scp corpus "conf/mfcc.conf: $(options_in conf/mfcc.conf)"
#     made_with 4 mono exp/mono "lang mfcc" "jobs: $nj"
#   }
#   begin_stages
#   if stage 4 "monophones from a flat start"; then
#     needs 3 "$data/train/feats.scp"
#     once mono "$dir/exp/mono/final.mdl" steps/train_mono.sh "$data/train" "$lang" "$dir/exp/mono"
#   fi
#   end_stages
#
# Each stage says its number and name, then how long it took, or that its outputs were complete before. Where something was
# done, <dir>/exp/seconds gets a line "<stage> <seconds> <name>". What each group was made with, all that went into its
# sources included, stands in <dir>/made_with/<group>: outputs that were made with something else than is asked for are
# refused, and so are outputs of which nothing is known. Device, threads and the like, which change no result, do not count.

. "$here/utils/work_dir.sh"
. "$here/utils/tables.sh"

programs=kaldi_programs
[ -z "${KALDI_ROOT:-}" ] || programs='compiled Kaldi'

running_stage='' stage_name='' stage_start=0 stage_did_work=false

# begin_stages: see that what is there was made with what is asked for, and keep other runs out.
begin_stages() {
  [ "$stage" -le "$stop_stage" ] || die "--stop-stage $stop_stage comes before --stage $stage"
  [ ! -d "$dir" ] || lock_work_dir
  what_is_made_with_what
  if $only_check; then exit 0; fi
  local why
  why=$(mkdir -p "$dir" 2>&1) || die "cannot write into $dir (${why##*: }); choose another folder with --dir"
  lock_work_dir
  mkdir -p "$dir/made_with"
}

# stage <number> <name>: end the stage before, and begin this one if it is wanted; else fail.
stage() {
  end_stages
  [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] || return 1
  running_stage=$1 stage_name=$2 stage_start=$SECONDS stage_did_work=false
  echo "Stage $1: $2"
}

end_stages() {
  [ -n "$running_stage" ] || return 0
  local seconds=$((SECONDS - stage_start))
  if $stage_did_work; then
    echo "  done in $seconds s"
    mkdir -p "$dir/exp" && echo "$running_stage $seconds $stage_name" >>"$dir/exp/seconds"
  else
    echo "  was complete"
  fi
  running_stage=
}

# begin_work: the running stage is not complete. What run.sh was called with is written down for those who look at the results.
begin_work() {
  stage_did_work=true
  [ -n "${asrser_call:-}" ] || return 0
  mkdir -p "$dir/exp" || die "cannot write into $dir/exp; choose another folder with --dir"
  [ "$(tail -n 1 "$dir/exp/commands" 2>/dev/null)" = "$asrser_call" ] || printf '%s\n' "$asrser_call" >>"$dir/exp/commands"
}

# once <group> <file> <command> [arguments]: run the command, unless the file that it writes last is there.
once() {
  record "$1" "$2"
  [ ! -e "$2" ] || return 0
  begin_work
  "${@:3}"
  [ -e "$2" ] || die "stage $running_stage: '$3' ended without an error, but did not write $2"
}

# needs <stage> <file> …: fail if an output of an earlier stage is missing, or nothing is known of it.
needs() {
  local file
  for file in "${@:2}"; do
    [ -e "$file" ] || die "stage $running_stage needs $file, which stage $1 makes; run with --stage $1"
    grep -rFqx --exclude="*.files" "output: ${file#"$dir/"}" "$dir/made_with" || die_of_unknown "$file"
  done
}

# ---- What the outputs are made with

declare -A facts=() places=()

# made_with <stage> <group> <place> <groups it is made from> <fact> …: what the outputs of a group depend on besides the
# sources of their sources. A fact is "<name>: <value>"; the place is where the outputs lie in dir. Fails if outputs are there
# that were made with something else. The value is ? until an earlier stage brings it about; nothing is compared until then.
made_with() {
  [ "$1" -le "$stop_stage" ] || return 0
  local group=$2 source clash
  places[$group]=$3
  facts[$group]=$({
    for source in $4; do facts_of "$source"; done
    printf '%s\n' "${@:5}"
  } | awk 'NF && !seen[$0]++')
  clash=$(awk -F ': ' 'length(said[$1]) && said[$1] != $0 { print "'\''" said[$1] "'\'' and '\''" $0 "'\''"; exit }
    { said[$1] = $0 }' <<<"${facts[$group]}")
  [ -z "$clash" ] || die "$3 in $dir would be made with both $clash; ask for the same in all stages"
  grep -q ': ?$' <<<"${facts[$group]}" || check_record "$group"
}

# facts_of <group>: of this recipe, or of one that ran before.
facts_of() {
  if [ -n "${facts[$1]:-}" ]; then
    echo "${facts[$1]}"
  elif [ -f "$dir/made_with/$1" ]; then
    grep -v -E '^(place|output): ' "$dir/made_with/$1"
  fi
}

# fact_in <record> <name>: its value
fact_in() {
  sed -n "s/^$2: //p" "$1"
}

# outputs_there <group>: those that were made and are still there.
outputs_there() {
  local file
  [ -f "$dir/made_with/$1" ] || return 0
  fact_in "$dir/made_with/$1" output | while IFS= read -r file; do
    [ ! -e "$dir/$file" ] || echo "$file"
  done
}

# check_record <group>: fail if its outputs are there, and were made with other facts.
check_record() {
  local record=$dir/made_with/$1 there old new group place remove=''
  there=$(outputs_there "$1")
  [ -n "$there" ] || return 0
  old=$(grep -v -E '^(place|output): ' "$record" | grep -vxF -f <(echo "${facts[$1]}")) || true
  new=$(grep -vxF -f "$record" <<<"${facts[$1]}") || true
  [ -n "$old$new" ] || return 0
  # What else was made with the same has to go, too.
  for group in "$1" $([ -z "$old" ] || grep -rlxF --exclude='*.files' -e "$old" "$dir/made_with"); do
    for place in $(set -f; fact_in "$dir/made_with/${group##*/}" place); do
      ! compgen -G "$dir/$place" >/dev/null || remove+=$place$'\n'
    done
  done
  remove=$(sort -u <<<"$remove" | awk 'NF && (last == "" || index($0, last "/") != 1) { print last = $0 }' | paste -sd ' ')
  die "$dir/${there%%$'\n'*} was made with $(some_of "$old"), but asked for is $(some_of "$new")$(why_differs "$old");" \
    "choose another --dir, or remove there: $remove"
}

# some_of <facts>: on one line, and not too many
some_of() {
  [ -n "$1" ] || { echo "nothing of the kind" && return; }
  awk 'NR <= 3 { printf "%s'\''%s'\''", (NR > 1 ? ", " : ""), $0 } END { if (NR > 3) printf " and %d more", NR - 3 }' <<<"$1"
}

# record <group> <output> …: say what these are made with, before they are made; fail if one is there of which that is not said.
record() {
  local record=$dir/made_with/$1 output lines
  lines="place: ${places[$1]}"$'\n'${facts[$1]}
  # A record of something else is of outputs that are gone, as check_record found.
  [ "$(grep -v -E '^(place|output): ' "$record" 2>/dev/null)" != "${facts[$1]}" ] ||
    lines=$(printf '%s\n' "$lines" && grep '^output: ' "$record") || true
  for output in "${@:2}"; do
    grep -Fqx "output: ${output#"$dir/"}" <<<"$lines" && continue
    [ ! -e "$output" ] || die_of_unknown "$output"
    lines+=$'\n'"output: ${output#"$dir/"}"
  done
  [ "$lines" = "$(cat "$record" 2>/dev/null)" ] && return
  echo "$lines" >"$record.tmp"
  mv "$record.tmp" "$record"
}

die_of_unknown() {
  die "$1 is there, but nothing in $dir/made_with says with what it was made, as by an earlier version of this recipe;" \
    "choose another --dir, or remove $dir/{data,data_fbank,exp}"
}

# options_in <file>: its options on a line, in one order and without comments
options_in() {
  sed 's/[[:space:]]*#.*//; s/^[[:space:]]*//; /^$/d' "$1" | sort | paste -sd ' '
}

# network_facts <task> <options of asrser_nn train>: those that bear on the result, as facts
network_facts() {
  python "$here/utils/network_options.py" "${@:2}" | sed "s/^/$1 network, /"
}

# find_config <file>: a configuration, also of this checkout where it is called from elsewhere
find_config() {
  local file=$1
  [ -f "$file" ] || file=$here/$1
  [ -f "$file" ] || die "no such file: $1"
  file=$(one_name "$file")
  check_path 'the configuration' "$file"
  echo "$file"
}

# config_of_task <folder> <task>: its configuration there, or that of SER where it has none of its own
config_of_task() {
  local file=$1/$2.conf
  [ -f "$file" ] || [ -f "$here/$file" ] || file=$1/ser.conf
  find_config "$file"
}

# corpus_files <group>: number and checksum of the files in corpus_dir. A check needs them only where it was prepared; where a
# demo corpus is gone, it will be made as it was.
corpus_files_options=()   # which files, where the corpus' folder holds others too
corpus_files() {
  if [ -d "$corpus_dir" ] && { ! $only_check || [ -f "$dir/made_with/$1" ]; }; then
    python "$here/local/corpus_files.py" "${corpus_files_options[@]}" "$kind" "$corpus_dir" "$dir/made_with/$1.files"
  elif [ -f "$dir/made_with/$1" ]; then
    sed -n 's/^files of the [^ ]* corpus: //p' "$dir/made_with/$1"
  else
    echo '?'
  fi
}

# list_corpus_files <group>: keep their list, by which changes are told
list_corpus_files() {
  python "$here/local/corpus_files.py" --write "${corpus_files_options[@]}" "$kind" "$corpus_dir" "$dir/made_with/$1.files" >/dev/null
}

# why_differs <facts>: which files, if it is those of the corpus
why_differs() {
  [[ $1 =~ 'files of the '([^ ]+)' corpus' ]] || return 0
  local group=${BASH_REMATCH[1],,}_corpus changes
  changes=$(python "$here/local/corpus_files.py" --changes "${corpus_files_options[@]}" "$kind" "$corpus_dir" "$dir/made_with/$group.files")
  echo "${changes:+ ($changes)}"
}
