"""TIMIT in the layouts found in the wild, built from real files of the sample, and what may be wrong with a copy."""

import shutil
import struct
import subprocess
import sys
import wave
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRAIN, DEV, TEST = "dr1-fvmh0", "dr7-madd0", "dr8-fbcg1"
# What one sentence may consist of: from silence to silence, 0.1 s at 16 kHz.
PHN = "0 400 h#\n400 800 s\n800 1000 ix\n1000 1600 h#\n"


def prepare(corpus, out):
    return subprocess.run([sys.executable, ROOT / "local/timit_data.py", corpus, out], capture_output=True, text=True)


def prepared(corpus, out):
    result = prepare(corpus, out)
    assert result.returncode == 0, result.stderr
    return out


def table(file):
    return dict(line.split(" ", 1) for line in file.read_text().splitlines())


def samples(wav):
    with wave.open(str(wav)) as f:
        return f.readframes(f.getnframes())


def write_riff(path, num_samples=1600, rate=16000, channels=1):
    with wave.open(str(path), "wb") as f:
        f.setnchannels(channels)
        f.setsampwidth(2)
        f.setframerate(rate)
        f.writeframes(struct.pack("<h", 100) * num_samples * channels)


def write_sphere(path, pcm, byte_format="01", **fields):
    fields = {"channel_count": 1, "sample_rate": 16000, "sample_n_bytes": 2, "sample_count": len(pcm) // 2, **fields}
    lines = [
        f"{name} -i {value}" if isinstance(value, int) else f"{name} -s{len(value)} {value}"
        for name, value in fields.items()
    ]
    header = "\n".join(["NIST_1A", "   1024", *lines, f"sample_byte_format -s2 {byte_format}", "end_head", ""])
    path.write_bytes(header.encode().ljust(1024) + pcm)


def ldc_tree(root, sample, change_case, write_wav):
    """Three speakers of the sample as LDC's tree. write_wav(<sample's wav>, <path without suffix>) makes the audio."""
    for subset, speaker_folder in (("train", TRAIN), ("test", DEV), ("test", TEST)):
        region, speaker = speaker_folder.split("-")
        folder = root / change_case(subset) / change_case(region) / change_case(speaker)
        folder.mkdir(parents=True)
        for phn in sorted((sample / speaker_folder).glob("*.phn")):
            shutil.copy(phn, folder / change_case(phn.name))
            write_wav(phn.with_suffix(".wav"), folder / change_case(phn.stem))
    (root / "dev_spk.list").write_text("madd0\n")
    (root / "test_spk.list").write_text("fbcg1\n")
    return root


@pytest.fixture
def corpus(tmp_path):
    """The smallest corpus: one made-up sentence of each of three speakers, in LDC's layout."""
    root = tmp_path / "corpus"
    for folder in ("TRAIN/DR1/FAAA0", "TEST/DR1/MBBB0", "TEST/DR2/FCCC0"):
        (root / folder).mkdir(parents=True)
        (root / folder / "SX1.PHN").write_text(PHN)
        write_riff(root / folder / "SX1.WAV")
    (root / "dev_spk.list").write_text("mbbb0\n")
    (root / "test_spk.list").write_text("fccc0\n")
    return root


@pytest.mark.parametrize("out", [".", "..", "train"])
def test_the_corpus_is_not_written_over(corpus, out):
    (corpus / "TRAIN").rename(corpus / "train")  # where the recipe would write, in small letters
    (corpus / "TEST").rename(corpus / "test")
    before = sorted(corpus.rglob("*"))
    result = prepare(corpus, corpus / out)
    assert result.returncode == 1 and "is where the recipe writes: move your corpus" in result.stderr.splitlines()[-1]
    assert sorted(corpus.rglob("*")) == before


# ---- What comes out


def test_the_sample_is_split_by_dialect_region(timit_sample, tmp_path):
    out = prepared(timit_sample, tmp_path / "asr")
    assert [len(table(out / s / "text")) for s in ("train", "dev", "test")] == [96, 16, 16]
    assert set(table(out / "dev/spk2utt")) == {"fblv0", "madd0"}  # of dr7
    assert set(table(out / "test/spk2utt")) == {"fbcg1", "mbcg0"}  # of dr8
    assert (out / "corpus").read_text() == "TIMIT sample\n"
    assert not any("_sa" in utt for s in ("train", "dev", "test") for utt in table(out / s / "text"))


@pytest.mark.parametrize("name", ["text", "utt2spk", "spk2utt"])
def test_the_dev_set_is_the_one_that_kaldi_was_given(name, golden, timit_sample, tmp_path):
    assert (prepared(timit_sample, tmp_path / "asr") / "dev" / name).read_text() == (golden / "data" / name).read_text()


def test_the_shell_script_leaves_sound_data_directories(timit_sample, tmp_path):
    command = [ROOT / "local/timit_data.sh", timit_sample, tmp_path / "asr"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "TIMIT sample: dev: 16 sentences of 2 speakers, 650 phones" in result.stdout


def test_stm_and_boundaries_agree_with_the_transcript(timit_sample, tmp_path):
    dev = prepared(timit_sample, tmp_path / "asr") / "dev"
    stm = [line.split() for line in (dev / "stm").read_text().splitlines() if not line.startswith(";;")]
    assert {line[0]: " ".join(line[6:]) for line in stm} == table(dev / "text")
    assert {line[2]: line[5] for line in stm} == {"fblv0": "<O,F>", "madd0": "<O,M>"}
    assert table(dev / "spk2gender") == {"fblv0": "f", "madd0": "m"}
    wav = table(dev / "wav.scp")["madd0_sx88"]
    assert float(next(line[4] for line in stm if line[0] == "madd0_sx88")) == pytest.approx(
        len(samples(wav)) / 32000, abs=1e-4
    )
    ctm = [line.split() for line in (dev / "phones.ctm").read_text().splitlines()]
    assert " ".join(phone for utt, _, _, _, phone in ctm if utt == "madd0_sx88") == table(dev / "text")["madd0_sx88"]
    # fvmh0's second phone of sx116 lies from sample 2190 to 3430.
    ctm = (tmp_path / "asr/train/phones.ctm").read_text().splitlines()
    assert "fvmh0_sx116 1 0.1369 0.0775 k" in ctm


@pytest.mark.parametrize("change_case", [str.upper, str.lower])
def test_the_tree_of_ldc_gives_what_the_sample_gives(change_case, timit_sample, tmp_path):
    tree = ldc_tree(
        tmp_path / "disc/timit",
        timit_sample,
        change_case,
        lambda wav, to: shutil.copy(wav, f"{to}{change_case('.wav')}"),
    )
    out, expected = prepared(tmp_path / "disc", tmp_path / "asr"), prepared(timit_sample, tmp_path / "sample")
    for subset, speaker in (("train", "fvmh0"), ("dev", "madd0"), ("test", "fbcg1")):
        transcripts = table(expected / subset / "text")
        assert table(out / subset / "text") == {u: t for u, t in transcripts.items() if u.startswith(speaker)}
    assert table(out / "dev/wav.scp")["madd0_sx88"].startswith(str(tree))


@pytest.mark.parametrize("byte_format", ["01", "10"])
def test_sphere_is_converted_once_whatever_its_name(byte_format, timit_sample, tmp_path):
    def as_sphere(wav, to):
        pcm = samples(wav)
        if byte_format == "10":
            pcm = struct.pack(f">{len(pcm) // 2}h", *struct.unpack(f"<{len(pcm) // 2}h", pcm))
        write_sphere(Path(f"{to}.WAV"), pcm, byte_format)

    out = prepared(ldc_tree(tmp_path / "timit", timit_sample, str.upper, as_sphere), tmp_path / "asr")
    for utt, wav in table(out / "dev/wav.scp").items():
        original = timit_sample / DEV / f"{utt.split('_')[1]}.wav"
        assert wav == str(out / f"wav/{utt}.wav")
        assert Path(wav).read_bytes() == original.read_bytes()


def test_the_riff_file_of_a_doubled_corpus_is_read(timit_sample, tmp_path):
    def both(wav, to):
        write_sphere(Path(f"{to}.WAV"), samples(wav))
        shutil.copy(wav, f"{to}.WAV.wav")

    out = prepared(ldc_tree(tmp_path / "timit", timit_sample, str.upper, both), tmp_path / "asr")
    assert table(out / "dev/wav.scp")["madd0_sx88"] == str(tmp_path / "timit/TEST/DR7/MADD0/SX88.WAV.wav")
    assert list((out / "wav").iterdir()) == []


def test_a_compressed_file_is_no_trouble_once_it_has_been_converted(corpus, tmp_path):
    folder = corpus / "TEST/DR1/MBBB0"
    write_sphere(folder / "SX1.WAV", b"\0" * 900, sample_coding="pcm,embedded-shorten-v2.00")
    write_riff(folder / "SX1.WAV.wav")
    assert table(prepared(corpus, tmp_path / "asr") / "dev/wav.scp") == {"mbbb0_sx1": str(folder / "SX1.WAV.wav")}


@pytest.mark.parametrize("lost", [True, False])
def test_audio_that_lost_its_carriage_returns_is_warned_of(lost, timit_sample, tmp_path):
    """As in NLTK's sample: not one of its 15 million bytes of audio is 0x0D, and where CR LF was, noise begins."""

    def write_wav(wav, path):
        path.with_suffix(".wav").write_bytes(wav.read_bytes()[:-2] + (b"\n\0" if lost else b"\r\0"))

    result = prepare(ldc_tree(tmp_path / "timit", timit_sample, str, write_wav), tmp_path / "asr")
    assert result.returncode == 0, result.stderr
    assert ("no byte of 7" in result.stderr and "0x0D" in result.stderr) == lost
    assert bool((tmp_path / "asr/damaged").read_text()) == lost  # recipe/asr.sh then allows for more loss in training


def test_demo_and_own_lists_are_named_as_such(corpus, tmp_path):
    assert (prepared(corpus, tmp_path / "asr") / "corpus").read_text() == "TIMIT with speaker lists of its own\n"
    (corpus / "README.demo").touch()
    assert (prepared(corpus, tmp_path / "asr") / "corpus").read_text() == "synthetic demo, no scientific meaning\n"


def test_q_is_dropped_and_61_phones_become_48(corpus, tmp_path):
    phn = corpus / "TRAIN/DR1/FAAA0/SX1.PHN"
    phn.write_text("0 9 h#\n9 20 q\n20 30 ux\n30 40 axr\n40 50 dcl\n50 60 kcl\n60 70 epi\n70 80 ao\n80 1600 h#\n")
    assert table(prepared(corpus, tmp_path / "asr") / "train/text") == {"faaa0_sx1": "sil uw er vcl cl epi ao sil"}


def test_the_map_is_that_of_lee_and_hon():
    rows = [line.split() for line in (ROOT / "conf/phones.61-48-39.map").read_text().splitlines() if line[0] != "#"]
    assert [len({row[i] for row in rows if len(row) > i}) for i in range(3)] == [61, 48, 39]
    assert [row for row in rows if len(row) == 1] == [["q"]]
    silences = {"h#", "pau", "epi", "bcl", "dcl", "gcl", "pcl", "tcl", "kcl"}
    assert {row[0] for row in rows if row[-1] == "sil"} == silences


def test_the_speaker_lists_are_disjoint_and_whole():
    dev, test = ((ROOT / f"conf/timit/{name}_spk.list").read_text().split() for name in ("dev", "test"))
    assert (len(set(dev)), len(set(test)), set(dev) & set(test)) == (50, 24, set())
    assert [sum(s.startswith("f") for s in test), sum(s.startswith("m") for s in test)] == [
        8,
        16,
    ]  # testset.doc of TIMIT


def test_a_second_corpus_replaces_the_first(corpus, tmp_path):
    prepared(corpus, tmp_path / "asr")
    (tmp_path / "asr/train/feats.scp").write_text("of the first\n")
    (corpus / "TRAIN/DR1/FAAA0").rename(corpus / "TRAIN/DR1/MDDD0")
    out = prepared(corpus, tmp_path / "asr")
    assert list(table(out / "train/text")) == ["mddd0_sx1"]
    assert not (out / "train/feats.scp").exists()


# ---- What is refused, by one line, with nothing written


def test_label_files_and_lists_of_another_editor_make_the_same_data_directories(corpus, tmp_path):
    """A mark of UTF-8, CRLF, tabs, blank lines, and no newline at the end."""
    expected = prepared(corpus, tmp_path / "asr")
    for path in [*corpus.rglob("*.PHN"), *corpus.glob("*.list")]:
        text = path.read_text().replace(" ", "\t").replace("\n", "\r\n\r\n")
        path.write_bytes(text.rstrip().encode("utf-8-sig"))
    found = prepared(corpus, tmp_path / "other")
    for name in ("text", "utt2spk", "phones.ctm", "stm"):
        assert (found / "test" / name).read_bytes() == (expected / "test" / name).read_bytes()


def refusal(corpus, tmp_path):
    result = prepare(corpus, tmp_path / "asr")
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("asr")] == []
    return result.stderr


def test_a_corpus_that_is_not_there_is_refused(tmp_path):
    assert f"{tmp_path}/nowhere: no such folder" in refusal(tmp_path / "nowhere", tmp_path)


def test_a_folder_without_speakers_is_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    assert "photos: not TIMIT: neither folders TRAIN and TEST" in refusal(tmp_path / "photos", tmp_path)


def test_speakers_without_recordings_are_refused(corpus, tmp_path):
    for file in corpus.rglob("SX1.*"):
        file.unlink()
    assert "no recordings (.wav) for the train set" in refusal(corpus, tmp_path)


def test_a_part_of_the_sample_is_refused_with_both_numbers(timit_sample, tmp_path):
    (tmp_path / "timit").mkdir()
    for folder in timit_sample.glob("dr*"):
        if folder.name != "dr1-fvmh0":
            (tmp_path / "timit" / folder.name).symlink_to(folder)
    message = refusal(tmp_path / "timit", tmp_path)
    assert "88 sentences in the train set, TIMIT sample has 96" in message


def test_a_part_of_the_full_corpus_is_refused(corpus, tmp_path):
    for speaker_list in corpus.glob("*.list"):
        speaker_list.unlink()
    assert "50 of the 50 speakers of" in refusal(corpus, tmp_path)


def full_tree(root):
    """As many sentences as TIMIT has: 462 speakers to train, those of conf/timit, 8 made-up sentences each."""
    lists = {name: (ROOT / f"conf/timit/{name}_spk.list").read_text().split() for name in ("dev", "test")}
    letters = "abcdefghijklmnopqrstuvwxyz"
    train = [f"m{a}{b}z9" for a in letters for b in letters][:462]
    write_riff(root / "one.wav")
    for subset, speakers in (("train", train), ("test", [*lists["dev"], *lists["test"]])):
        for speaker in speakers:
            folder = root / f"timit/{subset}/dr1/{speaker}"
            folder.mkdir(parents=True)
            for i in range(8):
                (folder / f"sx{i}.phn").write_text(PHN)
                (folder / f"sx{i}.wav").hardlink_to(root / "one.wav")
    return root / "timit"


def test_the_full_corpus_is_counted_in_sentences_and_phones(tmp_path):
    corpus = full_tree(tmp_path)
    # 3696, 400 and 192 sentences are as they should be; 4 phones in each are not.
    assert "1600 reference phones in the dev set, TIMIT has 15057" in refusal(corpus, tmp_path)
    for name in ("dev", "test"):
        for i, speaker in enumerate((ROOT / f"conf/timit/{name}_spk.list").read_text().split()):
            for j in range(8):
                # 15057 = 400 * 37 + 257 and 7215 = 192 * 37 + 111
                num_phones = 37 + (8 * i + j < {"dev": 257, "test": 111}[name])
                phn = "".join(f"{40 * k} {40 * k + 40} aa\n" for k in range(num_phones))
                (corpus / f"test/dr1/{speaker}/sx{j}.phn").write_text(phn)
    out = prepared(corpus, tmp_path / "asr")
    assert (out / "corpus").read_text() == "TIMIT\n"
    (corpus / "train/dr1/maaz9/sx0.phn").unlink()
    (corpus / "train/dr1/maaz9/sx0.wav").unlink()
    shutil.rmtree(out)
    assert "3695 sentences in the train set, TIMIT has 3696" in refusal(corpus, tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("0 400 h#\n400 800 xx\n800 1600 h#\n", "line 2: unknown phone 'xx'"),
        (
            "0 400 h#\n800 1000 s\n400 800 ix\n",
            "line 3: '400 800 ix' is out of order: the phone before it ends at 1000",
        ),
        ("0 400 h#\n300 800 s\n800 1600 h#\n", "line 2: '300 800 s' is out of order: the phone before it ends at 400"),
        ("0 400 h#\n400 300 s\n", "line 2: '400 300 s' is out of order"),
        ("0 400 h#\n400 800\n", "line 2: expected '<first sample> <end> <phone>', found '400 800'"),
        ("0 400 h#\nsome words here\n", "line 2: expected '<first sample> <end> <phone>', found 'some words here'"),
        ("0 400 h#\n400 800 \u00e4\n", "line 2: unknown phone 'ä'"),
        ("0 400 h#\n400 800 aa\x0c\n", "line 2: an invisible character, U+000C: remove it"),
        ("", "empty: no phones"),
        ("0 400 q\n", "empty: no phones"),
    ],
)
def test_phones_that_make_no_sense_are_refused(content, complaint, corpus, tmp_path):
    phn = corpus / "TEST/DR1/MBBB0/SX1.PHN"
    phn.write_text(content)
    message = refusal(corpus, tmp_path)
    assert str(phn) in message
    assert complaint in message


