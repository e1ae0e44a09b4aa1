"""Tables: every form that Kaldi writes is read, and what the libraries take for a short archive is an error."""

import os
import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from asrser_io.files import Failure
from asrser_nn.data.corpus import load_corpus
from asrser_nn.data.tables import MatrixWriter, read_feats, read_labels, read_vector

MATRIX = np.arange(12, dtype=np.float32).reshape(4, 3) / 7


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "feats.ark"
    kaldiio.save_ark(str(path), {"a": MATRIX, "b": 2 * MATRIX}, scp=str(tmp_path / "feats.scp"))
    return path


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


def test_text_with_integers_among_the_numbers_is_read_as_floats(tmp_path: Path) -> None:
    (tmp_path / "feats.txt").write_text("a  [\n  1 2.5 3\n  4 5 6e-3 ]\nb  [\n  7 8 9 ]\n")
    found = dict(read_feats(f"ark:{tmp_path}/feats.txt"))
    np.testing.assert_allclose(found["a"], [[1, 2.5, 3], [4, 5, 0.006]])
    np.testing.assert_allclose(found["b"], [[7, 8, 9]])


@pytest.mark.parametrize("compression", [1, 2, 3, 5])
def test_compressed_features_are_read(compression: int, tmp_path: Path) -> None:
    kaldiio.save_ark(f"{tmp_path}/c.ark", {"a": MATRIX}, compression_method=compression)
    np.testing.assert_allclose(dict(read_feats(f"ark:{tmp_path}/c.ark"))["a"], MATRIX, atol=0.01)


def test_a_range_in_a_script_includes_its_last_row(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "part.scp").write_text(f"part {archive}:2[1:2,0:1]\nall {archive}:2[,2:2]\n")
    found = dict(read_feats(f"scp:{tmp_path}/part.scp"))
    np.testing.assert_array_equal(found["part"], MATRIX[1:3, 0:2])
    np.testing.assert_array_equal(found["all"], MATRIX[:, 2:3])


