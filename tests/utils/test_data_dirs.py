"""utils/split_data.sh, utils/check_data_dir.sh and utils/sym2int.sh."""

import os
import subprocess

import pytest


@pytest.fixture
def utils(root):
    return lambda name, *words: subprocess.run([root / "utils" / name, *words], capture_output=True, text=True)


def write(file, *lines):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(line + "\n" for line in lines))


@pytest.fixture
def data(tmp_path):
    """Three speakers with 1, 4 and 2 utterances."""
    data = tmp_path / "data"
    utterances = {"a": ["a_1"], "b": ["b_1", "b_2", "b_3", "b_4"], "c": ["c_1", "c_2"]}
    pairs = [(utt, spk) for spk, utts in utterances.items() for utt in utts]
    write(data / "spk2utt", *(" ".join([spk, *utts]) for spk, utts in utterances.items()))
    write(data / "utt2spk", *(f"{utt} {spk}" for utt, spk in pairs))
    write(data / "text", *(f"{utt} x y" for utt, _ in pairs))
    write(data / "wav.scp", *(f"{utt} {utt}.wav" for utt, _ in pairs))
    write(data / "cmvn.scp", *(f"{spk} cmvn.ark:{n}" for n, spk in enumerate(utterances)))
    return data


def keys(file):
    return [line.split()[0] for line in file.read_text().splitlines()]


def test_a_speaker_stays_whole_and_order_is_kept(utils, data):
    assert utils("split_data.sh", data, "2").returncode == 0
    assert keys(data / "split2/1/utt2spk") + keys(data / "split2/2/utt2spk") == keys(data / "utt2spk")
    for part in "12":
        split = data / "split2" / part
        assert keys(split / "text") == keys(split / "wav.scp") == keys(split / "utt2spk")
        assert keys(split / "cmvn.scp") == keys(split / "spk2utt")


def test_every_part_gets_a_speaker(utils, data):
    assert utils("split_data.sh", data, "3").returncode == 0
    assert [keys(data / f"split3/{part}/spk2utt") for part in (1, 2, 3)] == [["a"], ["b"], ["c"]]


def test_more_parts_than_speakers_are_refused(utils, data):
    result = utils("split_data.sh", data, "4")
    assert result.returncode == 1 and "cannot give 3 speakers" in result.stderr and "smaller --nj" in result.stderr
    assert not list(data.glob("split*"))


def test_a_split_is_made_again_after_a_change_only(utils, data):
    utils("split_data.sh", data, "2")
    made = (data / "split2").stat().st_ino
    utils("split_data.sh", data, "2")
    assert (data / "split2").stat().st_ino == made
    write(data / "feats.scp", *(f"{utt} feats.ark:1" for utt in keys(data / "utt2spk")))
    utils("split_data.sh", data, "2")
    assert keys(data / "split2/1/feats.scp") == keys(data / "split2/1/utt2spk")


def test_with_segments_each_part_has_all_recordings(utils, data):
    write(data / "wav.scp", "rec1 1.wav", "rec2 2.wav")
    write(data / "segments", *(f"{utt} rec{1 + n % 2} 0 1" for n, utt in enumerate(keys(data / "utt2spk"))))
    utils("split_data.sh", data, "2")
    assert keys(data / "split2/2/wav.scp") == ["rec1", "rec2"]
    assert utils("check_data_dir.sh", data, "wav.scp").stderr == ""


def test_a_sound_directory_passes_in_silence(utils, data):
    result = utils("check_data_dir.sh", data, "text", "wav.scp")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def swap(lines):
    return [lines[1], lines[0], *lines[2:]]