WITH_A_LINE_MISSING = {  # what is left of PHN, and what is said of it
    "400 800 s\n800 1000 ix\n1000 1600 h#\n": "line 1: '400 800 s' begins at 400, but it is the first",
    "0 400 h#\n400 800 s\n1000 1600 h#\n": "line 3: '1000 1600 h#' begins at 1000, but the phone before it ends at 800",
    "0 400 h#\n400 800 s\n800 1000 ix\n": "line 3: the last phone ends at 1000, but the recording at 1600",
    "0 400 h#\n400 400 s\n400 1600 h#\n": "line 2: '400 400 s' has no samples",
}


@pytest.mark.parametrize("phn", WITH_A_LINE_MISSING)
def test_a_corpus_of_phones_with_lines_missing_is_refused_by_file_and_line(phn, corpus, tmp_path):
    (corpus / "TEST/DR1/MBBB0/SX1.PHN").write_text(phn)
    message = refusal(corpus, tmp_path)
    assert "the phones of 1 of 3 sentences are not the whole recording" in message
    assert f"{corpus}/TEST/DR1/MBBB0/SX1.PHN, {WITH_A_LINE_MISSING[phn]}; no more than 5% may be so" in message


def test_a_few_sentences_with_lines_missing_are_named_and_used(corpus, tmp_path):
    for i in range(2, 19):
        (corpus / f"TRAIN/DR1/FAAA0/SX{i}.PHN").write_text(PHN)
        write_riff(corpus / f"TRAIN/DR1/FAAA0/SX{i}.WAV")
    phn = corpus / "TRAIN/DR1/FAAA0/SX7.PHN"
    phn.write_text("0 400 h#\n400 800 s\n1000 1600 h#\n")
    result = prepare(corpus, tmp_path / "asr")
    assert result.returncode == 0
    assert f"warning: {corpus}: the phones of 1 of 20 sentences are not the whole recording" in result.stderr
    assert f"{phn}, line 3: '1000 1600 h#' begins at 1000" in result.stderr
    assert table(tmp_path / "asr/train/text")["faaa0_sx7"] == "sil s sil"


