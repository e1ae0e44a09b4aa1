"""One set of tables through both front ends, asrser_nn and the Kaldi programs, and through Kaldi's own C++."""

import os
import re
import subprocess
import sys
import sysconfig
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, compressed_matrix, read_table
from asrser_nn.data.tables import read_feats, read_labels
from kaldi_programs import copy_feats, copy_int_vector

MATRIX = np.arange(12, dtype=np.float32).reshape(4, 3)
READERS = {"matrix": read_feats, "int_vector": read_labels}
PROGRAMS = {"matrix": copy_feats.main, "int_vector": copy_int_vector.main}


def by_asrser_nn(rspecifier, kind, capfd):
    try:
        return {key: value.tolist() for key, value in READERS[kind](rspecifier)}
    except Failure as error:
        return str(error)


def by_program(rspecifier, kind, capfd):
    capfd.readouterr()
    status = PROGRAMS[kind]([rspecifier, "ark:copied"])
    said = capfd.readouterr().err
    if status == 1 and "nothing done: no input" not in said:
        assert not os.path.exists("copied")
        return said.splitlines()[-1]
    return {key: value.tolist() for key, value in read_table("ark:copied", kind)}


def by_kaldi(rspecifier, kind, capfd):
    kaldi_native_io = pytest.importorskip("kaldi_native_io", reason="no kaldi_native_io to compare with")
    name = {"matrix": "SequentialFloatMatrixReader", "int_vector": "SequentialInt32VectorReader"}[kind]
    try:
        with getattr(kaldi_native_io, name)(rspecifier) as reader:
            return {key: np.array(value).tolist() for key, value in reader}
    except (RuntimeError, AttributeError) as error:  # AttributeError: the wheel's way to say that it could not open
        return str(error)


FRONT_ENDS = pytest.mark.parametrize("front_end", [by_asrser_nn, by_program])


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with TableWriter("ark,scp:m.ark,m.scp", "matrix") as writer:
        writer.write("m", MATRIX)


# Content of an archive: what everybody reads in it. Kaldi itself has a table of its own for what it takes otherwise.
MATRICES = {
    b"a  [\n  1 2.5 3\n  4 5 6e-1 ]\nb  [\n  7 8 9 ]\n": {"a": [[1, 2.5, 3], [4, 5, 0.6]], "b": [[7, 8, 9]]},
    b"a  [\r\n  1 2 \r\n  3 4 ]\r\nb [ 5 ]\r\n": {"a": [[1, 2], [3, 4]], "b": [[5]]},
    b"a\t[ 1\t2 ]\nb [ 3; 4 ]\n": {"a": [[1, 2]], "b": [[3], [4]]},
    b"a\n [ 1 ]\nb [ 2 ]": {"a": [[1]], "b": [[2]]},
    b"a  [ ]\nb []\nc [ 1 ]\n": {"a": [], "b": [], "c": [[1]]},
    "zwölf [ 12 ]\na\u00a0b [ 1 ]\nc\u2003d\u0085 [ 2 ]\n".encode(): {
        "zwölf": [[12]],
        "a\u00a0b": [[1]],  # spaces beyond ASCII's are part of a word
        "c\u2003d\u0085": [[2]],
    },
    b"a \0BFM \4\1\0\0\0\4\2\0\0\0\0\0\x80?\0\0\0@b \0BFM \4\0\0\0\0\4\0\0\0\0": {"a": [[1, 2]], "b": []},
    b"a \0BDM \4\1\0\0\0\4\1\0\0\0\0\0\0\0\0\0\xf8?": {"a": [[1.5]]},
    b"": {},
}
INT_VECTORS = {
    b"a 5\nb \nc 7 8\n": {"a": [5], "b": [], "c": [7, 8]},
    b"a\nb 1\n": {"a": [], "b": [1]},
    b"a\t1\t-2\r\nb  3 \r\n": {"a": [1, -2], "b": [3]},
    b"a \0B\4\2\0\0\0\4\1\0\0\0\4\xff\xff\xff\xffb \0B\4\0\0\0\0": {"a": [1, -1], "b": []},
}
READ = [("matrix", *case) for case in MATRICES.items()] + [("int_vector", *case) for case in INT_VECTORS.items()]


