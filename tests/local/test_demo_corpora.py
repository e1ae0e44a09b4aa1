"""The two corpora that local/demo_asr.py and local/demo_ser.py make by a synthesiser, in a small size."""

import importlib.util
import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
STOPS = {"pcl": "p", "bcl": "b", "tcl": "t ch", "dcl": "d jh", "kcl": "k", "gcl": "g"}


def make(corpus, out, *options):
    command = [sys.executable, ROOT / f"local/demo_{corpus}.py", "--sentences", "2", *options, out]
    return subprocess.run(command, capture_output=True, text=True)


def made(corpus, out, *options):
    result = make(corpus, out, *options)
    assert result.returncode == 0, result.stderr
    return out


@pytest.fixture(scope="module")
def asr(tmp_path_factory):
    return made("asr", tmp_path_factory.mktemp("demo") / "asr")


@pytest.fixture(scope="module")
def ser(tmp_path_factory):
    return made("ser", tmp_path_factory.mktemp("demo") / "ser")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def samples(path):
    """(samples,) float64, 1.0 is full scale, of a 16 kHz mono 16-bit RIFF file."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def segments(path):
    return [(int(start), int(end), name) for start, end, name in map(str.split, path.read_text().splitlines())]


def level(signal):
    """Root mean square in dB."""
    return 10 * np.log10(np.mean(signal**2) + 1e-12)


@pytest.fixture(scope="module")
def demo_speech():
    spec = importlib.util.spec_from_file_location("demo_speech", ROOT / "local/demo_speech.py")
    module = sys.modules["demo_speech"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["demo_speech"]


@pytest.mark.parametrize("corpus", ["asr", "ser"])
def test_the_same_seed_makes_the_same_bytes_in_a_process_of_its_own(corpus, request, tmp_path):
    assert contents(made(corpus, tmp_path / "again")) == contents(request.getfixturevalue(corpus))


def test_another_seed_makes_other_speech_of_the_same_layout(asr, tmp_path):
    first, other = contents(asr), contents(made("asr", tmp_path / "other", "--seed", "2"))
    assert first.keys() == other.keys()
    assert all(first[path] != other[path] for path in first if path.suffix in (".WAV", ".PHN"))


@pytest.mark.parametrize("corpus", ["asr", "ser"])
def test_the_readme_says_what_it_is_and_whose_the_licences_are(corpus, request):
    text = (request.getfixturevalue(corpus) / "README.demo").read_text()
    for words in ("synthetic demo, no scientific meaning", "--seed 1", "GPL-3", f"local/demo_{corpus}.py"):
        assert words in text
    assert re.search(r"espeak-ng \d+\.\d+", text)


@pytest.mark.parametrize("corpus", ["asr", "ser"])
def test_a_complete_corpus_is_left_alone_and_any_other_folder_refused(corpus, request, tmp_path):
    out = request.getfixturevalue(corpus)
    before = contents(out)
    assert "nothing to do" in make(corpus, out).stdout
    result = make(corpus, out, "--seed", "7")
    assert result.returncode == 1 and str(out) in result.stderr and "remove it" in result.stderr
    assert contents(out) == before
    assert make(corpus, tmp_path).returncode == 1  # a folder of something else, though empty
    assert not [path for path in out.parent.iterdir() if ".tmp" in path.name]


# ---- Laid out as TIMIT


def test_read_speech_is_laid_out_as_timit(asr):
    names = {str(path) for path in contents(asr)} - {"README.demo", "dev_spk.list", "test_spk.list"}
    stems = {name.rpartition(".")[0] for name in names}
    assert all(re.fullmatch(r"(TRAIN|TEST)/DR[1-8]/[FM][A-Z]{3}0/S[XI]\d+", stem) for stem in stems)
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("WAV", "PHN", "TXT", "WRD")}
    assert {Path(stem).parts[1] for stem in stems if stem.startswith("TRAIN")} == {f"DR{i}" for i in range(1, 9)}


def test_phones_are_timits_and_follow_each_other_from_the_first_sample_to_the_last(asr):
    lines = (ROOT / "conf/phones.61-48-39.map").read_text().splitlines()
    known = {line.split()[0] for line in lines if not line.startswith("#")}
    assert len(known) == 61
    for path in asr.rglob("*.PHN"):
        found = segments(path)
        assert found[0][0] == 0 and found[-1][1] == len(samples(path.with_suffix(".WAV")))
        assert all(start < end for start, end, _ in found)
        assert [end for _, end, _ in found[:-1]] == [start for start, _, _ in found[1:]]
        names = [name for _, _, name in found]
        assert set(names) <= known and names[0] == names[-1] == "h#" and "h#" not in names[1:-1]
        for closure, release in zip(names, names[1:], strict=False):
            assert release in STOPS.get(closure, release).split()


def test_words_spell_the_sentence_and_lie_within_the_phones(asr):
    for path in asr.rglob("*.WRD"):
        start, end, sentence = path.with_suffix(".TXT").read_text().split(maxsplit=2)
        assert int(start) == 0 and int(end) == len(samples(path.with_suffix(".WAV")))
        words = segments(path)
        assert [name for _, _, name in words] == re.sub(r"[^a-z' ]", "", sentence.strip().lower()).split()
        phones = segments(path.with_suffix(".PHN"))
        assert words[0][0] == phones[0][1] and words[-1][1] == phones[-1][0]
        assert all(a[1] <= b[0] for a, b in zip(words, words[1:], strict=False))


def test_boundaries_fit_the_sound(asr):
    levels, sharpness = {}, {}
    for path in asr.rglob("*.PHN"):
        signal = samples(path.with_suffix(".WAV"))
        for start, end, name in segments(path):
            if end - start >= 320:
                part = signal[start + 80 : end - 80]
                levels.setdefault(name, []).append(level(part) - level(signal))
                sharpness.setdefault(name, []).append(level(np.diff(part, 2)) - level(part))
    # Outside speech and in closures it is quiet; of all that is heard, s is the sharpest: otherwise times are wrong.
    for quiet in ("h#", "tcl", "kcl", "pcl"):
        assert np.median(levels[quiet]) < -5
        assert all(np.median(levels[vowel]) > np.median(levels[quiet]) + 6 for vowel in ("iy", "eh", "aa", "ow", "er"))
    assert all(np.median(sharpness["s"]) > np.median(sharpness[v]) + 8 for v in ("iy", "ih", "aa", "ow", "m", "n"))


def test_parts_share_no_speaker_and_no_sentence(asr):
    parts = {"train": {}, "dev": {}, "test": {}}
    lists = {part: set((asr / f"{part}_spk.list").read_text().split()) for part in ("dev", "test")}
    for path in asr.rglob("*.TXT"):
        speaker = path.parent.name.lower()
        part = next((part for part, speakers in lists.items() if speaker in speakers), "train")
        assert (part == "train") == ("TRAIN" in path.parts)
        parts[part].setdefault(speaker, set()).add(path.read_text().split(maxsplit=2)[2])
    assert [len(parts[part]) for part in parts] == [16, 4, 4]
    assert not lists["dev"] & lists["test"]
    said = [set().union(*speakers.values()) for speakers in parts.values()]
    assert not said[0] & said[1] and not said[0] & said[2] and not said[1] & said[2]


def test_all_sentences_of_the_file_are_different_in_every_part(demo_speech):
    sentences = [sentence for part in demo_speech.read_sentences().values() for sentence in part]
    assert len(sentences) > 150 and len(set(sentences)) == len(sentences)


def test_the_recipes_preparation_reads_it_as_a_demo(asr, tmp_path):
    command = [sys.executable, ROOT / "local/timit_data.py", asr, tmp_path / "data"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "synthetic demo, no scientific meaning: train: 32 sentences of 16 speakers" in result.stdout
    assert "test: 8 sentences of 4 speakers" in result.stdout


# ---- Laid out as IEMOCAP


def labels(ser):
    """turn -> category."""
    return {
        line.split("\t")[1]: line.split("\t")[2]
        for path in ser.glob("Session*/dialog/EmoEvaluation/*.txt")
        for line in path.read_text().splitlines()
        if line.startswith("[")
    }


def speaker_of(turn):
    return turn[:5] + turn.rpartition("_")[2][0]


def test_emotional_speech_is_laid_out_as_iemocap(ser):
    turns = labels(ser)
    audio = {path.stem: path.relative_to(ser) for path in ser.rglob("*.wav")}
    assert audio.keys() == turns.keys()
    for turn, path in audio.items():
        dialogue = turn.rpartition("_")[0]
        assert re.fullmatch(r"Ses0[1-5][FM]_(impro\d\d[ab]?|script\d\d_\d[ab]?)_[FM]\d{3}", turn)
        assert path == Path(f"Session{turn[4]}/sentences/wav/{dialogue}/{turn}.wav")
        assert len(samples(ser / path)) > 8000
    assert len({speaker_of(turn) for turn in turns}) == 10
    assert any(turn[:6] != speaker_of(turn) for turn in turns)  # the leading letter is the recording's
    assert {len(path.read_text().splitlines()) for path in ser.rglob("transcriptions/*.txt")} == {4}


def test_a_turn_lasts_as_long_as_its_audio(ser):
    for path in ser.glob("Session*/dialog/EmoEvaluation/*.txt"):
        for start, end, turn in re.findall(r"^\[(\S+) - (\S+)\]\t(\S+)", path.read_text(), re.MULTILINE):
            audio = next(ser.rglob(f"{turn}.wav"))
            assert float(end) - float(start) == pytest.approx(len(samples(audio)) / 16000, abs=2e-4)


def test_anger_is_louder_than_sadness_in_every_speaker(ser):
    levels = {}
    for turn, category in labels(ser).items():
        heard = level(samples(next(ser.rglob(f"{turn}.wav"))))
        levels.setdefault(speaker_of(turn), {}).setdefault(category, []).append(heard)
    both = [speaker for speaker in levels.values() if {"ang", "sad"} <= speaker.keys()]
    assert len(both) >= 8  # by chance a speaker has none in a small corpus
    assert all(np.mean(speaker["ang"]) > np.mean(speaker["sad"]) for speaker in both)


def test_every_speaker_of_the_whole_corpus_has_six_of_each_emotion(tmp_path):
    # More sentences than a dialogue has: the whole corpus, as the recipe makes it.
    out = made("ser", tmp_path / "ser", "--sentences", "99")
    command = [sys.executable, ROOT / "local/iemocap_data.py", out, tmp_path / "data"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    table = [line.split() for line in result.stdout.splitlines() if line.startswith("Ses")]
    assert [row[1:] for row in table] == [["6", "6", "6", "6", "24"]] * 10
    assert "synthetic demo, no scientific meaning, 240 utterances of 10 speakers" in result.stdout


# ---- The synthesiser's phones as TIMIT's


def test_a_phone_that_the_table_lacks_is_named(demo_speech):
    with pytest.raises(demo_speech.Failure, match=r"'Q9' \(accent en-us\).*TIMIT_PHONES"):
        demo_speech.phones_of(np.zeros(2000), 16000.0, [(0, 0, "s"), (1000, 0, "Q9")], "en-us")


def test_a_voiced_stop_is_released_where_its_burst_begins(demo_speech):
    rng = np.random.default_rng(0)
    murmur = 0.2 * np.sin(2 * np.pi * 120 * np.arange(800) / 16000)  # 50 ms of voice behind closed lips
    burst = 0.1 * rng.standard_normal(320)
    signal = np.concatenate([murmur, burst])
    closure, release = demo_speech.split_stop(signal, 16000.0, 0.0, 0.0, len(signal) / 16000)
    assert closure == 0 and release == pytest.approx(0.05, abs=0.003)


def test_silence_before_a_stop_is_its_closure_and_not_the_vowels_end(demo_speech):
    rng = np.random.default_rng(0)
    vowel, silence, burst = rng.standard_normal(1600), np.zeros(960), rng.standard_normal(480)
    events = [(0, 0, "'E"), (2560, 0, "t")]
    phones = demo_speech.phones_of(np.concatenate([vowel, silence, burst]) / 10, 16000.0, events, "en-us")
    assert [segment.name for segment, _ in phones] == ["eh", "tcl", "t"]
    assert [segment.start for segment, _ in phones] == pytest.approx([0, 0.1, 0.16], abs=0.003)
