#!/usr/bin/env bash
# Build a decoding graph (HCLG): language model, lexicon, phonetic context and HMMs in one transducer.
#
# Usage: utils/mkgraph.sh [options] <lang-dir> <model-dir> <graph-dir>
#  e.g.: utils/mkgraph.sh data/lang exp/mono exp/mono/graph
# Reads <lang-dir>/{G.fst,L_disambig.fst,phones.txt,words.txt,phones/} and <model-dir>/{final.mdl,tree}; writes
# <graph-dir>/HCLG.fst, whose input labels are transition-ids and whose output labels are words, with what decoding needs
# beside it: words.txt phones.txt num_pdfs phones/. Parts that do not depend on the model are kept in <lang-dir>/tmp.
# Does nothing where HCLG.fst is newer than all it is made from.
#
# Options, given as --name value:
transition_scale=1.0   # number >= 0: scale of the log transition probabilities between states, self-loops aside
self_loop_scale=0.1    # number >= 0: scale of the log probabilities of staying in a state and of leaving it
remove_oov=false       # remove the paths with the word of <lang-dir>/oov.int
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..

# In Kaldi's mkgraph.sh --remove-oov has no value, and three options of old mean nothing any more.
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --mono | --left-biphone | --quinphone) ;;
    --remove-oov)
      arguments+=(--remove-oov)
      [[ ${2:-} == true || ${2:-} == false ]] || arguments+=(true)
      ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
set -- "${arguments[@]}"
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 3 ] || die "expected <lang-dir> <model-dir> <graph-dir>, got $# arguments; see $0 --help"
lang=${1%/} tree=${2%/}/tree model=${2%/}/final.mdl dir=${3%/}
required=("$lang"/{L_disambig.fst,G.fst,phones.txt,words.txt,phones/silence.csl,phones/disambig.int} "$model" "$tree")
! $remove_oov || required+=("$lang/oov.int")
for f in "${required[@]}"; do
  [ -f "$f" ] || die "no such file: $f"
done

# is_newer_than_all <file> <file> …: the first is there, and not older than any other.
is_newer_than_all() {
  local made=$1 source
  [ -s "$made" ] || return 1
  for source in "${@:2}"; do
    [ ! "$source" -nt "$made" ] || return 1
  done
}
# The scales and --remove-oov are sources of the graph like any file: another choice is another graph.
choices="transition_scale=$transition_scale self_loop_scale=$self_loop_scale remove_oov=$remove_oov"
if is_newer_than_all "$dir/HCLG.fst" "${required[@]}" && [ "$(cat "$dir/mkgraph_opts" 2>/dev/null)" = "$choices" ]; then
  echo "$0: $dir/HCLG.fst is up to date"
  exit 0
fi

mkdir -p "$dir/phones" "$lang/tmp" || die "cannot write into $dir and $lang/tmp"
lg=$lang/tmp/LG.fst
rm -f "$dir/HCLG.fst"   # what is not up to date must not pass for it
work=$(mktemp -d "$dir/mkgraph.XXXXXX")
lang_work=$(mktemp -d "$lang/tmp/mkgraph.XXXXXX")
trap 'rm -rf "$work" "$lang_work"' EXIT

width=$(tree-info "$tree" | awk '$1 == "context-width" { print $2 }')
central=$(tree-info "$tree" | awk '$1 == "central-position" { print $2 }')
[ -n "$width" ] && [ -n "$central" ] || die "$tree: no context-width or central-position in what tree-info says"

if ! is_newer_than_all "$lg" "$lang/G.fst" "$lang/L_disambig.fst"; then
  fsttablecompose "$lang/L_disambig.fst" "$lang/G.fst" | fstdeterminizestar --use-log=true |
    fstminimizeencoded | fstpushspecial >"$lang_work/LG.fst"
  mv "$lang_work/LG.fst" "$lg"
fi

clg=$lang/tmp/CLG_${width}_$central.fst ilabels=$lang/tmp/ilabels_${width}_$central
if ! is_newer_than_all "$clg" "$lg" "$lang/phones/disambig.int" "$ilabels"; then
  fstcomposecontext --context-size="$width" --central-position="$central" \
    --read-disambig-syms="$lang/phones/disambig.int" --write-disambig-syms="$lang_work/disambig_ilabels.int" \
    "$lang_work/ilabels" "$lg" | fstarcsort --sort_type=ilabel >"$lang_work/CLG.fst"
  mv "$lang_work/disambig_ilabels.int" "$lang/tmp/disambig_ilabels_${width}_$central.int"
  mv "$lang_work/ilabels" "$ilabels"
  touch "$lang_work/CLG.fst"   # newer than the labels that it is useless without
  mv "$lang_work/CLG.fst" "$clg"
fi

# HCLGa has the forward transitions only; self-loops come last, for no algorithm then has to work on them.
make-h-transducer --disambig-syms-out="$work/disambig_tid.int" --transition-scale="$transition_scale" \
  "$ilabels" "$tree" "$model" >"$work/Ha.fst"
! $remove_oov || clg="fstrmsymbols --remove-arcs=true --apply-to-output=true $lang/oov.int $clg |"
fsttablecompose "$work/Ha.fst" "$clg" | fstdeterminizestar --use-log=true |
  fstrmsymbols "$work/disambig_tid.int" | fstrmepslocal | fstminimizeencoded >"$work/HCLGa.fst"
add-self-loops --self-loop-scale="$self_loop_scale" --reorder=true "$model" "$work/HCLGa.fst" |
  fstconvert --fst_type=const >"$work/HCLG.fst"

# Decoding needs nothing of <lang-dir> and <model-dir> but these.
cp "$lang/words.txt" "$lang/phones.txt" "$dir/"
for f in "$lang"/phones/{disambig.txt,disambig.int,silence.csl,word_boundary.*,align_lexicon.*,optional_silence.*}; do
  [ ! -f "$f" ] || cp "$f" "$dir/phones/"
done
am-info --print-args=false "$model" | awk '/pdfs/ { print $NF }' >"$work/num_pdfs"
mv "$work/num_pdfs" "$work/disambig_tid.int" "$dir/"
echo "$choices" >"$dir/mkgraph_opts"
mv "$work/HCLG.fst" "$dir/HCLG.fst"
