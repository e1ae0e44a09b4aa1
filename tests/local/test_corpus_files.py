"""local/corpus_files.py: whether a corpus is still the one that was prepared."""

import os
import sys
from pathlib import Path

import pytest


@pytest.fixture
def look(root, tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(root / "local")
    from corpus_files import main

    def look(kind, corpus, *options):
        monkeypatch.setattr(sys, "argv", ["corpus_files.py", *options, kind, str(corpus), str(tmp_path / "list")])
        main()
        return capsys.readouterr().out.strip()

    return look


LAYOUTS = {
    "timit": ["TRAIN/DR1/FABC0/SX1.WAV", "TRAIN/DR1/FABC0/SX1.PHN", "TEST/DR1/MABC0/SX2.WAV.wav", "dev_spk.list"],
    "librispeech": [
        "LibriSpeech/train-clean-5/19/100/19-100-0000.flac",
        "LibriSpeech/train-clean-5/19/100/19-100.trans.txt",
        "LibriSpeech/dev-clean-2/84/7/84-7-0001.FLAC",
        "LibriSpeech/SPEAKERS.TXT",
    ],
    "iemocap": ["Session1/dialog/EmoEvaluation/Ses01F_impro01.txt", "Session2/sentences/wav/Ses02F_impro01/a.wav"],
    "emodb": ["wav/03a01Wa.wav", "wav/16b10Td.WAV"],
    "cremad": ["audiowav/1001_DFA_ANG_XX.wav"],
    "ravdess": ["Actor_01/03-01-03-01-01-01-01.wav", "Actor_24/03-01-03-01-01-01-24.wav"],
    "savee": ["AudioData/DC/a01.wav"],
    "emovo": ["EMOVO/f1/rab-f1-b1.wav"],
    "asr-data": ["train/text", "dev/utt2spk", "test/segments", "corpus"],
    "ser-data": ["utt2emotion", "spk2session", "emotions", "dev_speakers", "spk2gender"],
}


@pytest.fixture(params=LAYOUTS)
def corpus(request, tmp_path):
    """Its kind, its folder and the files in it that are read; others lie beside them."""
    files = [tmp_path / "corpus" / name for name in LAYOUTS[request.param]]
    (tmp_path / "corpus/TEST").mkdir(parents=True)
    (tmp_path / "corpus/TEST/README.TXT").write_text("is not read\n")
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"of {file.name}\n")
    return request.param, tmp_path / "corpus", files


def test_a_change_of_any_file_that_is_read_is_told_and_no_other(corpus, look):
    kind, folder, files = corpus
    first = look(kind, folder, "--write")
    assert first.startswith(f"{len(files)} files, checksum ")
    (folder / "TEST/README.TXT").write_text("is not read, whatever it says\n")
    (files[0].parent / f"._{files[0].name}").write_text("macOS leaves such shadows\n")
    for file in files:
        os.utime(file, ns=(1, 1))  # a copy with another date
        assert look(kind, folder) == first
        text, status = file.read_text(), file.stat()
        file.write_text(text[::-1])  # of the same length
        assert look(kind, folder) != first
        assert look(kind, folder, "--changes") == f"{file.relative_to(folder)} is changed"
        file.unlink()
        assert look(kind, folder, "--changes") == f"{file.relative_to(folder)} is gone"
        file.write_text(text)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert look(kind, folder) == first


def test_a_file_of_the_same_size_and_time_is_not_read_again(corpus, look):
    kind, folder, files = corpus
    first = look(kind, folder, "--write")
    status = files[0].stat()
    files[0].write_text(files[0].read_text()[::-1])
    os.utime(files[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert look(kind, folder) == first


def test_recordings_of_a_wav_scp_belong_to_it_wherever_they_lie(look, tmp_path):
    folder, elsewhere = tmp_path / "own", tmp_path / "else where"
    folder.mkdir()
    elsewhere.mkdir()
    for name in ("a.wav", "b.flac", "e.wav", "f.wav"):
        (elsewhere / name).write_text(name)
    (tmp_path / "c.sph").write_text("c")
    (folder / "wav.scp").write_text(
        f"a\t{elsewhere}/a.wav\nb  {elsewhere}/b.flac\nc sph2pipe -f wav {tmp_path}/c.sph |\nd {tmp_path}/none.wav\n"
        f"e cat '{elsewhere}/e.wav'|\nf sox -t wav - -t wav - <\"{elsewhere}/f.wav\"|cat |\n"
    )
    assert look("ser-data", folder, "--write").startswith("7 files, ")
    changed = {elsewhere / name: name.upper() for name in ("a.wav", "b.flac", "e.wav", "f.wav")}
    changed[tmp_path / "c.sph"] = "C"
    for file, text in changed.items():
        before = file.read_text()
        file.write_text(text)
        assert look("ser-data", folder, "--changes") == f"{file} is changed"
        file.write_text(before)
    (tmp_path / "none.wav").touch()
    assert look("ser-data", folder, "--changes") == f"{tmp_path}/none.wav is changed"


@pytest.mark.parametrize("damage", [lambda text: text[:20] + "\n", lambda text: text.replace(" ", "")])
def test_a_damaged_list_is_refused_by_name_and_line(look, tmp_path, damage):
    (tmp_path / "emodb/wav").mkdir(parents=True)
    (tmp_path / "emodb/wav/03a01Wa.wav").write_text("x")
    first, list_of_files = look("emodb", tmp_path / "emodb", "--write"), tmp_path / "list"
    list_of_files.write_text(damage(list_of_files.read_text()))
    with pytest.raises(SystemExit, match=f"{list_of_files}, line 1: expected <checksum> .*; remove this list: "):
        look("emodb", tmp_path / "emodb")
    list_of_files.unlink()
    assert look("emodb", tmp_path / "emodb") == first


@pytest.mark.parametrize("name", ["wav.scp", "spk2gender"])
def test_a_pipe_in_the_place_of_a_table_is_waited_for_by_nobody(look, tmp_path, name):
    os.mkfifo(tmp_path / name)
    if name == "wav.scp":
        with pytest.raises(SystemExit, match=f"{tmp_path}/wav.scp: a named pipe, socket or device"):
            look("ser-data", tmp_path)
    else:
        assert look("ser-data", tmp_path).startswith("0 files")


def test_names_that_are_no_text_do_no_harm(look, tmp_path):
    folder = tmp_path / "emodb/wav"
    folder.mkdir(parents=True)
    for name in (b"a\nb.wav", b"\xe4.wav", "ä ö.wav".encode()):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("x")
    first = look("emodb", tmp_path / "emodb", "--write")
    assert first.startswith("3 files, ") and look("emodb", tmp_path / "emodb") == first


def test_parts_that_are_not_asked_for_are_not_looked_at(look, tmp_path):
    for name in LAYOUTS["librispeech"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    options = ["--train-parts", "train-clean-5"]
    assert look("librispeech", tmp_path, *options, "--write").startswith("4 files")
    other = tmp_path / "LibriSpeech/train-clean-100/1/1/1-1-0000.flac"
    other.parent.mkdir(parents=True)
    other.write_text("new")
    assert look("librispeech", tmp_path, *options).startswith("4 files")
    assert look("librispeech", tmp_path).startswith("5 files")
    assert look("librispeech", tmp_path, "--changes") == "LibriSpeech/train-clean-100/1/1/1-1-0000.flac is new"
