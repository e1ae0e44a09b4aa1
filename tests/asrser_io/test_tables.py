"""Tables and extended filenames: what is written can be read, and what is damaged is told."""

import os
import resource
import struct
import subprocess
import sys

import numpy as np
import pytest

from asrser_io.files import Failure
from asrser_io.streams import open_input, open_object, open_output
from asrser_io.tables import (
    TableWriter,
    compressed_matrix,
    is_rspecifier,
    is_wspecifier,
    random_access,
    read_object,
    read_table,
    write_object,
)
from asrser_io.values import read_int32, read_token

VALUES = {
    "matrix": [np.array([[1.5, -2.25], [3e-8, 4e7], [0, 6]], np.float32), np.zeros((1, 1), np.float32)],
    "double_matrix": [np.array([[1 / 3, 2.0]]), np.array([[-1e-300]])],
    "vector": [np.array([1.5, -2.25], np.float32), np.zeros(0, np.float32)],
    "int_vector": [np.array([1, -2, 2**31 - 1]), np.zeros(0, int)],
    "int_pairs": [np.array([[1, 2], [3, 4]]), np.zeros((0, 2), int)],
    "int": [-5, 7],
    "float": [0.5, -3.0],
    "double": [0.1, 2.0],
    "token": ["one", "zwölf"],
    "token_vector": [["a", "b"], []],
}


def write(wspecifier, kind, values):
    with TableWriter(str(wspecifier), kind) as writer:
        for i, value in enumerate(values):
            writer.write(f"utt{i}", value)


@pytest.mark.parametrize("mode", ["ark", "ark,t"])
@pytest.mark.parametrize("kind", VALUES)
def test_every_kind_of_value_is_read_back_as_written(tmp_path, kind, mode):
    write(f"{mode}:{tmp_path}/table", kind, VALUES[kind])
    found = list(read_table(f"ark:{tmp_path}/table", kind))
    assert [key for key, _ in found] == ["utt0", "utt1"]
    for (_, value), expected in zip(found, VALUES[kind], strict=True):
        if isinstance(expected, float | np.ndarray):
            np.testing.assert_allclose(value, expected, rtol=1e-6 if mode == "ark,t" else 0)
            assert np.shape(value) == np.shape(expected)
        else:
            assert value == expected


@pytest.mark.parametrize(
    "kind, value, text",
    [
        ("matrix", np.array([[1, 2.5], [1e-5, 123456789]], np.float32), b"a  [\n  1 2.5 \n  1e-05 1.234568e+08 ]\n"),
        ("matrix", np.zeros((0, 0), np.float32), b"a  [ ]\n"),
        ("vector", np.array([1, 2], np.float32), b"a  [ 1 2 ]\n"),
        ("int_vector", [1, 2], b"a 1 2 \n"),
        ("int_pairs", [(1, 2), (3, 4)], b"a 1 2 ; 3 4 \n"),
        ("int", 3, b"a 3 \n"),
        ("float", 0.1, b"a 0.1 \n"),
        ("token", "b", b"a b\n"),
        ("token_vector", ["b", "c"], b"a b c \n"),
    ],
)
def test_text_is_written_as_kaldi_writes_it(tmp_path, kind, value, text):
    with TableWriter(f"ark,t:{tmp_path}/table", kind) as writer:
        writer.write("a", value)
    assert (tmp_path / "table").read_bytes() == text


@pytest.mark.parametrize(
    "kind, value, data",
    [
        ("matrix", np.ones((1, 2), np.float32), b"\0BFM " + struct.pack("<bibi2f", 4, 1, 4, 2, 1, 1)),
        ("double_matrix", np.ones((1, 1)), b"\0BDM " + struct.pack("<bibid", 4, 1, 4, 1, 1)),
        ("vector", np.ones(1, np.float32), b"\0BFV " + struct.pack("<bif", 4, 1, 1)),
        ("int_vector", [7], b"\0B" + struct.pack("<bibi", 4, 1, 4, 7)),
        ("int_pairs", [(7, 8)], b"\0B" + struct.pack("<bibibi", 4, 1, 4, 7, 4, 8)),
        ("int", 7, b"\0B" + struct.pack("<bi", 4, 7)),
        ("double", 0.5, b"\0B" + struct.pack("<bd", 8, 0.5)),
        ("token", "b", b"b\n"),
    ],
)
def test_binary_is_written_as_kaldi_writes_it(tmp_path, kind, value, data):
    with TableWriter(f"ark:{tmp_path}/table", kind) as writer:
        writer.write("a", value)
    assert (tmp_path / "table").read_bytes() == b"a " + data


