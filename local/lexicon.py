"""Pronunciations of words: a lexicon in Kaldi's form or CMUdict's, and what of a corpus it can pronounce."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from ser_corpus import report, warn

from asrser_io.files import Failure
from asrser_io.text import read_lines, words_of

# CMUdict marks the stress of its vowels: no vowel more or less stressed is a phone of its own here.
STRESSED = re.compile("(AA|AE|AH|AO|AW|AY|EH|ER|EY|IH|IY|OW|OY|UH|UW)[012]")
COMMENT = re.compile(r"\s#\s")
VARIANT = re.compile(r"(.+)\((\d+)\)")
NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
LIKE_NUMBER = re.compile(r"[+-]?((\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?|nan|inf)", re.IGNORECASE)  # no phone


class Pronunciation(NamedTuple):
    probability: float
    phones: tuple[str, ...]


Lexicon = dict[str, list[Pronunciation]]


def is_reserved(name: str) -> bool:
    """Whether Kaldi keeps this name of a word or phone for itself."""
    return name in ("<eps>", "<s>", "</s>") or name.startswith("#")


def read_lexicon(file: Path) -> Lexicon:
    """Every word with its pronunciations, in the order of the file.

    Kaldi's lexicon.txt has lines "<word> <phone> …", its lexiconp.txt "<word> <probability> <phone> …", which is told
    by a probability with a decimal point, or by a number in every line. CMUdict has "<word> <phone> …" with the second
    pronunciation of a word called "<word>(2)" (in older versions "<word>(1)"), stress as a digit after the vowel, and
    comments after ;;; and #.
    """
    entries: list[tuple[str, str, list[str]]] = []
    for number, line in enumerate(read_lines(file, strict=False), start=1):
        if line.lstrip().startswith((";;;", "#")) or not words_of(line):
            continue
        word, *phones = words_of(COMMENT.split(line)[0])
        entries.append((f"{file}, line {number}", word, phones))
    if not entries:
        raise Failure(f"{file}: no word in it; expected lines of <word> <phone> …")
    numbers = [phones[0] for _, _, phones in entries if len(phones) > 1 and LIKE_NUMBER.fullmatch(phones[0])]
    has_probabilities = len(numbers) == len(entries) or any("." in number for number in numbers)
    words = {word for _, word, _ in entries}
    lexicon: Lexicon = {}
    for where, word, phones in entries:
        probability = 1.0
        if has_probabilities:
            if not (phones and NUMBER.fullmatch(phones[0]) and 0 < float(phones[0]) <= 1):
                raise Failure(
                    f"{where}: expected <word> <probability> <phone> …, with a probability of more than 0 and at most "
                    f"1 as other lines have it, found '{' '.join([word, *phones])}'"
                )
            probability, phones = float(phones[0]), phones[1:]
        if not phones:
            raise Failure(f"{where}: {word} has no phones; expected <word> <phone> …")
        if (variant := VARIANT.fullmatch(word)) and variant[1] in words:
            word = variant[1]
        phones = [stressed[1] if (stressed := STRESSED.fullmatch(phone)) else phone for phone in phones]
        for phone in phones:
            if is_reserved(phone):
                raise Failure(f"{where}: '{phone}' is a name that Kaldi keeps for itself")
            if has_probabilities and "." in phone and LIKE_NUMBER.fullmatch(phone):
                raise Failure(f"{where}: the number {phone} among the phones; of Kaldi's forms lexiconp.txt is read")
        add(lexicon.setdefault(word, []), Pronunciation(probability, tuple(phones)))
    return lexicon


def add(pronunciations: list[Pronunciation], new: Pronunciation) -> None:
    """With the larger probability, if it is there already: but for stress, CMUdict has some twice."""
    for i, known in enumerate(pronunciations):
        if known.phones == new.phones:
            pronunciations[i] = max(known, new)
            return
    pronunciations.append(new)


def pronounce(words: Collection[str], lexicon: Lexicon) -> Lexicon:
    """The pronunciations of these words; a word that stands there in other cases only has those of all of them."""
    in_lower: Lexicon = {}
    for word, pronunciations in lexicon.items():
        for pronunciation in pronunciations:
            add(in_lower.setdefault(word.lower(), []), pronunciation)
    found = {
        word: pronunciations
        for word in sorted(words)
        if (pronunciations := lexicon.get(word) or in_lower.get(word.lower()))
    }
    if other_case := sum(word not in lexicon for word in found):
        warn(f"{other_case} of {len(found)} words are in other letters in the lexicon, capital or small")
    return found


def utterances_with_all_words(what: str, text: Mapping[str, list[str]], lexicon: Lexicon, max_oov: float) -> set[str]:
    """The utterances of which every word has a pronunciation; says which words have none, and what is left out."""
    unknown = Counter(word for words in text.values() for word in words if word not in lexicon)
    faults = {}
    for utt, words in text.items():
        if not words:
            faults[utt] = "no words"
        elif strange := [word for word in words if word not in lexicon]:
            faults[utt] = f"no pronunciation of {strange[0]}"
    report(f"{what}: left out", [f"{utt}: {fault}" for utt, fault in faults.items()])
    if faults:
        named = " ".join(f"{word} ({count})" for word, count in unknown.most_common(10))
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        message = (
            f"{what}: {len(faults)} of {len(text)} utterances are left out; {unknown.total()} of "
            f"{sum(map(len, text.values()))} words have no pronunciation{': ' if named else ''}{named}{more}"
        )
        if len(faults) > max_oov * len(text):
            raise Failure(f"{message}; add them to the lexicon, or allow more with --max-oov, now {max_oov:g}")
        warn(message)
    return text.keys() - faults.keys()


def choose(
    file: Path, whole: Lexicon, texts: Mapping[str, Mapping[str, list[str]]], silence_phone: str, max_oov: float
) -> tuple[dict[str, set[str]], Lexicon]:
    """The utterances of each set that can be used, and the pronunciations of their words.

    file:  of the whole lexicon, for errors
    texts: by set, of which the first is train, the words of each utterance
    """
    lexicon = pronounce({word for text in texts.values() for words in text.values() for word in words}, whole)
    if silence_phone in lexicon:
        raise Failure(f"the word '{silence_phone}' is also what silence is called; name it otherwise: --silence-phone")
    good = {name: utterances_with_all_words(name, text, lexicon, max_oov) for name, text in texts.items()}
    if empty := [name for name, utterances in good.items() if not utterances]:
        raise Failure(f"{file}: no utterance of {empty[0]} has a pronunciation for all its words; add them to it")
    words_in = {name: {word for utt in good[name] for word in text[utt]} for name, text in texts.items()}
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
    return good, {word: lexicon[word] for word in sorted(set().union(*words_in.values()))}


def lines_of(lexicon: Lexicon) -> list[str]:
    """As Kaldi's lexiconp.txt."""
    return [f"{word} {p.probability:g} {' '.join(p.phones)}\n" for word, some in lexicon.items() for p in some]
