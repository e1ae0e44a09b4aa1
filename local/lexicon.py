"""Pronunciations of words: a lexicon in Kaldi's form or CMUdict's, and what of a corpus it can pronounce."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from ser_corpus import warn

from asrser_io.files import Failure
from asrser_io.text import read_lines, words_of

# CMUdict marks the stress of its vowels: no vowel more or less stressed is a phone of its own here.
STRESSED = re.compile("(AA|AE|AH|AO|AW|AY|EH|ER|EY|IH|IY|OW|OY|UH|UW)[012]")
COMMENT = re.compile(r"\s#\s")
VARIANT = re.compile(r"(.+)\((\d+)\)")


class Pronunciation(NamedTuple):
    probability: float
    phones: tuple[str, ...]


Lexicon = dict[str, list[Pronunciation]]


def probability_in(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if 0 < value <= 1 else None


def read_lexicon(file: Path) -> Lexicon:
    """Every word with its pronunciations, in the order of the file.

    Kaldi's lexicon.txt has lines "<word> <phone> …", its lexiconp.txt "<word> <probability> <phone> …", which is told
    by every line having one. CMUdict has "<word> <phone> …" with the second pronunciation of a word called "<word>(2)"
    (in older versions "<word>(1)"), stress as a digit after the vowel, and comments after ;;; and #.
    """
    entries: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(read_lines(file, strict=False), start=1):
        if line.startswith((";;;", "#")) or not words_of(line):
            continue
        word, *phones = words_of(COMMENT.split(line)[0])
        if not phones:
            raise Failure(f"{file}, line {number}: {word} has no phones; expected <word> <phone> …")
        entries.append((number, word, phones))
    if not entries:
        raise Failure(f"{file}: no word in it; expected lines of <word> <phone> …")
    has_probabilities = all(len(phones) > 1 and probability_in(phones[0]) for _, _, phones in entries)
    words = {word for _, word, _ in entries}
    lexicon: Lexicon = {}
    for number, word, phones in entries:
        probability = 1.0
        if has_probabilities:
            probability, phones = probability_in(phones[0]) or 1.0, phones[1:]
        if (variant := VARIANT.fullmatch(word)) and variant[1] in words:
            word = variant[1]
        phones = [stressed[1] if (stressed := STRESSED.fullmatch(phone)) else phone for phone in phones]
        if strange := [phone for phone in phones if phone in ("<eps>", "<s>", "</s>") or phone.startswith("#")]:
            raise Failure(f"{file}, line {number}: '{strange[0]}' is a name that Kaldi keeps for itself")
        pronunciations = lexicon.setdefault(word, [])
        if tuple(phones) not in {p.phones for p in pronunciations}:  # but for stress, CMUdict has some twice
            pronunciations.append(Pronunciation(probability, tuple(phones)))
    return lexicon


def pronounce(words: Collection[str], lexicon: Lexicon) -> Lexicon:
    """The pronunciations of these words; a word that stands there in another case only is that one."""
    in_lower = {word.lower(): word for word in reversed(lexicon)}
    found = {
        word: lexicon[entry]
        for word in sorted(words)
        if (entry := word if word in lexicon else in_lower.get(word.lower(), ""))
    }
    if other_case := sum(word not in lexicon for word in found):
        warn(f"{other_case} of {len(found)} words are in other letters in the lexicon, capital or small")
    return found


def utterances_with_all_words(
    what: str, text: Mapping[str, list[str]], lexicon: Lexicon, max_oov: float
) -> set[str]:
    """The utterances of which every word has a pronunciation; says which words have none, and how many are left out."""
    unknown = Counter(word for words in text.values() for word in words if word not in lexicon)
    good = {utt for utt, words in text.items() if words and all(word in lexicon for word in words)}
    if lost := len(text) - len(good):
        named = " ".join(f"{word} ({count})" for word, count in unknown.most_common(10))
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        total = sum(map(len, text.values()))
        message = (
            f"{what}: {lost} of {len(text)} utterances are left out, as {unknown.total()} of {total} words have no "
            f"pronunciation: {named}{more}"
        )
        if lost > max_oov * len(text):
            raise Failure(f"{message}; add them to the lexicon, or allow more with --max-oov, now {max_oov:g}")
        warn(message)
    return good


def choose(
    file: Path, texts: Mapping[str, Mapping[str, list[str]]], silence_phone: str, max_oov: float
) -> tuple[dict[str, set[str]], Lexicon]:
    """The utterances of each set that can be used, and the pronunciations of their words.

    texts: by set, of which the first is train, the words of each utterance
    """
    all_words = {word for text in texts.values() for words in text.values() for word in words}
    lexicon = pronounce(all_words, read_lexicon(file))
    good = {name: utterances_with_all_words(name, text, lexicon, max_oov) for name, text in texts.items()}
    words_in = {
        name: {word for utt in good[name] for word in text[utt]} for name, text in texts.items()
    }
    train, *others = words_in
    phones_of_train = {phone for word in words_in[train] for p in lexicon[word] for phone in p.phones}
    if silence_phone in phones_of_train:
        raise Failure(
            f"{file}: words are pronounced with '{silence_phone}', the phone of silence; "
            "name another with --silence-phone"
        )
    for name in others:
        for word in sorted(words_in[name]):
            if strange := [ph for p in lexicon[word] for ph in p.phones if ph not in phones_of_train]:
                raise Failure(
                    f"{file}: '{strange[0]}' of {word}, a word of {name}, is in no word of {train}: "
                    "it could be neither trained nor recognised"
                )
    used = set().union(*words_in.values())
    return good, {word: lexicon[word] for word in sorted(used)}


def lines_of(lexicon: Lexicon) -> list[str]:
    """As Kaldi's lexiconp.txt."""
    return [f"{word} {p.probability:g} {' '.join(p.phones)}\n" for word, some in lexicon.items() for p in some]


