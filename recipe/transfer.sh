#!/usr/bin/env bash
# shellcheck disable=SC2086 # cmd and compute_opts are lists of words
# The study: layers transferred from each task to each other one, and the report (stages 11 to 13); networks of all tasks
# that share layers and learn together (stage 14).
#
# Usage: recipe/transfer.sh [options]
#  e.g.: recipe/transfer.sh --dir work/timit --layers 0,3,5
# Needs the tasks' own networks (stages 1 to 10). Every run is a directory below exp/transfer (exp/seedN/transfer for other seeds),
# complete or absent; rerun to continue what was stopped. Ends with exp/report/index.html. Hybrids are below exp/hybrid; the report
# is made again with them.
#
# Options, given as --name value:
dir=.                               # data, data_fbank and exp lie here
stage=11                            # integer in 11..14: first stage to run
stop_stage=14                       # integer in 11..14: last stage to run
only_check=false                    # true: only see whether what is there was made with these options
nj=2                                # integer >= 1: parallel jobs of decoding
cmd=                                # how jobs run; default: see cmd.sh
tasks=asr,ser                       # between which layers go
layers=0,1,2,3,4,5                  # integers >= 0: how many of the first layers are held constant, one transfer for each
controls=none                       # true, or some of these numbers: for them also layers of the task itself, fitted, and random ones
random_draws=2                      # integer >= 1: how many random ones for each fold and each seed
hybrid=false                        # true: stage 14, and its networks in the report
shared_layers=0,1,2,3,4,5           # integers >= 0: how many of the first layers the tasks of a hybrid share, one for each
hybrid_opts=                        # of local/list_hybrids.py, such as "--batchnorm shared"
seeds=1                             # integer >= 1: 3: everything with the seeds 1, 2 and 3
conf=conf/paper                     # of the networks: options of asrser_nn in <task>.conf, or ser.conf; the layers must be the same
train_opts=                         # further ones for all tasks; they win
compute_opts=                       # options of every asrser_nn command, such as "--device cuda"
decode_opts=                        # options of steps/nnet/decode.sh, such as "--scales 0.2"
jobs=1                              # integer >= 1: training jobs, each of which takes runs until none is left; more for a cluster
together=0                          # integer >= 0: networks that a job trains at the same time; 0: what threads and memory allow
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"
. "$here/utils/stages.sh"

