"""Text files that people made: what is read of them, and the one line about those that are not."""

import os
import subprocess
import sys
import threading

import pytest

from asrser_io.files import Failure
from asrser_io.text import is_word, read_lines, read_list, read_map, read_symbol_table, words_of

MAP = "utt1 anna\nutt2 börje\n"


@pytest.fixture
def file(tmp_path):
    def write(content: bytes | str, name: str = "utt2spk"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        MAP.encode(),
        MAP.encode("utf-8-sig"),
        MAP.replace("\n", "\r\n").encode(),
        MAP.replace(" ", "\t").encode(),
        MAP.replace(" ", " \t ").replace("\n", " \t\n").encode(),
        MAP.rstrip().encode(),
        MAP.replace("\n", "\r\n").rstrip().encode("utf-8-sig"),
        f"\n{MAP}\n \n".encode(),
    ],
)
def test_a_map_is_the_same_whatever_the_editor(content, file):
    assert read_map(file(content)) == {"utt1": "anna", "utt2": "börje"}


@pytest.mark.parametrize(
    "content, line, message",
    [
        (MAP.encode("latin-1"), 2, r"byte 0xF6 is not UTF-8 \(is the file in Latin-1\?\); save it as UTF-8"),
        (MAP.encode("utf-16"), 1, "the file is in UTF-16; save it as UTF-8"),
        (MAP.encode("utf-16-be"), 1, "a zero byte: the file is in UTF-16, or no text; save it as UTF-8"),
        (MAP.replace("\n", "\r").encode(), 1, "a carriage return inside: remove it"),
        (b"utt1 anna\nutt2 b\r c\n", 2, "a carriage return inside: remove it"),
        (b"utt1 anna\n\xef\xbb\xbfutt2 bob\n", 2, r"an invisible character, U\+FEFF"),
        (b"utt1 anna\nutt2 bob\x0c\n", 2, r"an invisible character, U\+000C"),
        (b"utt1 anna\nutt2 bob\n\x1a", 3, r"an invisible character, U\+001A"),
        (b"utt1 anna\nutt2 bob x\n", 2, "expected '<utterance> <speaker>', found 'utt2 bob x'"),
        (b"utt1 anna\n\nutt2\n", 3, "expected '<utterance> <speaker>', found 'utt2'"),
        (b"utt1 anna\nutt2 bob\nutt1 bob\n", 3, "utt1 is there a second time, after line 1"),
    ],
)
def test_any_other_text_is_refused_with_file_and_line(content, line, message, file):
    path = file(content)
    with pytest.raises(Failure, match=f"^{path}, line {line}: {message}") as failure:
        read_map(path)
    assert "\n" not in str(failure.value) and str(failure.value).isprintable()


def test_the_columns_are_those_of_the_file(file):
    assert read_map(file("r sox a.wav  -t wav - |\n", "wav.scp")) == {"r": "sox a.wav  -t wav - |"}
    assert read_map(file("u\tr\t0.5\t1\n", "segments")) == {"u": "r\t0.5\t1"}
    assert read_map(file("u a b c\n", "text")) == {"u": "a b c"}
    with pytest.raises(Failure, match=r"segments, line 1: expected '<utterance> <recording> <start> <end>"):
        read_map(file("u r 0.5\n", "segments"))
    with pytest.raises(Failure, match="line 1: expected '<a> <b> <c>'"):
        read_map(file("1 2\n", "other"), "<a> <b> <c>")


def test_a_file_that_is_not_there_is_an_error_unless_it_may_be_missing(tmp_path):
    assert read_map(tmp_path / "spk2gender", optional=True) == {}
    assert read_list(tmp_path / "dev_speakers", optional=True) == []
    for read in (read_map, read_list, read_lines, read_symbol_table):
        with pytest.raises(Failure, match=f"cannot read {tmp_path}/absent: No such file"):
            read(tmp_path / "absent")


@pytest.mark.parametrize("read", [read_map, read_list, read_lines])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
def test_what_nobody_may_ever_end_is_refused_where_a_name_finds_it(read, make, tmp_path):
    path = tmp_path / "spk2gender"
    make(path)
    with pytest.raises(Failure, match=f"^cannot read {path}: a named pipe, socket or device; put a file in its place"):
        read(path)


def test_a_table_of_symbols_may_be_a_stream(tmp_path):
    os.mkfifo(pipe := tmp_path / "words.txt")
    writer = threading.Thread(target=lambda: pipe.write_text("<eps> 0\na 1\n"))
    writer.start()
    assert read_symbol_table(pipe) == {"<eps>": 0, "a": 1}
    writer.join()


def test_only_the_white_space_of_ascii_parts_words():
    assert words_of(" a\tb \r\n") == ["a", "b"]
    for character in "\u00a0\u0085\u1680\u2003\u2028\u3000\x1c\x1f":
        word = f"a{character}b"
        assert words_of(f"u {word} c") == ["u", word, "c"] and is_word(word)
    assert not any(map(is_word, ["", " ", "a b", "a\n", "\ta"]))


def test_lines_end_at_line_feeds_only(file):
    assert read_lines(file("a\u2028b\u0085c\nd\n")) == ["a\u2028b\u0085c", "d"]


def test_a_word_of_a_list_is_there_once(file):
    assert read_list(file("\ufeffanna\r\nbörje carl", "dev_speakers")) == ["anna", "börje", "carl"]
    with pytest.raises(Failure, match="dev_speakers, line 3: anna is there a second time, after line 1"):
        read_list(file("anna\nbob\nanna\n", "dev_speakers"))


def test_symbols_and_their_numbers_are_there_once(file):
    assert read_symbol_table(file("<eps> 0\r\na\t1\nb\u00a0c 2", "words.txt")) == {"<eps>": 0, "a": 1, "b\u00a0c": 2}
    for content, message in [
        ("<eps> 0\na 1\na 2\n", "line 3: 'a 2' contradicts 'a 1' above it"),
        ("<eps> 0\na 1\nb 1\n", "line 3: 'b 1' contradicts 'a 1' above it"),
        ("<eps> 0\na ²\n", "line 2: expected a symbol and its number, found 'a ²'"),
        ("<eps> 0\na -1\n", "line 2: expected a symbol and its number"),
        ("<eps> 0\na 1 2\n", "line 2: expected '<symbol> <number>', found 'a 1 2'"),
    ]:
        with pytest.raises(Failure, match=message):
            read_symbol_table(file(content, "words.txt"))


def test_symbols_in_another_encoding_are_passed_on_as_bytes_as_kaldi_does(file):
    (symbol,) = read_symbol_table(file(b"b\xf6 1\n", "words.txt"))
    assert symbol.encode(errors="surrogateescape") == b"b\xf6"


def test_nothing_here_imports_what_is_slow_or_the_packages_above():
    """Every start of a Kaldi program pays for it."""
    code = (
        "import importlib, pkgutil, sys, asrser_io\n"
        "for module in pkgutil.iter_modules(asrser_io.__path__): importlib.import_module(f'asrser_io.{module.name}')\n"
        "late = 'torch kaldi_programs asrser_nn soundfile scipy subprocess kaldifst'.split()\n"
        "print(*(name for name in late if name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