def test_text_matrices_may_have_other_line_breaks(tmp_path):
    (tmp_path / "table").write_text("a [ 1 2\n3 4 ]\nb  [ 5 6; 7 8 ]\nc [\n 9\n\n 10\n]\n")
    found = dict(read_table(f"ark:{tmp_path}/table", "matrix"))
    assert {key: value.tolist() for key, value in found.items()} == {
        "a": [[1, 2], [3, 4]],
        "b": [[5, 6], [7, 8]],
        "c": [[9], [10]],
    }


def wheel_compressed(path, matrix, method):
    """What Kaldi's own C++ makes of a matrix."""
    kaldi_native_io = pytest.importorskip("kaldi_native_io", reason="no kaldi_native_io to compare with")
    with kaldi_native_io.CompressedMatrixWriter(f"ark:{path}") as writer:
        writer.write("a", matrix, kaldi_native_io.CompressionMethod(method))


def matrices():
    random = np.random.default_rng(1)
    for shape in [(1, 1), (2, 3), (3, 4), (4, 2), (5, 5), (8, 3), (9, 3), (300, 40)]:
        yield f"{shape[0]}x{shape[1]}", random.normal(3, 20, shape).astype(np.float32)
    yield "constant", np.full((20, 4), 7, np.float32)
    yield "negative_constant", np.full((4, 4), -0.3, np.float32)
    yield "few_values", random.integers(0, 3, (100, 3)).astype(np.float32)


@pytest.mark.parametrize("method", range(1, 8))
def test_compression_is_kaldis_byte_by_byte(tmp_path, method):
    for name, matrix in matrices():
        if method in (4, 6, 7):
            matrix = np.clip(matrix, *{4: (-1e9, 1e9), 6: (0, 255), 7: (0, 1)}[method]).astype(np.float32)
        wheel_compressed(tmp_path / "kaldi", matrix, method)
        with TableWriter(f"ark:{tmp_path}/ours", compressed_matrix(method)) as writer:
            writer.write("a", matrix)
        assert (tmp_path / "ours").read_bytes() == (tmp_path / "kaldi").read_bytes(), (name, method)


@pytest.mark.parametrize("method", range(1, 8))
def test_compressed_matrices_are_read_as_kaldi_reads_them(tmp_path, method):
    kaldi_native_io = pytest.importorskip("kaldi_native_io", reason="no kaldi_native_io to compare with")
    for name, matrix in matrices():
        wheel_compressed(tmp_path / "kaldi", matrix, method)
        with kaldi_native_io.SequentialFloatMatrixReader(f"ark:{tmp_path}/kaldi") as reader:
            (expected,) = [np.array(value) for _, value in reader]  # a copy: the wheel's value ends with its reader
        ((_, found),) = read_table(f"ark:{tmp_path}/kaldi", "matrix")
        np.testing.assert_array_equal(found, expected, err_msg=f"{name}, method {method}")


def test_matrices_of_no_numbers_cannot_be_compressed(tmp_path):
    with pytest.raises(Failure, match="infinite"), TableWriter(f"ark:{tmp_path}/t", compressed_matrix(2)) as writer:
        writer.write("a", np.full((9, 2), np.nan, np.float32))


@pytest.mark.parametrize("text", ["ark:x", "scp:x", "ark,s,cs:x", "scp,p:x", "ark:-", "t,ark:cat x |", "ark,o:x"])
def test_rspecifiers_are_told_from_files(text):
    assert is_rspecifier(text)