@pytest.mark.parametrize(
    "file, change, message",
    [
        ("text", swap, "text, line 2: a_1 stands after b_1"),
        ("utt2spk", swap, "utt2spk, line 2: a_1 stands after b_1"),
        ("wav.scp", lambda lines: [lines[0], *lines], "wav.scp, line 2: a_1 stands twice"),
        ("text", lambda lines: lines[:-1], "text lacks c_2, which is in utt2spk"),
        ("text", lambda lines: [*lines, "d_1 x"], "text has d_1, which is not in utt2spk"),
        ("cmvn.scp", lambda lines: lines[1:], "cmvn.scp lacks a, which is in utt2spk"),
        ("utt2spk", lambda lines: ["a_1 b", *lines[1:]], "the speaker b must be the beginning of the utterance a_1"),
        ("utt2spk", lambda lines: ["a_1", *lines[1:]], "line 1: expected <utterance> <speaker>, found: a_1"),
        ("spk2utt", lambda lines: ["a a_2", *lines[1:]], "utt2spk and spk2utt do not agree on: a_1 a"),
        ("text", lambda lines: [lines[0], "", *lines[1:]], "text, line 2 is empty"),
        ("text", lambda lines: [*lines[:4], lines[0], *lines[4:]], "text, line 5: a_1 stands twice, first in line 1"),
        ("text", lambda lines: lines[:-2], "text lacks c_1, which is in utt2spk (and 1 more such)"),
        ("text", lambda lines: ["a_1", *lines[1:]], "line 1: expected <utterance> <word> …, found: a_1 (no words"),
        ("text", lambda lines: ["a_1 x </s>", *lines[1:]], "found: a_1 x </s> (</s> is a name that Kaldi keeps for"),
        ("text", lambda lines: [lines[0] + "\r", *lines[1:]], "line 1 ends with a carriage return, as on Windows"),
        ("text", lambda lines: ["\ufeff" + lines[0], *lines[1:]], "text, line 1 begins with a byte order mark"),
        ("text", lambda lines: ["a_1 x\u00a0y", *lines[1:]], "text, line 1 holds the white space '\\xa0', which is a"),
        ("text", lambda lines: ["a_1 x\x0cy", *lines[1:]], "text, line 1 holds the control character '\\x0c'"),
        ("utt2spk", lambda lines: ["a_1 a b", *lines[1:]], "line 1: expected <utterance> <speaker>, found: a_1 a b"),
        ("utt2spk", lambda lines: [*lines, "c_3 c"], "utt2spk and spk2utt do not agree on: c_3 c"),
        ("spk2utt", lambda lines: ["a", *lines[1:]], "spk2utt, line 1: expected <speaker> <utterance> …, found: a"),
        ("spk2utt", lambda lines: ["a a_1 a_1", *lines[1:]], "spk2utt: a_1 stands twice"),
        ("spk2utt", lambda lines: [*lines[:2], "c c_2 c_1"], "the utterances of a speaker are not in the order"),
        ("wav.scp", lambda lines: ["a_1", *lines[1:]], "line 1: expected <recording> <file or command> …, no ~"),
        ("wav.scp", lambda lines: ["a_1 ~/a.wav", *lines[1:]], "<file or command> …, no ~, found: a_1 ~/a.wav"),
        ("cmvn.scp", lambda lines: [*lines, "d cmvn.ark:9"], "cmvn.scp has d, which is not in utt2spk"),
        ("spk2gender", lambda _: ["a f", "b x", "c m"], "spk2gender, line 2: expected <speaker> <f or m>, found: b x"),
        ("spk2gender", lambda _: ["a f", "b m"], "spk2gender lacks c, which is in utt2spk"),
        ("utt2dur", lambda _: ["a_1 0.0"], "utt2dur, line 1: expected <utterance> <seconds>, found: a_1 0.0"),
        ("utt2num_frames", lambda _: ["a_1 1.5"], "utt2num_frames, line 1: expected <utterance> <frames>, found"),
        ("utt2emotion", lambda _: ["a_1 very sad"], "utt2emotion, line 1: expected <utterance> <emotion>, found"),
        ("vad.scp", lambda _: ["a_1 vad.ark:1"], "vad.scp lacks b_1, which is in utt2spk (and 5 more such)"),
    ],
)
def test_a_flaw_is_named_with_file_and_key(utils, data, file, change, message):
    lines = (data / file).read_text().splitlines() if (data / file).exists() else []
    write(data / file, *change(lines))
    result = utils("check_data_dir.sh", data)
    assert result.returncode == 1
    assert message in result.stderr and len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "line, message",
    [
        ("a_1 rec 2.0 1.0", "line 1: expected <utterance> <recording> <start> <end>, end after start, found"),
        ("a_1 rec 1.0 1.0", "end after start, found: a_1 rec 1.0 1.0"),
        ("a_1 rec -0.5 1.0", "end after start, found: a_1 rec -0.5 1.0"),
        ("a_1 rec 0 nan", "end after start, found: a_1 rec 0 nan"),
        ("a_1 rec 0 1 A", "end after start, found: a_1 rec 0 1 A"),
        ("a_1 rec 0 -1", None),  # to the end, for extract-segments
        ("a_1 tape 0 1", "wav.scp lacks tape, which is in segments"),
    ],
)
def test_segments_end_after_they_begin_in_recordings_that_are_there(utils, data, line, message):
    write(data / "wav.scp", "rec 1.wav")
    write(data / "segments", line, *(f"{utt} rec 0 1" for utt in keys(data / "utt2spk")[1:]))
    result = utils("check_data_dir.sh", data)
    assert message in result.stderr if message else result.stderr == ""
    (data / "wav.scp").unlink()
    assert utils("check_data_dir.sh", data).returncode == 1