def test_less_than_a_window_behind_the_last_phone_is_as_usual(corpus, tmp_path):
    write_riff(corpus / "TRAIN/DR1/FAAA0/SX1.WAV", num_samples=1600 + 400)
    assert "the whole recording" not in prepare(corpus, tmp_path / "asr").stderr


def test_a_sentence_without_phones_or_without_audio_is_refused(corpus, tmp_path):
    folder = corpus / "TEST/DR1/MBBB0"
    (folder / "SX1.WAV").rename(folder / "SX2.WAV")
    assert f"{folder}/SX1.PHN: there is no sx1.wav beside it" in refusal(corpus, tmp_path)
    (folder / "SX1.PHN").unlink()
    assert f"{folder}/SX2.WAV: there is no sx2.phn beside it" in refusal(corpus, tmp_path)


def cut(wav, num_bytes):
    wav.write_bytes(wav.read_bytes()[:num_bytes])


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda wav: cut(wav, 2000), "truncated recording: its header announces 1600 samples, 978 are there"),
        (lambda wav: cut(wav, 30), "the data end early, within the header"),
        (lambda wav: cut(wav, 36), "its RIFF header has no data chunk"),
        (lambda wav: wav.write_bytes(b""), "an empty file"),
        (lambda wav: wav.write_bytes(b"<html>404 Not Found</html>" * 99), "not a recording that can be read"),
        (lambda wav: write_riff(wav, num_samples=0), "a recording without samples"),
        (lambda wav: write_riff(wav, rate=8000), "8000 Hz, expected 16000 Hz"),
        (lambda wav: write_riff(wav, channels=2), "2 channels, expected 1"),
        (lambda wav: write_riff(wav, num_samples=900), "900 samples, but the last phone of sx1.phn begins at 1000"),
        (lambda wav: write_sphere(wav, b"\0" * 900, sample_count=1600), "announces 1600 samples, 450 are there"),
        (lambda wav: wav.write_bytes(b"NIST_1A\n   1024\nchannel_count"), "truncated or damaged SPHERE header"),
        (lambda wav: write_sphere(wav, b"\0" * 900, sample_coding="ulaw", sample_n_bytes=1), "coded as mu-law"),
        (lambda wav: write_riff(wav, num_samples=399), "399 samples, fewer than one window of 400"),
        (lambda wav: write_sphere(wav, b"\0" * 900, sample_coding="pcm,embedded-shorten-v2.00"), "sph2pipe -f wav"),
    ],
)
def test_audio_that_cannot_be_used_is_refused_by_name(spoil, complaint, corpus, tmp_path):
    wav = corpus / "TEST/DR1/MBBB0/SX1.WAV"
    spoil(wav)
    message = refusal(corpus, tmp_path)
    assert f"{wav}: " in message
    assert complaint in message


