"""utils/split_data.sh, utils/check_data_dir.sh and utils/sym2int.sh."""

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
    ],
)
def test_a_flaw_is_named_with_file_and_key(utils, data, file, change, message):
    write(data / file, *change((data / file).read_text().splitlines()))
    result = utils("check_data_dir.sh", data)
    assert result.returncode == 1
    assert message in result.stderr and len(result.stderr.splitlines()) == 1


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
    assert utils("sym2int.sh", "--map-oov", "7", data / "words.txt", data / "text").stdout.startswith("a_1 1 7\n")


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
    assert line.endswith(f"warning: 1 of 40 utterances of {data} have no features: b_00; left out")
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
    assert f"3 of 40 utterances of {data} have no features: a_37 a_38 b_00; no more than the part 0.05" in result.stderr
    assert len(keys(data / "utt2spk")) == 40
    assert utils("keep_with_features.sh", "--max-lost", "0.1", data).returncode == 0
    assert len(keys(data / "utt2spk")) == 37