def test_a_file_that_was_cut_off_or_is_not_utf8_is_refused(utils, data):
    sound = (data / "text").read_text()
    (data / "text").write_text(sound.removesuffix("\n"))
    assert "text, line 7, the last one, has no line end: cut off?" in utils("check_data_dir.sh", data).stderr
    (data / "text").write_bytes(sound.replace("b_1 x", "b_1 ä").encode("latin-1"))
    assert "text, line 2 is not UTF-8; convert it" in utils("check_data_dir.sh", data).stderr
    (data / "text").write_bytes(sound.encode("utf-16"))
    assert "text, line 1 holds the control character '\\x00'" in utils("check_data_dir.sh", data).stderr
    (data / "text").write_text(sound)
    (data / "wav.scp").write_bytes((data / "wav.scp").read_bytes().replace(b"b_1.wav", b"b\xe4.wav"))  # a file's name
    assert utils("check_data_dir.sh", data).stderr == ""


@pytest.mark.parametrize(
    "speakers, separator, found",
    [
        (["s1", "s10"], "_", "line 2: s1_1 comes after s10_1, but its speaker s1 sorts before s10"),
        (["s1", "s10"], "-", ""),
        (["s1", "s10"], ".", ""),
        (["s1", "s10"], "", "line 2: s1_1 comes after"),
        (["s1", "s1-b"], "-", ""),
        (["ä", "äb"], "-", ""),
        (["ä", "äb"], "é", "line 2: ä"),
    ],
)
def test_utterances_are_in_the_order_of_their_speakers(utils, tmp_path, speakers, separator, found):
    data = tmp_path / "speakers"
    tail = "_1" if separator in ("", "é") else "1"
    speaker_of = {f"{speaker}{separator}{tail}": speaker for speaker in speakers}
    write(data / "utt2spk", *(f"{utt} {speaker_of[utt]}" for utt in sorted(speaker_of)))
    write(data / "spk2utt", *(f"{speaker} {utt}" for utt, speaker in speaker_of.items()))
    result = utils("check_data_dir.sh", data)
    assert result.returncode == bool(found) and found in result.stderr


def test_utterances_of_a_speaker_stand_together(utils, tmp_path):
    data = tmp_path / "speakers"
    write(data / "utt2spk", "a-1 a", "a-b-1 a-b", "a-c a")
    write(data / "spk2utt", "a a-1 a-c", "a-b a-b-1")
    result = utils("check_data_dir.sh", data)
    assert result.returncode == 1
    assert "line 3: a-c comes after a-b-1, but its speaker a sorts before a-b" in result.stderr