@pytest.mark.parametrize("text", ["x", "/x/y", "C:x", "ark,scp:x,y", "ark:x ", "ark,q:x", "ark, o:x", "ark,ark:x"])
def test_files_are_told_from_rspecifiers(text):
    assert not is_rspecifier(text)


def test_wspecifiers_are_told_from_files():
    assert all(map(is_wspecifier, ["ark:x", "ark,t:-", "ark,scp:x,y", "ark,scp,t:x,y", "scp:x", "ark,f:x"]))
    assert not any(map(is_wspecifier, ["x", "scp,ark:x,y", "ark,s:x", "| gzip -c", "arc:x"]))


def test_a_script_points_into_the_archive_written_with_it(tmp_path):
    write(f"ark,scp:{tmp_path}/t.ark,{tmp_path}/t.scp", "matrix", VALUES["matrix"])
    lines = (tmp_path / "t.scp").read_text().splitlines()
    assert lines[0] == f"utt0 {tmp_path}/t.ark:5"
    (tmp_path / "reversed.scp").write_text("\n".join(reversed(lines)) + "\n")
    found = list(read_table(f"scp:{tmp_path}/reversed.scp", "matrix"))
    assert [key for key, _ in found] == ["utt1", "utt0"]
    np.testing.assert_array_equal(found[1][1], VALUES["matrix"][0])
    np.testing.assert_array_equal(read_object(f"{tmp_path}/t.ark:5", "matrix"), VALUES["matrix"][0])


def test_ranges_take_rows_and_columns_with_both_ends(tmp_path):
    matrix = np.arange(12, dtype=np.float32).reshape(4, 3)
    write(f"ark,scp:{tmp_path}/t.ark,{tmp_path}/t.scp", "matrix", [matrix])
    name = (tmp_path / "t.scp").read_text().split()[1]
    (tmp_path / "parts.scp").write_text(f"a {name}[1:2]\nb {name}[:,0:1]\nc {name}[3:3,2:2]\nd {name}[2:6]\n")
    found = [value.tolist() for _, value in read_table(f"scp:{tmp_path}/parts.scp", "matrix")]
    assert found == [matrix[1:3].tolist(), matrix[:, :2].tolist(), [[11]], matrix[2:].tolist()]
    for wrong in ["2:7", "2:1", "0:1,0:3", "x", "0:1,0:1,0:1"]:
        with pytest.raises(Failure, match="no range"):
            read_object(f"{name}[{wrong}]", "matrix")


def test_a_script_may_name_commands(tmp_path):
    (tmp_path / "t.scp").write_text("a echo ' [ 1 2 ]' |\nb echo '[ 3 ]' | cat |\n")
    assert [value.tolist() for _, value in read_table(f"scp:{tmp_path}/t.scp", "vector")] == [[1, 2], [3]]


def test_a_script_as_output_says_where_each_value_goes(tmp_path):
    (tmp_path / "out.scp").write_text(f"utt0 {tmp_path}/zero\nutt1 {tmp_path}/one\n")
    write(f"scp:{tmp_path}/out.scp", "matrix", VALUES["matrix"])
    np.testing.assert_array_equal(read_object(f"{tmp_path}/zero", "matrix"), VALUES["matrix"][0])
    with pytest.raises(Failure, match="no utt2"):
        write(f"scp:{tmp_path}/out.scp", "int", [1, 2, 3])


def test_tables_go_through_commands_both_ways(tmp_path):
    write(f"ark:| gzip -c > {tmp_path}/t.gz", "matrix", VALUES["matrix"])
    found = dict(read_table(f"ark:gunzip -c {tmp_path}/t.gz |", "matrix"))
    np.testing.assert_array_equal(found["utt0"], VALUES["matrix"][0])


def test_an_empty_wspecifier_writes_nothing_and_counts():
    with TableWriter("", "matrix") as writer:
        writer.write("a", np.zeros((1, 1), np.float32))
    assert writer.count == 1


# Access by key