@pytest.mark.parametrize("front_end", [by_asrser_nn, by_program, by_kaldi])
@pytest.mark.parametrize("kind, content, expected", READ)
def test_an_archive_is_read_alike(kind, content, expected, front_end, capfd):
    Path("t").write_bytes(content)
    found = front_end("ark:t", kind, capfd)
    assert list(found) == list(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(np.float32(found[key]), np.float32(value))


REFUSED = [
    ("matrix", b"a [ 1 ]\nb [ 2 ]\na [ 3 ]\n", "a is there twice in the archive t"),
    ("int_vector", b"a 1\na 2\n", "a is there twice in the archive t"),
    ("matrix", b"a [ 1 2\n3 ]\n", "a in the archive t: the rows of a matrix differ in length"),
    ("matrix", b"a [ 1 x ]\n", "a in the archive t: expected numbers, found '1 x'"),
    ("matrix", b"a [ 1_0 ]\n", "expected numbers, found '1_0'"),
    ("matrix", b"a [ 1", "a in the archive t: the data end before a closing ]"),
    ("matrix", b"a 1 2\n", r"expected \[ and numbers, found '1'"),
    ("matrix", b"a \0BFV \4\1\0\0\0\0\0\0\0", r"expected a matrix .* found 'FV'"),
    ("matrix", b"a \0BFM \4\1\0\0\0\4\1\0\0\0\0\0", "a in the archive t: the data end early"),
    ("matrix", b"a [ 1 ]\nb", "b in the archive t: expected a space after the key"),
    ("int_vector", b"a 1 2.5\n", "a in the archive t: expected integers, found '1 2.5'"),
    ("int_vector", b"a 1_0\n", "expected integers, found '1_0'"),
    ("int_vector", "a ١\n".encode(), "expected integers, found '١'"),
    ("int_vector", b"a 99999999999\n", "expected integers, found '99999999999'"),
    ("int_vector", b"a [ 1 2 ]\n", r"expected integers, found '\[ 1 2 \]'"),
    ("int_vector", b"a 1\nb 1 2", "b in the archive t: the data end before the end of a line"),
    ("int_vector", b"a \0B\4\2\0\0\0\4\1\0\0\0", "the data end early: 10 bytes expected, 5 found"),
    ("matrix", "a [ 1 ]\n".encode("utf-16"), "t: the text is in UTF-16; save it as UTF-8"),
]


@FRONT_ENDS
@pytest.mark.parametrize("kind, content, message", REFUSED)
def test_an_archive_is_refused_alike(kind, content, message, front_end, capfd):
    Path("t").write_bytes(content)
    found = front_end("ark:t", kind, capfd)
    assert isinstance(found, str) and re.search(message, found), found
    assert "\n" not in found


@pytest.mark.parametrize("method", range(1, 8))
def test_compressed_matrices_are_read_alike(method, capfd):
    values = np.random.default_rng(1).uniform(0, 1, (30, 4)).astype(np.float32)
    with TableWriter("ark:t", compressed_matrix(method)) as writer:
        writer.write("a", values)
    expected = by_kaldi("ark:t", "matrix", capfd)
    np.testing.assert_allclose(expected["a"], values, atol=0.6 if method in (4, 6) else 0.02)
    assert by_asrser_nn("ark:t", "matrix", capfd) == by_program("ark:t", "matrix", capfd) == expected


# The part that a line's range names: rows, columns; None: nobody reads it
RANGES = {
    "0:1": (slice(0, 2), slice(None)),
    "1:2,0:1": (slice(1, 3), slice(0, 2)),
    "3:3,2:2": (slice(3, 4), slice(2, 3)),
    ":,2:2": (slice(None), slice(2, 3)),
    ":": (slice(None), slice(None)),
    ":,:": (slice(None), slice(None)),
    "0:6": (slice(None), slice(None)),  # up to three rows behind the end
    "3:4": (slice(3, 4), slice(None)),
    "0:7": None,
    "0:500": None,
    "4:5": None,
    "3": None,
    "2:1": None,
    "-1:2": None,
    "0:1,0:3": None,
    ",2:2": None,
    "0:1,0:1,0:1": None,
    "x": None,
    "": None,
    "0:1][0:1": None,
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the wheel's, about what it refused
@pytest.mark.parametrize("front_end", [by_asrser_nn, by_program, by_kaldi])
@pytest.mark.parametrize("ends, part", RANGES.items())
def test_a_range_is_read_alike(ends, part, front_end, capfd):
    where = Path("m.scp").read_text().split()[1]
    Path("r.scp").write_text(f"k {where}[{ends}]\n")
    found = front_end("scp:r.scp", "matrix", capfd)
    if part is not None:
        assert found == {"k": MATRIX[part].tolist()}
    elif front_end is not by_kaldi:
        assert re.search(rf"k \(m.ark:2\[{re.escape(ends)}\]\): (no range|cannot make sense)", found)
    else:
        assert isinstance(found, str)


def test_a_range_that_is_cut_is_told(capfd):
    Path("r.scp").write_text("k m.ark:2[2:5]\n")
    by_program("scp:r.scp", "matrix", capfd)
    assert dict(read_feats("scp:r.scp"))["k"].tolist() == MATRIX[2:].tolist()
    assert "k (m.ark:2[2:5]): the range ends behind the 4 rows there are: cut" in capfd.readouterr().err


@FRONT_ENDS
def test_labels_have_no_ranges(front_end, capfd):
    Path("l").write_text("5 6 7\n")
    Path("l.scp").write_text("k l[0:1]\n")
    assert "a range [0:1] of something that is no vector or matrix" in front_end("scp:l.scp", "int_vector", capfd)


@FRONT_ENDS
@pytest.mark.parametrize(
    "script",
    [
        b"a m.ark:2\nb m.ark:2\n",
        b"a m.ark:2\nb m.ark:2",  # no newline at the end
        b"a m.ark:2\r\nb m.ark:2\r\n",
        b"a\tm.ark:2 \nb\t  m.ark:2\t\n",
        b"\xef\xbb\xbfa m.ark:2\nb cat m.ark | tail -c +3 |\n",
    ],
)
def test_a_script_is_read_alike(script, front_end, capfd):
    Path("t.scp").write_bytes(script)
    assert front_end("scp:t.scp", "matrix", capfd) == {"a": MATRIX.tolist(), "b": MATRIX.tolist()}


@FRONT_ENDS
@pytest.mark.parametrize(
    "script, message",
    [
        (b"a m.ark:2\nb m.ark:2\na m.ark:2\n", "t.scp, line 3: a is there a second time, after line 1"),
        (b"a m.ark:2\n\nb m.ark:2\n", "t.scp, line 2: expected a key and a file, found ''"),
        (b"a m.ark:2\nb\n", "t.scp, line 2: expected a key and a file, found 'b'"),
        (b"a m.ark:2\nb \0BFM\n", "t.scp, line 2: expected a key and a file"),
        ("a m.ark:2\n".encode("utf-16"), "t.scp, line 1: the text is in UTF-16"),
        (b"a absent.ark:2\n", r"a \(absent.ark:2\): cannot read absent.ark: No such file"),
        (b"a .\n", r"a \(.\): cannot read .: Is a directory"),
        (b"a m.ark:9999\n", r"a \(m.ark:9999\): expected \[ and numbers, found ''"),
        (b"a false |\n", r"a \(false \|\): the command 'false \|' failed with status 1"),
    ],
)
def test_a_script_is_refused_alike(script, message, front_end, capfd):
    Path("t.scp").write_bytes(script)
    found = front_end("scp:t.scp", "matrix", capfd)
    assert isinstance(found, str) and re.search(message, found), found
    assert found.count("\n") == 0


def test_a_byte_order_mark_is_no_part_of_the_first_key(capfd):
    Path("t").write_bytes(b"\xef\xbb\xbfa [ 1 ]\n")
    Path("l").write_bytes(b"\xef\xbb\xbfa 1\n")
    for front_end in (by_asrser_nn, by_program):
        assert front_end("ark:t", "matrix", capfd) == {"a": [[1]]}
        assert front_end("ark:l", "int_vector", capfd) == {"a": [1]}


# Streams that have a name


@contextmanager
def fed(path: str, content: bytes):
    """While the block runs, somebody writes to a FIFO."""
    feeder = threading.Thread(target=Path(path).write_bytes, args=(content,))
    feeder.start()
    try:
        yield
    finally:
        feeder.join(timeout=10)


@FRONT_ENDS
def test_a_named_pipe_is_read_like_a_file(front_end, capfd):
    os.mkfifo("pipe")
    with fed("pipe", Path("m.ark").read_bytes()):
        assert front_end("ark:pipe", "matrix", capfd) == {"m": MATRIX.tolist()}
    with fed("pipe", Path("m.scp").read_bytes()):
        assert front_end("scp:pipe", "matrix", capfd) == {"m": MATRIX.tolist()}
    Path("t.scp").write_text("a pipe\n")
    with fed("pipe", Path("m.ark").read_bytes()[2:]):  # without its key: a matrix alone in its file
        assert front_end("scp:t.scp", "matrix", capfd) == {"a": MATRIX.tolist()}


@FRONT_ENDS
def test_an_offset_that_no_file_has_is_refused(front_end, capfd):
    Path("t").write_bytes(b"a [ 1 ]\n")
    for offset, told in [("9" * 20, "of t: no file is that long"), ("9" * 10, "a (t:9999999999): ")]:
        Path("t.scp").write_text(f"a t:{offset}\n")
        assert told in front_end("scp:t.scp", "matrix", capfd)


@FRONT_ENDS
def test_an_offset_in_a_named_pipe_is_refused(front_end, capfd):
    os.mkfifo("pipe")
    Path("t.scp").write_text("a pipe:2\n")
    with fed("pipe", b""):
        found = front_end("scp:t.scp", "matrix", capfd)
    assert "a (pipe:2): cannot go to byte 2 of pipe, which is a pipe" in found


COPY_FEATS = os.path.join(sysconfig.get_path("scripts"), "copy-feats")
READ_FEATS = (
    f'{sys.executable} -c "import sys; from asrser_nn.data.tables import *\n'
    "with matrix_writer(sys.argv[2]) as w:\n for item in read_feats(sys.argv[1]): w.write(*item)\""
)


@pytest.mark.parametrize("program", [COPY_FEATS, READ_FEATS], ids=["copy-feats", "asrser_nn"])
@pytest.mark.parametrize("source", ["'ark:'<(cat m.ark)", "scp:<(cat m.scp)", "ark:/dev/stdin", "ark:-"])
def test_process_substitution_and_standard_input_are_read(source, program):
    command = f"cat m.ark | {program} {source.replace(chr(39), '')} ark,t:copied"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {key: value.tolist() for key, value in read_table("ark:copied", "matrix")} == {"m": MATRIX.tolist()}


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no /proc/self/mem, which can be opened but not read")
def test_an_error_of_reading_is_not_taken_for_one_of_writing(capfd):
    assert copy_feats.main(["ark:/proc/self/mem", "ark:copied"]) == 1
    assert capfd.readouterr().err.endswith(") cannot read /proc/self/mem: Input/output error\n")
    assert not os.path.exists("copied")