def test_what_was_prepared_before_survives_a_refusal(corpus, tmp_path):
    out = prepared(corpus, tmp_path / "asr")
    (corpus / "TEST/DR1/MBBB0/SX1.PHN").write_text("")
    assert prepare(corpus, tmp_path / "asr").returncode == 1
    assert (out / "corpus").exists()
    assert list(table(out / "dev/text")) == ["mbbb0_sx1"]


def test_a_disk_that_cannot_be_written_leaves_nothing(corpus, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = prepare(corpus, blocked / "asr")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "Not a directory" in result.stderr


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_streamed_recording_is_read_to_its_end_and_written_with_its_length(size, corpus, tmp_path):
    wav = corpus / "TEST/DR1/MBBB0/SX1.WAV"
    whole = wav.read_bytes()
    wav.write_bytes(whole[:4] + struct.pack("<I", size) + whole[8:40] + struct.pack("<I", size) + whole[44:])
    out = prepared(corpus, tmp_path / "asr")
    assert table(out / "dev/wav.scp") == {"mbbb0_sx1": str(out / "wav/mbbb0_sx1.wav")}
    assert (out / "wav/mbbb0_sx1.wav").read_bytes() == whole
    assert "mbbb0_sx1 1 mbbb0 0.0 0.1000 <O,M>" in (out / "dev/stm").read_text()


@pytest.mark.parametrize("pad", [b"\0", b""], ids=["padded", "not padded"])
def test_an_odd_chunk_before_the_samples_costs_none_of_them(pad, corpus, tmp_path):
    wav = corpus / "TEST/DR1/MBBB0/SX1.WAV"
    whole = wav.read_bytes()
    wav.write_bytes(whole[:36] + struct.pack("<4sI", b"LIST", 5) + b"INFOx" + pad + whole[36:])
    out = prepared(corpus, tmp_path / "asr")
    assert Path(table(out / "dev/wav.scp")["mbbb0_sx1"]).read_bytes() == whole  # Kaldi cannot read the original


@pytest.mark.parametrize("copy", ["TEST/DR1/mbbb0", "test/DR1/MBBB0", "TEST/DR5/MBBB0", "TRAIN/DR1/MBBB0"])
def test_two_copies_of_a_speaker_are_refused_by_name(copy, corpus, tmp_path):
    shutil.copytree(corpus / "TEST/DR1/MBBB0", corpus / copy)
    message = refusal(corpus, tmp_path)
    assert "two copies of " in message
    assert f"{corpus / copy.removesuffix('/DR1/MBBB0')}" in message


def test_two_copies_of_a_sentence_a_speaker_of_the_sample_or_the_corpus_are_refused(corpus, timit_sample, tmp_path):
    shutil.copy(corpus / "TEST/DR1/MBBB0/SX1.PHN", corpus / "TEST/DR1/MBBB0/sx1.phn")
    assert "two copies of sx1.phn" in refusal(corpus, tmp_path)
    for folder in ("a", "b"):
        shutil.copytree(corpus, tmp_path / f"both/{folder}")
    assert f"{tmp_path}/both/a and {tmp_path}/both/b: two copies of TIMIT" in refusal(tmp_path / "both", tmp_path)
    sample = tmp_path / "sample"
    for folder in (TRAIN, DEV, TEST, "dr2-fvmh0"):
        (sample / folder).mkdir(parents=True)
    assert f"{sample}/dr1-fvmh0 and {sample}/dr2-fvmh0: two copies of fvmh0" in refusal(sample, tmp_path)


def test_a_speaker_in_both_lists_is_refused(corpus, tmp_path):
    (corpus / "test_spk.list").write_text("fccc0\nmbbb0\n")
    assert "test_spk.list: mbbb0 stands there twice, or is one of the dev speakers" in refusal(corpus, tmp_path)
    (corpus / "dev_spk.list").unlink()
    assert "no dev_spk.list beside the other one; only both replace the lists of" in refusal(corpus, tmp_path)