def test_values_are_found_by_key_in_archives_and_scripts(tmp_path):
    write(f"ark,scp:{tmp_path}/t.ark,{tmp_path}/t.scp", "int", range(5))
    for specifier in [f"ark:{tmp_path}/t.ark", f"scp:{tmp_path}/t.scp", f"ark,s,cs:{tmp_path}/t.ark"]:
        table = random_access(specifier, "int")
        assert [table[key] for key in ("utt1", "utt3", "utt4")] == [1, 3, 4]
        assert "utt5" not in table and table.get("utt5", -1) == -1
        with pytest.raises(Failure, match="no utt5 in"):
            table["utt5"]
    assert random_access(f"ark:{tmp_path}/t.ark", "int")["utt0"] == 0


def test_only_tables_that_promise_both_orders_forget_what_was_passed(tmp_path):
    write(f"ark:{tmp_path}/t", "int", range(5))
    table = random_access(f"ark:{tmp_path}/t", "int")
    assert table["utt3"] == 3 and table["utt1"] == 1
    table = random_access(f"ark,o:{tmp_path}/t", "int")
    assert table["utt3"] == 3 and table["utt1"] == 1
    table = random_access(f"ark,s,cs:{tmp_path}/t", "int")
    assert table["utt3"] == 3 and table._values == {"utt3": 3}


UNSORTED = "s1_u0 1\ns1_u1 2\ns10_u0 3\ns10_u1 4\n"  # 0 sorts before _: these are in the order of speakers
NOT_SORTED = "is not sorted, as its option s promises: s10_u0 stands after s1_u1 and before s10_u1"


@pytest.mark.parametrize("options", ["s", "s,cs"])
@pytest.mark.parametrize("asked", ["s10_u0", "s1_u5", "a"])
def test_a_key_out_of_order_is_no_end_of_the_table(tmp_path, options, asked):
    """Read in passing, s10_u0 would look absent: s1_u0, the first key, sorts behind it."""
    (tmp_path / "t").write_text(UNSORTED)
    with pytest.raises(Failure, match=NOT_SORTED):
        random_access(f"ark,{options}:{tmp_path}/t", "int").get(asked)


def test_a_script_out_of_order_is_refused_at_once(tmp_path):
    (tmp_path / "t.scp").write_text("s1_u1 x\ns10_u0 x\ns10_u1 x\n")
    with pytest.raises(Failure, match=NOT_SORTED):
        random_access(f"scp,s,cs:{tmp_path}/t.scp", "int")


def test_a_table_that_is_not_asked_in_the_order_promised_says_so(tmp_path):
    (tmp_path / "t").write_text("a 1\nb 2\nc 3\nd 4\n")
    table = random_access(f"ark,s,cs:{tmp_path}/t", "int")
    assert (table["a"], table["c"], table["c"]) == (1, 3, 3)
    message = "is asked for b after c, when c was read, though its option cs promises sorted order"
    with pytest.raises(Failure, match=message):
        table.get("b")


@pytest.mark.parametrize("source", ["ark,s,cs:{}/t", "ark,s:{}/t", "scp,s:{}/t.scp"])
def test_an_unknown_key_of_a_sorted_table_is_told_with_its_neighbours(tmp_path, source):
    write(f"ark,scp:{tmp_path}/t,{tmp_path}/t.scp", "int", range(3))
    table = random_access(source.format(tmp_path), "int")
    assert table["utt1"] == 1
    with pytest.raises(Failure, match=r"no utt1x in .*; it would stand after utt1 and before utt2$"):
        table["utt1x"]
    assert table["utt2"] == 2  # and goes on
    with pytest.raises(Failure, match=r"no utt9 in .*; it would stand after utt2 and before its end$"):
        table["utt9"]


def test_the_order_is_that_of_bytes(tmp_path):
    keys = ["Z", "a", "z", "\u00e9", "\uffee", "\U0001f600"]
    (tmp_path / "t").write_text("".join(f"{key} {number}\n" for number, key in enumerate(keys)))
    table = random_access(f"ark,s,cs:{tmp_path}/t", "int")
    assert [table[key] for key in keys] == list(range(6))


