"""Features and labels of data directories or rspecifiers; what is common to all tables: tests/asrser_io."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, write_object
from asrser_nn.data.corpus import load_corpus
from asrser_nn.data.tables import matrix_writer, read_feats, read_labels, read_vector

MATRIX = np.arange(12, dtype=np.float32).reshape(4, 3) / 7


def write_feats(wspecifier: str, feats: dict[str, np.ndarray]) -> None:
    with TableWriter(wspecifier, "matrix") as writer:
        for key, matrix in feats.items():
            writer.write(key, matrix)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    write_feats(f"ark,scp:{tmp_path}/feats.ark,{tmp_path}/feats.scp", {"a": MATRIX, "b": 2 * MATRIX})
    return tmp_path / "feats.ark"


def test_importing_leaves_path_and_kaldi_root_alone_and_prints_nothing() -> None:
    program = "import os; before = dict(os.environ); import asrser_nn.data.tables; assert before == dict(os.environ)"
    environment = {name: value for name, value in os.environ.items() if name != "KALDI_ROOT"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("form", ["ark:{0}", "scp:{1}", "{2}", "ark:cat {0} |", "ark,s,cs:{0}", "scp,p:{1}"])
def test_features_are_the_same_in_every_form(form: str, archive: Path) -> None:
    found = dict(read_feats(form.format(archive, archive.with_suffix(".scp"), archive.parent)))
    assert list(found) == ["a", "b"]
    np.testing.assert_array_equal(found["b"], 2 * MATRIX)


def test_labels_of_a_data_directory_are_its_labels_scp(tmp_path: Path) -> None:
    with TableWriter(f"ark,scp:{tmp_path}/l.ark,{tmp_path}/labels.scp", "int_vector") as writer:
        writer.write("a", [5, 7])
    assert {key: labels.tolist() for key, labels in read_labels(str(tmp_path))} == {"a": [5, 7]}


def test_what_is_neither_a_data_directory_nor_an_rspecifier_is_refused(tmp_path: Path) -> None:
    for source in (str(tmp_path / "feats.ark"), "ark,scp:a,b", "ark,x:a", ""):
        with pytest.raises(Failure, match="neither a data directory nor an rspecifier"):
            read_feats(source)


@pytest.mark.parametrize("text", ["", ",t"])
def test_written_matrices_come_back_through_archive_and_script(text: str, tmp_path: Path) -> None:
    with matrix_writer(f"ark{text},scp:{tmp_path}/o.ark,{tmp_path}/o.scp") as writer:
        writer.write("a", MATRIX)
        writer.write("b", 2 * MATRIX)
    for source in (f"ark:{tmp_path}/o.ark", f"scp:{tmp_path}/o.scp"):
        found = dict(read_feats(source))
        np.testing.assert_allclose(found["a"], MATRIX, rtol=1e-6)
        np.testing.assert_allclose(found["b"], 2 * MATRIX, rtol=1e-6)


@pytest.mark.parametrize("wspecifier", ["", "feats.ark", "scp,ark:a,b", "ark,s:x"])
def test_what_is_no_wspecifier_is_refused(wspecifier: str) -> None:
    with pytest.raises(Failure, match="is no wspecifier"):
        matrix_writer(wspecifier)


@pytest.mark.parametrize("binary", [True, False])
def test_a_vector_of_counts_is_read_in_text_and_binary(binary: bool, tmp_path: Path) -> None:
    counts = np.array([3, 0, 16777217], np.float64)  # the last one is no float32
    write_object(f"{tmp_path}/counts", counts, "double_vector", binary)
    assert read_vector(f"{tmp_path}/counts").tolist() == ([3, 0, 16777217] if binary else [3, 0, 16777220])


def test_lost_utterances_are_counted_by_reason_and_too_many_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feats = {key: np.ones((4, 3)) for key in ("ok", "no_labels", "short", "empty")}
    feats["empty"] = feats["empty"][:0]
    write_feats(f"ark:{tmp_path}/f.ark", feats)
    (tmp_path / "l.txt").write_text("ok 0 0 1 1\nshort 0 1\nempty \nno_feats 1\n")
    sources = (f"ark:{tmp_path}/f.ark", f"ark:{tmp_path}/l.txt")
    with pytest.raises(Failure, match=r"4 of 5 utterances .*short \(4 frames, 2 labels\).*--max-lost allows 79 %"):
        load_corpus(*sources, context=2, max_lost=79)
    corpus = load_corpus(*sources, context=2, max_lost=80)
    assert corpus.utterances == ["ok"] and corpus.labels.tolist() == [0, 0, 1, 1]
    warning = capsys.readouterr().err
    for reason in ("1 without labels", "1 without features", "1 of different lengths", "1 empty"):
        assert reason in warning


@pytest.mark.parametrize(
    ("bad", "message"),
    [(np.ones((4, 5)), "b has 5 coefficients"), (np.full((4, 3), np.nan), "b in .*: frame 0 .* no number")],
)
def test_odd_features_are_named(bad: np.ndarray, message: str, tmp_path: Path) -> None:
    write_feats(f"ark:{tmp_path}/f.ark", {"a": np.ones((4, 3)), "b": bad})
    (tmp_path / "l.txt").write_text("a 0 0 1 1\nb 0 0 1 1\n")
    with pytest.raises(Failure, match=message):
        load_corpus(f"ark:{tmp_path}/f.ark", f"ark:{tmp_path}/l.txt", context=2, max_lost=5)
