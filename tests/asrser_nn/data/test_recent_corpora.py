"""A grid reads a corpus once, and no training sees what another did to it."""

from pathlib import Path

import pytest
import torch

from asrser_nn.data import corpus as data
from asrser_nn.data.corpus import RecentCorpora, load_corpus


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The arguments of every call that reads files."""
    calls: list[tuple] = []
    monkeypatch.setattr(data, "load_corpus", lambda *key: (calls.append(key), load_corpus(*key))[1])
    return calls


def test_a_corpus_is_read_once_and_each_caller_has_rows_of_its_own(world: Path, reads: list) -> None:
    corpora = RecentCorpora()
    key = (str(world / "dev"), str(world / "dev"), 6, 5.0)
    corpora.load(*key).rows.zero_()
    again = corpora.load(*key)
    assert reads == [key]
    assert torch.equal(again.rows, load_corpus(*key).rows)
    assert len(corpora.load(*key[:2], 5, 5.0).offsets) == 11  # another context is another corpus
    assert len(reads) == 2


def test_the_corpus_used_longest_ago_is_forgotten_when_memory_is_full(world: Path, reads: list) -> None:
    dev, train = ((str(world / part), str(world / part), 6, 5.0) for part in ("dev", "train"))
    other = (*dev[:2], 5, 5.0)
    corpora = RecentCorpora(load_corpus(*train).num_bytes + load_corpus(*dev).num_bytes)
    for key in (dev, train, dev, other, dev, train):
        corpora.load(*key)
        assert sum(corpus.num_bytes for corpus in corpora.kept.values()) <= corpora.max_bytes
    assert reads == [dev, train, other, train]


def test_a_corpus_too_large_to_keep_is_neither_kept_nor_copied(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = load_corpus(str(world / "dev"), str(world / "dev"), 6, 5.0)
    monkeypatch.setattr(data, "load_corpus", lambda *_: corpus)
    corpora = RecentCorpora(max_bytes=corpus.num_bytes - 1)
    assert corpora.load("feats", "labels", 6, 5.0) is corpus
    assert corpora.kept == {}