@pytest.mark.parametrize("options", ["", ",s", ",s,cs", ",o"])
def test_a_key_that_is_there_twice_is_refused_in_every_archive_and_script(tmp_path, options):
    """Also when nobody asks for the later ones: which of the two is meant, nobody knows."""
    (tmp_path / "t").write_text("a 1\nb 2\nb 3\n")
    (tmp_path / "t.scp").write_text("a x\nb x\nb y\n")
    with pytest.raises(Failure, match=f"b is there twice in the archive {tmp_path}/t"):
        random_access(f"ark{options}:{tmp_path}/t", "int").get("c")
    with pytest.raises(Failure, match=f"{tmp_path}/t.scp, line 3: b is there a second time, after line 2"):
        random_access(f"scp{options}:{tmp_path}/t.scp", "int")
    if "cs" not in options:
        with pytest.raises(Failure, match="b is there twice"):
            random_access(f"ark{options}:{tmp_path}/t", "int").get("a")


@pytest.mark.parametrize("form", ["ark:{0}/o", "ark,scp:{0}/o,{0}/o.scp", "scp:{0}/where.scp"])
def test_a_key_is_not_written_twice(tmp_path, form):
    (tmp_path / "where.scp").write_text(f"a {tmp_path}/a\n")
    with (
        pytest.raises(Failure, match="a would be there twice in "),
        TableWriter(form.format(tmp_path), "int") as writer,
    ):
        writer.write("a", 1)
        writer.write("a", 2)
    assert not (tmp_path / "o").exists() and not (tmp_path / "o.scp").exists()


def test_keys_of_any_characters_but_white_space_are_written_and_read_back(tmp_path):
    keys = ["a\u00a0b", "c\u2003", "\udcf6"]  # the last one is a byte of Latin-1
    with TableWriter(f"ark,scp:{tmp_path}/t,{tmp_path}/t.scp", "token") as writer:
        for key in keys:
            writer.write(key, key)
    for source in (f"ark:{tmp_path}/t", f"scp:{tmp_path}/t.scp"):
        assert dict(read_table(source, "token")) == {key: key for key in keys}


def test_a_table_by_speaker_is_asked_by_utterance(tmp_path):
    (tmp_path / "of_speaker").write_text("s1 10 \ns2 20 \n")
    (tmp_path / "utt2spk").write_text("a s1\nb s2\nc s3\n")
    table = random_access(f"ark:{tmp_path}/of_speaker", "int", f"ark:{tmp_path}/utt2spk")
    assert (table["a"], table["b"], "c" in table, "d" in table) == (10, 20, False, False)


# Damage


def test_an_archive_that_is_cut_anywhere_inside_a_value_is_refused_with_its_key(tmp_path):
    write(f"ark:{tmp_path}/whole", "matrix", VALUES["matrix"][:1])
    data = (tmp_path / "whole").read_bytes()
    for length in range(3, len(data)):
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(Failure, match=r"'?utt?0?'?.* in the archive .*/cut"):
            list(read_table(f"ark:{tmp_path}/cut", "matrix"))


@pytest.mark.parametrize("kind", ["vector", "int_vector", "int", "float", "token", "token_vector", "matrix"])
def test_text_that_is_cut_is_refused(tmp_path, kind):
    write(f"ark,t:{tmp_path}/whole", kind, VALUES[kind][:1])
    data = (tmp_path / "whole").read_bytes().rstrip(b"]\n ")
    (tmp_path / "cut").write_bytes(data)
    with pytest.raises(Failure, match="end"):
        list(read_table(f"ark:{tmp_path}/cut", kind))