def test_short_text_labels_do_not_swallow_the_next_line(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a 5\nb \nc 7 8\n")
    found = {key: labels.tolist() for key, labels in read_labels(f"ark:{tmp_path}/labels.txt")}
    assert found == {"a": [5], "b": [], "c": [7, 8]}


def test_binary_labels_are_read_as_kaldi_wrote_them(golden: Path, tmp_path: Path) -> None:
    lines = (golden / "mono/pdf.txt").read_text().splitlines()
    text = {line.split()[0]: list(map(int, line.split()[1:])) for line in lines}
    kaldiio.save_ark(f"{tmp_path}/pdf.ark", {key: np.array(ids, dtype=np.int32) for key, ids in text.items()})
    for source in (f"ark:{tmp_path}/pdf.ark", f"ark:{golden}/mono/pdf.txt"):
        assert {key: labels.tolist() for key, labels in read_labels(source)} == text


@pytest.mark.parametrize("command", ["false |", "cat {0}; exit 3 |", "cat {0} /no/such/file 2>/dev/null | cat |"])
def test_a_failing_pipe_is_no_empty_archive(command: str, archive: Path) -> None:
    with pytest.raises(Failure, match="failed with status [13]"):
        list(read_feats("ark:" + command.format(archive)))


@pytest.mark.parametrize("lost", [1, 5, 40, 60, 63])
def test_a_truncated_archive_is_an_error_that_names_the_utterance(lost: int, archive: Path) -> None:
    content = archive.read_bytes()
    for cut in (content[:-lost], content.replace(b"\0BFM", b"\0BFX")):
        archive.write_bytes(cut)
        with pytest.raises(Failure, match="cannot read the features of [ab]"):
            list(read_feats(f"ark:{archive}"))


def test_truncated_labels_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a 1 2 3\nb 1 2")
    kaldiio.save_ark(f"{tmp_path}/labels.ark", {"b": np.arange(9, dtype=np.int32)})
    os.truncate(tmp_path / "labels.ark", 40)
    for name in ("labels.txt", "labels.ark"):
        with pytest.raises(Failure, match="cannot read the labels of b: it ends in the middle"):
            list(read_labels(f"ark:{tmp_path}/{name}"))


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(Failure, match="noise"):
        list(read_feats(f"ark:{tmp_path}/noise"))
    with pytest.raises(Failure, match="neither a data directory nor an rspecifier"):
        list(read_feats(str(tmp_path / "noise")))
    with pytest.raises(Failure, match="No such file"):
        list(read_feats(f"scp:{tmp_path}/absent.scp"))


def test_an_utterance_that_is_there_twice_is_an_error(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes() * 2)
    with pytest.raises(Failure, match="utterance a is there twice"):
        list(read_feats(f"ark:{archive}"))


def test_only_a_permissive_script_skips_what_it_cannot_read(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "some.scp").write_text(f"x /no/such/file:3\na {archive}:2\n")
    with pytest.raises(Failure, match="/no/such/file"):
        list(read_feats(f"scp:{tmp_path}/some.scp"))
    assert [key for key, _ in read_feats(f"scp,p:{tmp_path}/some.scp")] == ["a"]


@pytest.mark.parametrize("text", ["", ",t"])
def test_written_matrices_come_back_through_archive_and_script(text: str, tmp_path: Path) -> None:
    with MatrixWriter(f"ark{text},scp:{tmp_path}/o.ark,{tmp_path}/o.scp") as writer:
        writer.write("a", MATRIX)
        writer.write("b", 2 * MATRIX)
    for source in (f"ark:{tmp_path}/o.ark", f"scp:{tmp_path}/o.scp"):
        found = dict(read_feats(source))
        np.testing.assert_allclose(found["a"], MATRIX, rtol=1e-6)
        np.testing.assert_allclose(found["b"], 2 * MATRIX, rtol=1e-6)


def test_a_command_gets_what_is_written_and_its_failure_is_ours(tmp_path: Path) -> None:
    with MatrixWriter(f"ark:| cat > {tmp_path}/o.ark") as writer:
        writer.write("a", MATRIX)
    np.testing.assert_array_equal(dict(read_feats(f"ark:{tmp_path}/o.ark"))["a"], MATRIX)
    with pytest.raises(Failure, match="failed with status 4"), MatrixWriter("ark:| cat > /dev/null; exit 4") as writer:
        writer.write("a", MATRIX)


def test_a_failure_half_way_leaves_no_archive(tmp_path: Path) -> None:
    with pytest.raises(Failure), MatrixWriter(f"ark,scp:{tmp_path}/o.ark,{tmp_path}/o.scp") as writer:
        writer.write("a", MATRIX)
        raise Failure("half way")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("text", [" [ 3 0 5 ]\n", None])
def test_a_vector_of_counts_is_read_in_text_and_binary(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "counts"
    if text:
        path.write_text(text)
    else:
        kaldiio.save_mat(str(path), np.array([3, 0, 5], dtype=np.float32))
    assert read_vector(str(path)).tolist() == [3, 0, 5]


def test_lost_utterances_are_counted_by_reason_and_too_many_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feats = {key: np.ones((4, 3), dtype=np.float32) for key in ("ok", "no_labels", "short", "empty")}
    feats["empty"] = feats["empty"][:0]
    kaldiio.save_ark(f"{tmp_path}/f.ark", feats)
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
    [(np.ones((4, 5)), "b has 5 coefficients"), (np.full((4, 3), np.nan), "b holds numbers that are not")],
)
def test_odd_features_are_named(bad: np.ndarray, message: str, tmp_path: Path) -> None:
    kaldiio.save_ark(f"{tmp_path}/f.ark", {"a": np.ones((4, 3), dtype=np.float32), "b": bad.astype(np.float32)})
    (tmp_path / "l.txt").write_text("a 0 0 1 1\nb 0 0 1 1\n")
    with pytest.raises(Failure, match=message):
        load_corpus(f"ark:{tmp_path}/f.ark", f"ark:{tmp_path}/l.txt", context=2, max_lost=5)
