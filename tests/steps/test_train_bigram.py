"""The bigram of the phones, against IRSTLM's on the same 96 transcripts."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    command = [sys.executable, ROOT / "steps/train_bigram.py", *arguments]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def train(text, arpa, *options):
    result = run(*options, text, arpa)
    assert result.returncode == 0, result.stderr
    return Bigram(arpa)


class Bigram:
    """An ARPA file, read as any reader would."""

    def __init__(self, arpa):
        self.unigram, self.backoff, self.bigram, self.announced = {}, {}, {}, []
        section = None
        for line in arpa.read_text().splitlines():
            fields = line.split()
            if line.startswith("\\"):
                section = line
            elif section == "\\data\\" and line.startswith("ngram"):
                self.announced.append(int(line.split("=")[1]))
            elif section == "\\1-grams:" and fields:
                self.unigram[fields[1]] = 10 ** float(fields[0])
                self.backoff[fields[1]] = 10 ** float(fields[2]) if len(fields) == 3 else 1.0
            elif section == "\\2-grams:" and fields:
                self.bigram[fields[1], fields[2]] = 10 ** float(fields[0])
        self.ended = section == "\\end\\"

    def probability(self, word, history):
        return self.bigram.get((history, word), self.backoff[history] * self.unigram[word])

    def perplexity(self, text):
        log_prob = num_words = 0
        for line in text.read_text().splitlines():
            words = ["<s>", *line.split()[1:], "</s>"]
            for history, word in zip(words, words[1:], strict=False):
                log_prob += math.log(self.probability(word, history))
                num_words += 1
        return math.exp(-log_prob / num_words)


@pytest.fixture(scope="module")
def train_text(timit_sample, tmp_path_factory):
    out = tmp_path_factory.mktemp("asr")
    subprocess.run([sys.executable, ROOT / "local/timit_data.py", timit_sample, out / "asr"], check=True)
    return out / "asr/train/text"


def test_perplexity_on_dev_is_that_of_irstlm_within_one_percent(train_text, golden, tmp_path):
    ours = train(train_text, tmp_path / "bigram.arpa").perplexity(golden / "data/text")
    assert ours == pytest.approx(Bigram(golden / "lang/bigram.arpa").perplexity(golden / "data/text"), rel=0.01)


def test_back_off_weights_and_bigrams_are_those_of_irstlm(train_text, golden, tmp_path):
    ours, theirs = train(train_text, tmp_path / "bigram.arpa"), Bigram(golden / "lang/bigram.arpa")
    del theirs.bigram["<s>", "<s>"]
    assert set(ours.bigram) == set(theirs.bigram)
    assert ours.announced == [50, 837]
    assert ours.ended
    for word in set(ours.backoff) - {"<s>", "</s>"}:
        assert ours.backoff[word] == pytest.approx(theirs.backoff[word], rel=1e-5)
    for (history, word), p in ours.bigram.items():
        if history != "<s>":  # theirs believes to have seen <s> after <s> twice
            assert p == pytest.approx(theirs.bigram[history, word], rel=0.01)


def test_the_words_after_each_word_sum_to_one(train_text, tmp_path):
    model = train(train_text, tmp_path / "bigram.arpa")
    followers = set(model.unigram) - {"<s>"}
    assert sum(model.unigram[word] for word in followers) == pytest.approx(1, abs=1e-4)
    for history in set(model.unigram) - {"</s>"}:
        assert sum(model.probability(word, history) for word in followers) == pytest.approx(1, abs=1e-4)


def test_probabilities_are_those_of_witten_and_bell(tmp_path):
    (tmp_path / "text").write_text("u1 a b a\nu2 a b\n")
    model = train(tmp_path / "text", tmp_path / "arpa")
    # 7 tokens: a 3, b 2, </s> 2; 3 different ones of 3 in the vocabulary.
    assert model.unigram["a"] == pytest.approx((3 + 1) / (7 + 3))
    # After a: b twice, </s> once: 3 tokens, 2 different ones.
    assert model.probability("b", "a") == pytest.approx((2 + 2 * 0.3) / (3 + 2))
    assert model.probability("a", "a") == pytest.approx(2 / 5 * 0.4)
    assert model.probability("a", "<s>") == pytest.approx((2 + 1 * 0.4) / 3)


def test_a_phone_that_never_occurs_keeps_a_share(tmp_path):
    (tmp_path / "text").write_text("u1 a b a\n")
    (tmp_path / "phones").write_text("a\nb\nc\n")
    model = train(tmp_path / "text", tmp_path / "arpa", "--vocabulary", tmp_path / "phones")
    # 4 tokens, 3 different ones, 4 in the vocabulary with </s>.
    assert model.unigram["c"] == pytest.approx(3 / 4 / (4 + 3))
    assert model.probability("b", "c") == pytest.approx(model.unigram["b"])
    assert sum(model.unigram[word] for word in ("a", "b", "c", "</s>")) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("", "empty"), ("u1 a b\nu2\n", "line 2: expected '<utterance> <word> …'"), ("u1 a x\n", "'x' is not in ")],
)
def test_transcripts_that_make_no_model_are_refused(text, complaint, tmp_path):
    (tmp_path / "text").write_text(text)
    (tmp_path / "phones").write_text("a\nb\n")
    result = run("--vocabulary", tmp_path / "phones", tmp_path / "text", tmp_path / "arpa")
    assert result.returncode == 1
    assert complaint in result.stderr
    assert not list(tmp_path.glob("arpa*"))


@pytest.mark.parametrize(("text", "arpa"), [("nowhere", "arpa"), ("text", "nowhere/arpa")])
def test_files_that_cannot_be_read_or_written_are_named_in_one_line(text, arpa, tmp_path):
    (tmp_path / "text").write_text("u1 a b\n")
    result = run(tmp_path / text, tmp_path / arpa)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"{tmp_path}/nowhere" in result.stderr