@pytest.mark.parametrize(
    "kind, text, message",
    [
        ("matrix", "a [ 1 2\n3 ]\n", "differ in length"),
        ("matrix", "a [ 1 x ]\n", "expected numbers, found '1 x'"),
        ("matrix", "a 1 2\n", "expected \\[ and numbers, found '1'"),
        ("vector", "a [ 1\n2 ]\n", "matrix of 2 rows"),
        ("int_vector", "a 1 2.5\n", "expected integers, found '1 2.5'"),
        ("int_vector", "a 99999999999\n", "expected integers"),
        ("int_pairs", "a 1 2 ; 3\n", "pairs"),
        ("int", "a x\n", "expected a number \\(int\\), found 'x'"),
        ("token", "a b c\n", "one word"),
        ("matrix", "a \0BFV \4\0\0\0\0", "expected a matrix .* found 'FV'"),
        ("vector", "a \0BFM \4\0\0\0\0", "expected a vector .* found 'FM'"),
        ("int_vector", "a \0BFM \4\0\0\0\0", "size byte of 70"),
        ("matrix", "a \0X", "Kaldi's binary header"),
    ],
)
def test_values_of_another_kind_or_form_are_refused(tmp_path, kind, text, message):
    (tmp_path / "t").write_text(text)
    with pytest.raises(Failure, match=message) as failure:
        list(read_table(f"ark:{tmp_path}/t", kind))
    assert str(failure.value).startswith(f"a in the archive {tmp_path}/t: ")


@pytest.mark.parametrize("size", [1 << 20, 2**31 - 1, -1, -(2**31)])
def test_a_damaged_size_is_refused_and_takes_no_memory(tmp_path, size):
    for kind, data in [
        ("matrix", b"FM " + struct.pack("<bibi", 4, size, 4, size)),
        ("matrix", b"CM2 " + struct.pack("<ffii", 0, 1, size, size)),
        ("vector", b"FV " + struct.pack("<bi", 4, size)),
        ("int_vector", struct.pack("<bi", 4, size)),
    ]:
        (tmp_path / "t").write_bytes(b"a \0B" + data + b"\4\0\0\0\0")
        with pytest.raises(Failure, match="the data end early|a size of|a matrix of|a vector of"):
            list(read_table(f"ark:{tmp_path}/t", kind))


def test_random_bytes_never_pass_as_an_archive(tmp_path):
    random = np.random.default_rng(0)
    write(f"ark:{tmp_path}/whole", "matrix", VALUES["matrix"][:1])
    data = bytearray((tmp_path / "whole").read_bytes())
    for _ in range(200):
        header = data.copy()
        header[int(random.integers(5, 15))] ^= int(random.integers(1, 256))  # the header, token and sizes
        (tmp_path / "t").write_bytes(header)
        with pytest.raises(Failure):
            list(read_table(f"ark:{tmp_path}/t", "matrix"))


def test_permissive_reading_leaves_out_what_cannot_be_read_with_a_warning(tmp_path, capsys):
    write(f"ark,scp:{tmp_path}/t.ark,{tmp_path}/t.scp", "int", [1, 2])
    lines = (tmp_path / "t.scp").read_text().splitlines()
    lines.insert(1, "gone /no/such/file")
    (tmp_path / "t.scp").write_text("\n".join(lines) + "\n")
    with pytest.raises(Failure, match="gone .*/no/such/file.*No such file"):
        list(read_table(f"scp:{tmp_path}/t.scp", "int"))
    assert dict(read_table(f"scp,p:{tmp_path}/t.scp", "int")) == {"utt0": 1, "utt1": 2}
    assert "skipped gone (/no/such/file): cannot read /no/such/file" in capsys.readouterr().err
    table = random_access(f"scp,p:{tmp_path}/t.scp", "int")
    assert "gone" not in table and table["utt1"] == 2
    (tmp_path / "cut.ark").write_bytes((tmp_path / "t.ark").read_bytes()[:-1])
    assert dict(read_table(f"ark,p:{tmp_path}/cut.ark", "int")) == {"utt0": 1}


@pytest.mark.parametrize("line", ["onlykey", "", "a"])
def test_a_script_with_a_wrong_line_is_refused_with_its_number(tmp_path, line):
    (tmp_path / "t.scp").write_text(f"{line}\n")
    with pytest.raises(Failure, match="t.scp, line 1: expected a key and a file"):
        list(read_table(f"scp:{tmp_path}/t.scp", "int"))


@pytest.mark.parametrize(
    "command",
    ["false", "echo a 1; exit 3", "echo a 1 && false | cat", "echo a 1; printf 'b 2'; exit 3", "no_such_command"],
)
def test_a_failing_input_command_is_an_error_and_not_an_empty_or_short_table(command):
    with pytest.raises(Failure, match=r"the command .* failed with status"):
        list(read_table(f"ark:{command} |", "int"))
    table = random_access(f"ark:{command} |", "int")
    with pytest.raises(Failure, match=r"the command .* failed with status"):
        table["z"]