[ $# -eq 0 ] || die "unexpected argument: $1; see $0 --help"
exp=$dir/exp transfer=$dir/exp/transfer mono=$dir/exp/mono hybrids=$dir/exp/hybrid/${tasks//,/+}
$hybrid || [ "$stage" -lt 14 ] || die "stage 14 is of --hybrid true"
! $hybrid || [[ $tasks == *,* ]] || die "--hybrid true: one task, $tasks, has nobody to share layers with; name several with --tasks"

IFS=, read -r -a names <<<"$tasks"
has_task() { [[ ,$tasks, == *,$1,* ]]; }
hybrid_group=hybrid_${tasks//,/+}
declare -A nnet_config=() network=()
for t in "${names[@]}"; do
  nnet_config[$t]=$(config_of_task "$conf" "$t")
  network[$t]=$(network_facts "${t^^}" --config "${nnet_config[$t]}" $train_opts $compute_opts) || exit 1
done
# option <name> <task>
option() { sed -n "s/^[^ ]* network, $1: //p" <<<"${network[$2]}"; }
first=${names[0]}
for t in "${names[@]}"; do
  for x in context channels kernels paddings pools hidden; do
    one=$(option $x "$first") other=$(option $x "$t")
    [ "$one" = "$other" ] ||
      die "layers cannot be copied: --$x is $one in ${nnet_config[$first]}, but $other in ${nnet_config[$t]}"
  done
done
IFS=, read -r -a hidden_layers <<<"$(option channels "$first"),$(option hidden "$first")"
IFS=, read -r -a wanted_layers <<<"$layers"
for l in "${wanted_layers[@]}"; do
  [ "$l" -le ${#hidden_layers[@]} ] ||
    die "--layers $layers: of the $((${#hidden_layers[@]} + 1)) layers at most ${#hidden_layers[@]} can be held constant, not $l"
done
IFS=, read -r -a wanted_layers <<<"$shared_layers"
for l in "${wanted_layers[@]}"; do
  [ "$l" -le ${#hidden_layers[@]} ] ||
    die "--shared-layers $shared_layers: of the $((${#hidden_layers[@]} + 1)) layers at most ${#hidden_layers[@]} can be shared, not $l"
done
case $controls in
  true) controls=$layers ;;
  none | false) controls=none ;;
  *)
    [[ $controls =~ ^[0-9]+(,[0-9]+)*$ ]] || die "--controls is true, false, or some of --layers, such as 3, not '$controls'"
    IFS=, read -r -a wanted_controls <<<"$controls"
    for l in "${wanted_controls[@]}"; do
      [[ ,$layers, == *,$l,* ]] || die "--controls $controls: $l is not among --layers $layers"
    done
    ;;
esac
twice=$(tr , '\n' <<<"$layers" | sort | uniq -d | head -n 1)
[ -z "$twice" ] || die "--layers $layers: $twice stands there twice"
seed=$(option seed "$first")
[ "$seeds" -eq 1 ] || [ "$seed" -eq 1 ] || die "--seeds $seeds means the seeds 1 to $seeds; leave out the seed $seed"

# group_of <what>: of <source>2<task>, or of a task's networks of further seeds. Where ASR or SER was alone at first, and of
# further tasks, they stand by themselves, so that tasks can be added to a work directory. Fitted layers go with the others.
group_of() {
  local what=${1#fitted+}
  if [[ $what =~ ^((asr|ser|random)2)?(asr|ser)$ && ! -f $dir/made_with/transfer_$what ]] &&
    { { has_task asr && has_task ser; } || [ -f "$dir/made_with/transfer" ]; }; then
    echo transfer
  else
    echo "transfer_$what"
  fi
}

# networks_of <task> …: the groups of their own networks
networks_of() {
  local t
  for t in "$@"; do
    case $t in asr) echo asr_network ;; random) ;; *) echo "${t}_networks" ;; esac
  done
}

what_is_made_with_what() {
  local s t where
  ! has_task asr || made_with 11 labels 'exp/transfer/pdf.*.ark' ali
  made_with 11 transfer 'exp/transfer exp/seed*' "$(networks_of asr ser)" "${network[asr]:-}" "${network[ser]:-}"
  for t in "${names[@]}"; do
    [ "$(group_of "$t")" = transfer ] ||
      made_with 11 "$(group_of "$t")" "exp/seed*/$t" "$(networks_of "$t")" "${network[$t]}"
    for s in "${names[@]}" random; do
      [ "$(group_of "${s}2$t")" = transfer ] || made_with 11 "$(group_of "${s}2$t")" \
        "$(printf '%s ' {exp,exp/seed*}/transfer/{,fitted+}"${s}2$t")" "$(networks_of "$s" "$t")" "${network[$s]:-}" "${network[$t]}"
    done
  done
  if $hybrid; then
    made_with 14 "$hybrid_group" "exp/hybrid/${tasks//,/+} exp/seed*/hybrid/${tasks//,/+}" "$(networks_of "${names[@]}")" "${network[@]}" \
      "options of the hybrid: $hybrid_opts"
    made_with 14 "${hybrid_group}_split" "exp/hybrid/${tasks//,/+}/split" "$hybrid_group"
    made_with 14 "${hybrid_group}_decode" "$(printf '%s ' {exp,exp/seed*}"/hybrid/${tasks//,/+}/"{'*','*/*'}"/asr/"{'decode_*',hmm.json})" \
      "graph $hybrid_group" "options of decoding: $decode_opts"
  fi
  has_task asr || return 0
  for s in "${names[@]/%/2}" random2 ''; do
    t=$(group_of "${s}asr")
    [ "$t" != transfer ] || s='*2'
    where=$([ -z "$s" ] || printf '%s ' {exp,exp/seed*}/transfer/{,fitted+}"${s}asr/"{'*','*/*'}"/decode_*")
    [[ $s = [a-z]* ]] || where+=' exp/seed*/asr/decode_*'
    made_with 12 "${t}_decode" "$where" "graph $t" "options of decoding: $decode_opts"
  done
}
begin_stages
keep_programs_loaded

# list <task> <layers> <list>: its runs
list() {
  mkdir -p "$transfer/log"
  python "$here/local/list_runs.py" --tasks "$tasks" --layers "$2" --controls "$([ "$2" = none ] && echo none || echo "$controls")" \
    --random-draws "$random_draws" --seeds "$seeds" --nnet-config "${nnet_config[$1]}" \
    "$dir" "$1" -- $train_opts $compute_opts >"$3.tmp"
  mv "$3.tmp" "$3"
}

# list_hybrids: of all tasks
list_hybrids() {
  local t options=()
  mkdir -p "$hybrids" "$transfer/log"
  for t in "${names[@]}"; do options+=(--nnet-config "$t=${nnet_config[$t]}"); done
  python "$here/local/list_hybrids.py" --tasks "$tasks" --shared-layers "$shared_layers" --seeds "$seeds" "${options[@]}" $hybrid_opts \
    "$dir" -- $train_opts $compute_opts >"$hybrids/runs.tmp"
  mv "$hybrids/runs.tmp" "$hybrids/runs"
}

# networks_in <list>: the directories of all networks, those of a hybrid one by one
networks_in() {
  python -c 'if True:
    import json, sys
    for line in open(sys.argv[1]):
        run = json.loads(line)
        for part in run.get("parts", [run]):
            print(part["directory"])
  ' "$1"
}

# own_runs <list>: "<what> <directory>" of those that are not of stages 7 and 10; what they are is as for group_of
own_runs() {
  python -c 'if True:
    import json, os, sys
    for line in open(sys.argv[1]):
        directory = json.loads(line)["directory"]
        first, *others = os.path.relpath(directory, sys.argv[2]).split("/")
        if first.startswith("seed"):
            first, *others = others
        elif first != "transfer":
            continue
        print(others[0] if first == "transfer" else first, directory)
  ' "$1" "$exp"
}

# record_runs <list> <end of the group> <output> …: what these outputs of own runs are made with
record_runs() {
  local what run group
  local -A outputs=()
  while read -r what run; do
    group=$(group_of "$what")$2
    outputs[$group]+=" $(printf " $run/%s" "${@:3}")"
  done < <(own_runs "$1")
  for group in "${!outputs[@]}"; do record "$group" ${outputs[$group]}; done
}

# train <task> <layers> <list>: every run of the task that is not complete
train() {
  list "$@"
  record_runs "$3" '' final.pt run.json
  begin_work
  train_runs "$jobs" "$transfer/log/train_$(basename "$3").JOB.log" --together "$together" $compute_opts "$3"
}

# own_networks: that they are there, and what the tasks are
own_networks() {
  local t fold
  for t in "${names[@]}"; do
    if [ "$t" = asr ]; then
      needs 7 "$exp/asr/final.pt"
    else
      needs 9 "$exp/$t/folds/list"
      for fold in $(<"$exp/$t/folds/list"); do needs 10 "$exp/$t/fold_$fold/run.json"; done
    fi
    python "$here/local/declare_task.py" "$dir" "$t"
  done
}

# What all transfers start from: the tasks' own networks, each frame's pdf id, and the baselines: those of stages 7 and 10, which
# are only looked at and evaluated, and those of further seeds.
prepare() {
  own_networks
  ! has_task asr || for x in train dev test; do
    needs 5 "${mono}_ali_$x/final.mdl"
    once labels "$transfer/pdf.$x.ark" $short_cmd "$transfer/log/pdf.$x.log" \
      "$here/utils/ali_to_pdf.sh" "${mono}_ali_$x" \> "$transfer/pdf.$x.ark.tmp" \&\& mv "$transfer/pdf.$x.ark.tmp" "$transfer/pdf.$x.ark"
  done
  for t in "${names[@]}"; do train "$t" none "$transfer/baselines.$t"; done
}

# direction <task> …: from which others layers go to these
direction() {
  local from=("${names[@]}") listed
  [ $# -gt 1 ] || mapfile -t from < <(printf '%s\n' "${names[@]}" | grep -Fxv "$1")
  listed=$(paste -sd , <<<"$(printf '%s\n' "${from[@]^^}")")
  echo "layers ${listed:+from $listed }to $(paste -sd , <<<"$(printf '%s\n' "${@^^}")")"
}

# decode <list>: phone error rates of its networks that have none
decode() {
  local todo phone_map run
  needs 8 "$mono/graph/HCLG.fst" "$exp/asr/decode_test/best_wer"
  python - "$1" >"$transfer/todo.decode" <<'END'
import json, os, sys
for line in open(sys.argv[1]):
    run = json.loads(line)
    for part in run.get("parts", [run]):
        if not all(os.path.exists(f"{part['directory']}/{decoding}/best_wer") for decoding in part["decodings"]):
            print(part["directory"])
END
  todo=$(wc -l <"$transfer/todo.decode")
  if [ "$todo" -gt 0 ]; then
    begin_work
    echo "  decoding with $todo networks"
    # Only TIMIT's phones are folded for scoring; those of other corpora are scored as they are.
    phone_map=
    [ -z "$(fact_in "$dir/made_with/asr_corpus" "phone map")" ] || phone_map=$here/conf/phones.61-48-39.map
    # final.mdl, the transition model, lies beside a network that is decoded
    while read -r run; do rm -f "$run/hmm.json" && cp "$mono/final.mdl" "$run/"; done <"$transfer/todo.decode"
    $cmd --max-jobs-run "$nj" JOB=1:"$todo" "$transfer/log/decode.JOB.log" \
      "$here/local/decode_and_score.sh" --cmd "$here/utils/run.sh" --phone-map "$phone_map" \
      --silence-phone "$(fact_in "$dir/made_with/lang" "silence phone")" \
      --decode-opts "$decode_opts" --nnet-opts "$compute_opts --threads 1" \
      "$mono/graph" "$dir/data/asr" "$dir/data_fbank/asr" "\$(sed -n JOBp $transfer/todo.decode)"
  fi
}

mapfile -t others < <(printf '%s\n' "${names[@]}" | grep -Fxv asr) # where there is nothing to decode
if [ ${#others[@]} -gt 0 ] && stage 11 "$(direction "${others[@]}")"; then
  prepare
  for t in "${others[@]}"; do train "$t" "$layers" "$transfer/runs.$t"; done
fi

if has_task asr && stage 12 "$(direction asr), phone error rates"; then
  prepare
  train asr "$layers" "$transfer/runs.asr"
  record_runs "$transfer/runs.asr" _decode decode_{dev,test}/best_wer
  decode "$transfer/runs.asr"
fi

report() {
  local t configs
  own_networks
  for t in "${names[@]}"; do list "$t" "$layers" "$transfer/runs.$t"; done
  for t in "${names[@]}"; do cat "$transfer/runs.$t"; done >"$transfer/runs"
  ! $hybrid || [ ! -f "$hybrids/runs" ] || cat "$hybrids/runs" >>"$transfer/runs"
  begin_work
  configs=$(printf '%s\n' "${names[@]}" | while read -r t; do echo "${nnet_config[$t]#"$asrser_root/"}"; done | awk '!seen[$0]++' | paste -sd ,)
  asrser_nn report --about "Kaldi programs" "$kaldi_provider" --about configuration "${configs//,/, }" \
    "$dir" "$transfer/runs" "$exp/report"
}

if stage 13 "report"; then report; fi

if $hybrid && stage 14 "networks of ${tasks^^} that share layers and learn together, and the report with them"; then
  prepare
  list_hybrids
  mapfile -t networks < <(networks_in "$hybrids/runs")
  record "$hybrid_group" "${networks[@]/%//final.pt}" "${networks[@]/%//run.json}"
  record "${hybrid_group}_split" "$hybrids/split"
  python "$here/utils/audit_split.py" --runs "$hybrids/runs" >"$hybrids/split.tmp"
  mv "$hybrids/split.tmp" "$hybrids/split"
  begin_work
  train_runs "$jobs" "$transfer/log/train_hybrid.JOB.log" --together "$together" $compute_opts "$hybrids/runs"
  mapfile -t networks < <(printf '%s\n' "${networks[@]}" | grep '/asr$')
  if [ ${#networks[@]} -gt 0 ]; then
    record "${hybrid_group}_decode" "${networks[@]/%//decode_dev/best_wer}" "${networks[@]/%//decode_test/best_wer}" "${networks[@]/%//hmm.json}"
    decode "$hybrids/runs"
    for run in "${networks[@]}"; do
      [ -e "$run/hmm.json" ] || python "$here/steps/nnet/write_hmm.py" "$dir/data/lang" "$run"   # for asrser_nn predict
    done
  fi
  report
fi
end_stages
