"""Estimate a bigram of the words (here: phones) of a Kaldi text file and write it in ARPA format.

Usage: steps/train_bigram.py [--vocabulary FILE] <text> <arpa>
 e.g.: steps/train_bigram.py --vocabulary data/asr/phones data/asr/train/text data/lang/bigram.arpa

With c(h, w) the count of w after h, c(h) their sum over w, and D(h) the number of different w seen after h,

    P(w | h) = (c(h, w) + D(h) P(w)) / (c(h) + D(h))        P(w) = (c(w) + D / V) / (c + D)

which is the interpolated estimate of Witten and Bell, "The zero-frequency problem" (IEEE Transactions on Information
Theory 37, 1991), V being the size of the vocabulary with </s>. It is what Kaldi's TIMIT recipe has from IRSTLM's
build-lm.sh, but for two things: <s> can't follow anything here, and nothing is kept for words outside the vocabulary,
so that the probabilities after each word sum to one.
"""

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Collection
from pathlib import Path

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.text import FORMS, read_list, read_map, words_of


def witten_bell(sentences, vocabulary):
    """Estimate P(w) and, for the bigrams seen, P(w | h).

    sentences:  lists of words, all of them in the vocabulary
    vocabulary: the words, without <s> and </s>
    returns:    {w: P(w)} over the vocabulary and </s>, {h: {w: P(w | h)}}, and {h: D(h) / (c(h) + D(h))}, the weight of
                P(w) for a w not seen after h
    """
    counts, successors = Counter(), defaultdict(Counter)
    for sentence in sentences:
        words = [*sentence, "</s>"]
        counts.update(words)
        for history, word in zip(["<s>", *sentence], words, strict=True):
            successors[history][word] += 1

    num_different, num_tokens, num_words = len(counts), counts.total(), len(vocabulary) + 1
    unigram = {
        word: (counts[word] + num_different / num_words) / (num_tokens + num_different)
        for word in [*vocabulary, "</s>"]
    }
    bigram, backoff = {}, {}
    for history, followers in successors.items():
        total = followers.total() + len(followers)
        backoff[history] = len(followers) / total
        bigram[history] = {word: (n + len(followers) * unigram[word]) / total for word, n in followers.items()}
    return unigram, bigram, backoff


def arpa_lines(unigram, bigram, backoff):
    """The model in ARPA's form: log10 of the probability, words, log10 of the history's back-off weight."""

    def log10(p):
        return f"{math.log10(p):.6g}"

    yield "\\data\\"
    yield f"ngram 1={len(unigram) + 1}"
    yield f"ngram 2={sum(map(len, bigram.values()))}"
    yield "\n\\1-grams:"
    yield f"-99\t<s>\t{log10(backoff['<s>'])}"
    for word, p in sorted(unigram.items()):
        # A word that was never followed by another hands all its probability to the unigram: weight 1.
        yield f"{log10(p)}\t{word}" + ("" if word == "</s>" else f"\t{log10(backoff.get(word, 1.0))}")
    yield "\n\\2-grams:"
    for history, followers in sorted(bigram.items()):
        for word, p in sorted(followers.items()):
            yield f"{log10(p)}\t{history} {word}"
    yield "\n\\end\\"


def read_sentences(text: Path) -> list[list[str]]:
    """The transcripts of a Kaldi text file."""
    sentences = [words_of(line) for line in read_map(text, FORMS["text"]).values()]
    if not sentences:
        raise Failure(f"{text}: empty, a language model needs transcripts")
    return sentences


def check_words(sentences: list[list[str]], text: Path, vocabulary: Collection[str], vocabulary_file: Path) -> None:
    """Refuse words outside the vocabulary, which would be lost for the model; <s> and </s> are no words."""
    unknown = Counter(word for sentence in sentences for word in sentence if word not in vocabulary)
    if unknown:
        found = " ".join(f"{word} ({count})" for word, count in unknown.most_common(10))
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        raise Failure(
            f"{text}: '{unknown.most_common(1)[0][0]}' is not in {vocabulary_file}; in all {unknown.total()} words, "
            f"{len(unknown)} different ones: {found}{more}"
        )


def train(text: Path, vocabulary_file: Path | None, arpa: Path) -> None:
    sentences = read_sentences(text)
    words = {word for sentence in sentences for word in sentence}
    if reserved := words & {"<s>", "</s>"}:
        raise Failure(f"{text}: {min(reserved)} marks the ends of a sentence in the model and cannot be a word")
    vocabulary = words
    if vocabulary_file:
        vocabulary = set(read_list(vocabulary_file))
        check_words(sentences, text, vocabulary, vocabulary_file)
    write_text(arpa, "\n".join(arpa_lines(*witten_bell(sentences, vocabulary))) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=Path, help="all words, one a line; default: those of the text")
    parser.add_argument("text", type=Path)
    parser.add_argument("arpa", type=Path)
    arguments = parser.parse_args()

    with as_script("steps/train_bigram.py"):
        train(arguments.text, arguments.vocabulary, arguments.arpa)


if __name__ == "__main__":
    main()