def test_a_command_that_is_left_early_is_no_error():
    with open_input("yes a |") as f:
        assert read_token(f, False) == "a"
    assert next(read_table("ark:yes 'a 1' |", "int")) == ("a", 1)


@pytest.mark.parametrize("command", ["false", "cat > /dev/null; exit 3", "head -c 1 > /dev/null; exit 0"])
def test_a_failing_output_command_is_an_error(command):
    matrix = np.zeros((1000, 100), np.float32)
    with pytest.raises(Failure, match="the command .* (failed|ended) with status"):
        write(f"ark:| {command}", "matrix", [matrix] * 5)


def test_nothing_half_written_gets_the_final_name(tmp_path):
    (tmp_path / "old").write_text("a 1 \n")
    with pytest.raises(ZeroDivisionError), TableWriter(f"ark,scp:{tmp_path}/old,{tmp_path}/new.scp", "int") as writer:
        writer.write("a", 2)
        writer.write("b", 1 // 0)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_text() == "a 1 \n"


def test_a_link_to_elsewhere_stays_a_link(tmp_path):
    (tmp_path / "disk2").mkdir()
    (tmp_path / "t.ark").symlink_to(tmp_path / "disk2" / "t.ark")
    write(f"ark:{tmp_path}/t.ark", "int", [1])
    assert (tmp_path / "t.ark").is_symlink() and (tmp_path / "disk2" / "t.ark").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_an_error_with_the_file():
    with pytest.raises(Failure, match="cannot write /dev/full: No space left"):
        write("ark:/dev/full", "int", [1])
    with pytest.raises(Failure, match="failed with status"):
        write("ark:| cat > /dev/full", "int", [1])


def test_a_file_that_grows_too_large_is_an_error_and_leaves_nothing(tmp_path):
    code = (
        "import sys, signal, resource, numpy\n"
        "from asrser_io.tables import TableWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))\n"
        "with TableWriter('ark:' + sys.argv[1], 'matrix') as writer:\n"
        "    for i in range(100): writer.write(str(i), numpy.ones((10, 1000), numpy.float32))\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "big")], capture_output=True, text=True)
    assert done.returncode != 0 and f"cannot write {tmp_path}/big: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x:12", " x", "x |", "a | b", "/no/such/dir/x"])
def test_names_that_cannot_be_written_are_refused(name):
    with pytest.raises(Failure, match="cannot write"), open_output(name):
        pass


@pytest.mark.parametrize("key", ["", "a b", "a\n"])
def test_keys_that_could_not_be_read_back_are_refused(tmp_path, key):
    with pytest.raises(Failure, match="cannot be a key"), TableWriter(f"ark:{tmp_path}/t", "int") as writer:
        writer.write(key, 1)


def test_specifiers_of_another_form_are_refused(tmp_path):
    with pytest.raises(Failure, match="no rspecifier"):
        next(read_table("feats.ark", "matrix"))
    with pytest.raises(Failure, match="no wspecifier"):
        TableWriter("feats.ark", "matrix")
    name = f"{tmp_path}/both"
    with pytest.raises(Failure, match="expected the names of two files"), TableWriter(f"ark,scp:{name},{name}", "int"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("binary", [True, False])
def test_single_objects_say_themselves_whether_they_are_binary(tmp_path, binary):
    write_object(f"{tmp_path}/x", np.ones((1, 2), np.float32), "matrix", binary)
    with open_object(f"{tmp_path}/x") as (_, found):
        assert found == binary
    np.testing.assert_array_equal(read_object(f"{tmp_path}/x", "matrix"), [[1, 1]])


def test_a_damaged_single_object_is_told_with_its_file(tmp_path):
    (tmp_path / "x").write_bytes(b"\0B\4\1")
    with pytest.raises(Failure, match=f"{tmp_path}/x: the data end early"), open_object(f"{tmp_path}/x") as (f, binary):
        read_int32(f, binary)