def test_what_is_computed_may_lack_utterances_where_that_is_allowed(utils, data):
    write(data / "feats.scp", "a_1 feats.ark:1")
    assert "feats.scp lacks b_1" in utils("check_data_dir.sh", data).stderr
    assert utils("check_data_dir.sh", "--allow-missing", "true", data).stderr == ""
    write(data / "feats.scp", "d_1 feats.ark:1")
    assert "feats.scp has d_1" in utils("check_data_dir.sh", "--allow-missing", "true", data).stderr
    assert utils("check_data_dir.sh", "--ignore", "vad.scp feats.scp", data).stderr == ""
    write(data / "text", "a_1 x")
    assert "text lacks b_1" in utils("check_data_dir.sh", "--allow-missing", "true", data).stderr


def test_a_directory_that_is_not_sound_is_not_split(utils, data):
    write(data / "text", *reversed((data / "text").read_text().splitlines()))
    result = utils("split_data.sh", data, "2")
    assert result.returncode == 1 and "text, line 2: c_1 stands after c_2" in result.stderr
    assert not list(data.glob("split*"))


def test_a_split_is_made_again_when_a_file_is_another_even_an_older_one(utils, data):
    utils("split_data.sh", data, "2")
    write(data / "text", *(f"{utt} z" for utt in keys(data / "utt2spk")))
    os.utime(data / "text", (0, 0))
    utils("split_data.sh", data, "2")
    assert (data / "split2/1/text").read_text().startswith("a_1 z\n")
    (data / "cmvn.scp").unlink()
    utils("split_data.sh", data, "2")
    assert not (data / "split2/1/cmvn.scp").exists()


def test_a_split_of_kaldis_own_is_kept_while_it_is_newer(utils, data):
    utils("split_data.sh", data, "2")
    (data / "split2/made_from").unlink()
    write(data / "split2/1/text", "kaldi's")
    utils("split_data.sh", data, "2")
    assert (data / "split2/1/text").read_text() == "kaldi's\n"
    (data / "text").touch()
    utils("split_data.sh", data, "2")
    assert keys(data / "split2/1/text") == keys(data / "split2/1/utt2spk")


def test_a_data_directory_is_not_copied_onto_itself(utils, data):
    result = utils("copy_data_dir.sh", data, f"{data}/.")
    assert result.returncode == 1 and "are the same directory" in result.stderr
    assert (data / "text").exists()


def test_keys_that_look_like_numbers_are_in_order_of_bytes(utils, tmp_path):
    data = tmp_path / "numbers"
    write(data / "utt2spk", "10 10", "9 9")
    write(data / "spk2utt", "10 10", "9 9")
    assert utils("check_data_dir.sh", data).stderr == ""


def test_a_file_that_is_needed_must_be_there(utils, data):
    assert "no such file, or an empty one" in utils("check_data_dir.sh", data, "feats.scp").stderr


def test_words_become_numbers(utils, data):
    write(data / "words.txt", "<eps> 0", "x 1", "y 2")
    result = utils("sym2int.sh", data / "words.txt", data / "text")
    assert result.stdout.splitlines()[0] == "a_1 1 2"


def test_an_unknown_word_is_an_error_unless_mapped(utils, data):
    write(data / "words.txt", "<eps> 0", "x 1")
    result = utils("sym2int.sh", data / "words.txt", data / "text")
    assert result.returncode == 1 and "a_1: the word y is not in" in result.stderr
    assert "in all 7 words, 1 different ones, are not: y (7)" in result.stderr and result.stdout == ""
    result = utils("sym2int.sh", "--map-oov", "7", data / "words.txt", data / "text")
    assert result.stdout.startswith("a_1 1 7\n") and len(result.stdout.splitlines()) == 7
    assert "warning: " in result.stderr and "are not: y (7); they become 7" in result.stderr


