#!/usr/bin/env bash
# Make the lang directory of a phone recogniser, in Kaldi's form: each phone is a word, pronounced as itself.
#
# Usage: utils/prepare_lang.sh [options] <phones> <lang-dir>
#  e.g.: utils/prepare_lang.sh data/asr/phones data/lang
# <phones>: a file with one phone a line, or a data directory, the phones being those of its transcripts. Kaldi wants a word
# for unknown ones, oov.txt: it is silence, and used only where train_mono.sh and align_si.sh are given --map-oov true.
# Each phone has three states in Kaldi's topologies for speech and silence; no position dependence. Silence is a phone of
# the transcripts, or, with --silence-prob, optional before and after every phone, without being a word, as in Kaldi's
# recipes of words. With --lexicon the words are those of the lexicon instead, and silence may come between them; such a lang
# directory is for training and alignment only, as it has no L_disambig.fst. Writes phones.txt words.txt topo L.fst L_disambig.fst oov.{txt,int} phones/*
#
# Options, given as --name value:
silence_phone=sil   # the phone of silence
lexicon=            # words with probability and phones, as Kaldi's lexiconp.txt; needs --silence-prob
silence_prob=0      # probability of silence before and after a phone, for transcripts that have none; 0: only where they have it
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <phones> <lang-dir>, got $# arguments; see $0 --help"
phones=$1 lang=${2%/}
first_field=1
if [ -d "$phones" ]; then phones=$phones/text first_field=2; fi
[ -f "$phones" ] || die "no such file or data directory: $phones"
words=$(awk -v first="$first_field" '
  /\r/ { print FILENAME ", line " FNR ": a carriage return, as on Windows; remove it with: sed -i \"s/\\r$//\""; exit 1 }
  FNR == 1 && /^\357\273\277/ { print FILENAME ": begins with a byte order mark, which nobody sees; remove it"; exit 1 }
  first == 1 && NF > 1 { print FILENAME ", line " FNR ": expected one phone a line, found: " $0; exit 1 }
  { for (i = first; i <= NF; i++) if (!seen[$i]++) print $i }' "$phones") || die "$(tail -n 1 <<<"$words")"
words=$(sort -u <<<"$words" | sed '/^$/d')
reserved=$(grep -E '^(<eps>|<s>|</s>|#.*)$' <<<"$words"$'\n'"$silence_phone" | head -n 1) || true
[ -z "$reserved" ] || die "$phones: '$reserved' is a name that Kaldi keeps for itself: rename this phone"
# The costs of the lexicon's arcs with and without silence; empty where it is not optional.
silence_costs=$(awk -v p="$silence_prob" 'BEGIN { if (p < 0 || p >= 1) exit 1; if (p > 0) print -log(p), -log(1 - p) }') ||
  die "--silence-prob is at least 0 and less than 1, not $silence_prob"
if [ -n "$silence_costs" ]; then
  [ -n "$words" ] || die "$phones: no phones in it"
  words=$(printf '%s\n' "$silence_phone" "$words" | sort -u)   # as <oov>; a grammar of the transcripts will not have it
fi
spoken=$words   # what is a word
if [ -n "$lexicon" ]; then
  [ -f "$lexicon" ] || die "no such file: $lexicon"
  [ -n "$silence_costs" ] || die "--lexicon needs --silence-prob: there is silence between words"
  fault=$(awk -v silence="$silence_phone" '
    FILENAME == ARGV[1] { phone[$1]; next }
    function stop(problem) { print FILENAME ", line " FNR ": " problem; exit 1 }
    NF < 3 || !($2 > 0 && $2 <= 1) { stop("expected <word> <probability> <phone> ..., found: " $0) }
    $1 ~ /^(<eps>|<s>|<\/s>|#.*)$/ || $1 == silence { stop("\"" $1 "\" cannot be a word, it has a meaning of its own") }
    { for (i = 3; i <= NF; i++) if (!($i in phone) || $i == silence) stop("no phone \"" $i "\" for " $1) }
    ' <(echo "$words") "$lexicon") || die "$lexicon: $fault"
  spoken=$({ echo "$silence_phone"; awk '{ print $1 }' "$lexicon"; } | sort -u)
fi
nonsilence=$(grep -Fvx -- "$silence_phone" <<<"$words") || die "$phones: no phone but silence in it"
[ "$nonsilence" != "$words" ] ||
  die "$phones: no phone '$silence_phone'; name the one of silence with --silence-phone"

[[ -f $lang/phones.txt || -z $(ls -A "$lang" 2>/dev/null) ]] ||
  die "$lang is there and no lang directory; it would be replaced: choose another name, or remove it"
tmp=$lang.tmp
rm -rf "$tmp"
mkdir -p "$tmp/phones"

# Silence is the first phone, as Kaldi counts; among the words it stands in its place.
printf '%s\n' '<eps>' "$silence_phone" "$nonsilence" '#0' '#1' | awk '{ print $1, NR - 1 }' >"$tmp/phones.txt"
printf '%s\n' '<eps>' "$spoken" '#0' '<s>' '</s>' | awk '{ print $1, NR - 1 }' >"$tmp/words.txt"

# write_list <name> <symbol-table> <lines>: the lines, the same as integers, and joined by colons.
write_list() {
  local list=$tmp/$1
  printf '%s\n' "$3" >"$list.txt"
  awk 'NR == FNR { id[$1] = $2; next } { for (i = 1; i <= NF; i++) $i = id[$i]; print }' "$2" "$list.txt" >"$list.int"
  paste -s -d : "$list.int" >"$list.csl"
}
write_list phones/silence "$tmp/phones.txt" "$silence_phone"
write_list phones/nonsilence "$tmp/phones.txt" "$nonsilence"
write_list phones/optional_silence "$tmp/phones.txt" "$silence_phone"
write_list phones/context_indep "$tmp/phones.txt" "$silence_phone"
write_list phones/disambig "$tmp/phones.txt" $'#0\n#1'
write_list phones/wdisambig_phones "$tmp/phones.txt" '#0'
write_list phones/wdisambig_words "$tmp/words.txt" '#0'
write_list phones/sets "$tmp/phones.txt" "$silence_phone"$'\n'"$nonsilence"
write_list oov "$tmp/words.txt" "$silence_phone"
echo '#0' >"$tmp/phones/wdisambig.txt"
: >"$tmp/phones/extra_questions.txt"
: >"$tmp/phones/extra_questions.int"
# "split": each state of each phone may have a pdf of its own; silence's are as free as the others'.
sed 's/^/shared split /' "$tmp/phones/sets.txt" >"$tmp/phones/roots.txt"
sed 's/^/shared split /' "$tmp/phones/sets.int" >"$tmp/phones/roots.int"
rm "$tmp"/oov.csl "$tmp"/phones/sets.csl "$tmp"/phones/wdisambig_{phones,words}.{txt,csl}

# topology_entry <phones as integers> <the transitions of the first two states>
topology_entry() {
  cat <<EOF
<TopologyEntry>
<ForPhones>
$1
</ForPhones>
<State> 0 <PdfClass> 0 <Transition> 0 $2 <Transition> 1 $3 </State>
<State> 1 <PdfClass> 1 <Transition> 1 $2 <Transition> 2 $3 </State>
<State> 2 <PdfClass> 2 <Transition> 2 0.75 <Transition> 3 0.25 </State>
<State> 3 </State>
</TopologyEntry>
EOF
}
{
  echo '<Topology>'
  topology_entry "$(tr '\n' ' ' <"$tmp/phones/nonsilence.int" | sed 's/ $//')" 0.75 0.25
  topology_entry "$(cat "$tmp/phones/silence.int")" 0.5 0.5
  echo '</Topology>'
} >"$tmp/topo"

# compile_lexicon: FST arcs in text to an FST, sorted for composition with the grammar on its output side.
compile_lexicon() {
  fstcompile --isymbols="$tmp/phones.txt" --osymbols="$tmp/words.txt" --keep_isymbols=false --keep_osymbols=false - |
    fstarcsort --sort_type=olabel
}
# lexicon [disambig]: its arcs as text. With disambiguation symbols, #0 lets the grammar's back-off arcs pass, and #1 marks
# the silences that are no words. Where they may come, 0 is the start, 1 where a phone begins, 2 where silence does.
lexicon() {
  local disambig=${1:-} loop=0 with without
  if [ -n "$silence_costs" ]; then
    loop=1
    read -r with without <<<"$silence_costs"
    printf '%s\n' "0 1 <eps> <eps> $without" "0 2 <eps> <eps> $with"
    if [ -n "$disambig" ]; then
      printf '%s\n' "2 3 $silence_phone <eps>" '3 1 #1 <eps>'
    else
      echo "2 1 $silence_phone <eps>"
    fi
    [ -z "$lexicon" ] || awk -v with="$with" -v without="$without" -v state=2 '{
      from = 1
      for (i = 3; i <= NF; i++) {
        label = i == 3 ? $1 : "<eps>"
        cost = i == 3 ? -log($2) : 0
        if (i < NF) {
          print from, ++state, $i, label, cost
          from = state
        } else {
          print from, 1, $i, label, cost + without
          print from, 2, $i, label, cost + with
        }
      }
    }' "$lexicon"
    [ -n "$lexicon" ] || awk -v with="$with" -v without="$without" '{ print 1, 1, $1, $1, without; print 1, 2, $1, $1, with }' <<<"$words"
  else
    awk '{ print 0, 0, $1, $1 }' <<<"$words"
  fi
  [ -z "$disambig" ] || echo "$loop $loop #0 #0"
  echo "$loop"
}
lexicon | compile_lexicon >"$tmp/L.fst"
[ -n "$lexicon" ] || lexicon disambig | compile_lexicon >"$tmp/L_disambig.fst"

rm -rf "$lang"
mv "$tmp" "$lang"