@pytest.mark.parametrize("options", [[], ["--map-oov", "7"]])
@pytest.mark.parametrize(
    "table, text, message",
    [
        ("x 1\n", "a_1 x\nb_1 x\r\n", "text, line 2: a carriage return"),
        ("x 1\r\n", "a_1 x\n", "words.txt, line 1: a carriage return"),
        ("x 1\nx 2\n", "a_1 x\n", "words.txt, line 2: x stands twice"),
        ("x\n", "a_1 x\n", "words.txt, line 1: expected <word> <number>, found: x"),
        ("x y\n", "a_1 x\n", "words.txt, line 1: expected <word> <number>, found: x y"),
    ],
)
def test_a_table_or_text_that_is_none_is_refused_by_line(utils, tmp_path, options, table, text, message):
    (tmp_path / "words.txt").write_bytes(table.encode())
    (tmp_path / "text").write_bytes(text.encode())
    result = utils("sym2int.sh", *options, tmp_path / "words.txt", tmp_path / "text")
    assert result.returncode == 1 and message in result.stderr and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def test_of_many_unknown_words_ten_are_named(utils, tmp_path):
    write(tmp_path / "words.txt", "x 1")
    write(tmp_path / "text", "a_1 " + " ".join(f"w{n}" for n in range(12)))
    result = utils("sym2int.sh", tmp_path / "words.txt", tmp_path / "text")
    assert "in all 12 words, 12 different ones, are not: w0 (1) w1 (1) " in result.stderr
    assert " w9 (1) and 2 more;" in result.stderr and "w10" not in result.stderr


# ---- utterances without features


@pytest.fixture
def with_features(tmp_path):
    """40 utterances of two speakers, b having one only, which has no features."""
    data = tmp_path / "data"
    utterances = [f"a_{i:02}" for i in range(39)] + ["b_00"]
    write(data / "utt2spk", *(f"{utt} {utt[0]}" for utt in utterances))
    write(data / "spk2utt", "a " + " ".join(utterances[:-1]), "b b_00")
    for name in ("text", "wav.scp", "utt2emotion", "stm", "phones.ctm", "utt2num_frames"):
        write(data / name, *([";; LABEL"] if name == "stm" else []), *(f"{utt} x" for utt in utterances))
    write(data / "spk2gender", "a f", "b m")
    write(data / "feats.scp", *(f"{utt} feats.ark:{i}" for i, utt in enumerate(utterances[:-1])))
    return data


def test_utterances_without_features_leave_every_file_and_are_named(utils, with_features):
    data = with_features
    result = utils("keep_with_features.sh", data)
    assert result.returncode == 0
    (line,) = result.stderr.splitlines()
    assert line.endswith(f"39 of 40 utterances of {data} have features and are kept; lost: b_00; see {data}/log")
    for name in ("utt2spk", "text", "wav.scp", "utt2emotion", "phones.ctm", "utt2num_frames"):
        assert keys(data / name) == [f"a_{i:02}" for i in range(39)]
    assert keys(data / "stm") == [";;", *(f"a_{i:02}" for i in range(39))]
    assert keys(data / "spk2utt") == keys(data / "spk2gender") == ["a"]
    assert (data / "left_out").read_text() == "b_00: no features\n"
    before = {file.name: file.stat().st_mtime_ns for file in data.iterdir()}
    assert utils("keep_with_features.sh", data).stderr == ""
    assert {file.name: file.stat().st_mtime_ns for file in data.iterdir()} == before


def test_recordings_are_kept_as_long_as_a_segment_of_them_is(utils, with_features):
    data = with_features
    write(data / "wav.scp", "tape x", "tape_of_b x")
    write(data / "segments", *(f"{utt} tape{'_of_b' * (utt[0] == 'b')} 0 1" for utt in keys(data / "utt2spk")))
    assert utils("keep_with_features.sh", data).returncode == 0
    assert keys(data / "wav.scp") == ["tape"]
    assert keys(data / "segments") == keys(data / "utt2spk")


def test_too_many_utterances_without_features_are_an_error_that_changes_nothing(utils, with_features):
    data = with_features
    write(data / "feats.scp", *(f"a_{i:02} x" for i in range(37)))
    result = utils("keep_with_features.sh", data)
    assert result.returncode == 1
    assert f"37 of 40 utterances of {data} have features and are kept; lost: a_37 a_38 b_00; see" in result.stderr
    assert len(keys(data / "utt2spk")) == 40
    assert utils("keep_with_features.sh", "--max-lost", "0.1", data).returncode == 0
    assert len(keys(data / "utt2spk")) == 37
