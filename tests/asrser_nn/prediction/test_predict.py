"""From audio files of several forms to phones and emotions, and to what other programs read of them."""

import io
import itertools
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, read_table
from asrser_nn.__main__ import cli
from asrser_nn.data.audio import read_audio
from asrser_nn.data.filterbank import log_mel
from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.network.model import Model, load_model, save_model
from asrser_nn.network.sharing import share_layers
from asrser_nn.prediction.annotations import short_names
from asrser_nn.prediction.figure import draw
from asrser_nn.prediction.forward import utterance_log_posteriors
from asrser_nn.prediction.predict import Predictor, classify, decide, smoothed
from asrser_nn.prediction.viterbi import best_phones, read_phone_loop
from kaldi_programs.compute_fbank_feats import main as compute_fbank_feats

RATE = 16000
EMOTIONS = ["anger", "sadness", "silence"]
TONES = {"aa": 500.0, "iy": 3000.0}  # a phone is a tone here


def tone(frequency, seconds, rate=RATE, amplitude=0.2):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def hears_tones(class_names, classes_of_bins):
    """A network whose score of a class is how much louder than usual the mel bins of that class are.

    classes_of_bins: (40,) the class that each bin speaks for
    """
    network = ConvNet(Shape(40, len(class_names), context=0, channels=(), kernels=(), paddings=(), pools=(), hidden=()))
    with torch.no_grad():
        network.mean.fill_(15.0)
        network.layers[0].linear.weight.zero_()
        for bin_, class_ in enumerate(classes_of_bins):
            network.layers[0].linear.weight[class_, bin_] = 0.5
    return Model(network, class_names, torch.full((len(class_names),), 100), {})


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """--asr and --ser: networks that hear a low tone as aa and anger, a high one as iy and sadness."""
    folder = tmp_path_factory.mktemp("models")
    low_or_high = (np.arange(40) >= 20).astype(int)
    (folder / "asr").mkdir()
    save_model(folder / "asr/final.pt", hears_tones(["0", "1"], low_or_high))
    hmm = {"stay": [-0.1], "leave": [-2.3], "start": -0.7, "end": -0.7}
    units = [
        {"phone": "aa", "pdfs": [0], "next": [None, -0.1], **hmm},
        {"phone": "iy", "pdfs": [1], "next": [-0.1, None], **hmm},
    ]
    heading = {"format": "asrser_nn phone loop", "version": 1, "num_pdfs": 2, "acoustic_scale": 0.5}
    (folder / "asr/hmm.json").write_text(json.dumps({**heading, "units": units}))
    (folder / "ser").mkdir()
    model = hears_tones(EMOTIONS, low_or_high)
    with torch.no_grad():
        model.network.layers[0].linear.bias[2] = -50.0  # silence wins where no bin is loud
    save_model(folder / "ser/final.pt", model)
    return ["--asr", folder / "asr", "--ser", folder / "ser"]


def predict(*words):
    return CliRunner().invoke(cli, ["predict", "--threads", "1", *map(str, words)])


def write_tones(path, rate=RATE, **options):
    """Half a second of the low tone, then 0.7 s of the high one."""
    samples = np.concatenate([tone(TONES["aa"], 0.5, rate), tone(TONES["iy"], 0.7, rate)])
    with open(path, "wb") as file:  # soundfile opens no names that are not UTF-8
        soundfile.write(file, samples, rate, **{"format": path.suffix[1:], **options})


def check_tones(result):
    assert [phone["phone"] for phone in result["phones"]] == ["aa", "iy"]
    assert result["phones"][0]["end"] == result["phones"][1]["start"] == pytest.approx(0.5, abs=0.025)
    assert result["phones"][1]["end"] == pytest.approx(1.2, abs=0.001)
    assert result["emotion"]["decision"] == "sadness"  # the longer part
    assert [segment["class"] for segment in result["emotion"]["segments"]] == ["anger", "sadness"]


@pytest.mark.parametrize("name", ["tones.wav", "tones.flac", "tones.ogg"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_files_of_every_form_and_rate_have_the_same_phones_and_emotions(models, tmp_path, name, rate):
    write_tones(tmp_path / name, rate)
    result = predict(*models, "--json", tmp_path / name)
    assert result.exit_code == 0, result.output
    (answer,) = json.loads(result.stdout)
    check_tones(answer)


def test_stereo_is_the_mean_of_its_channels_in_16_bit_units(tmp_path):
    random = np.random.default_rng(0)
    channels = random.integers(-3000, 3000, (1000, 2)).astype(np.int16)
    soundfile.write(tmp_path / "stereo.wav", channels, RATE)
    np.testing.assert_allclose(read_audio(tmp_path / "stereo.wav")[0], channels.mean(axis=1), atol=1e-3)


def test_what_the_lower_rate_cannot_hold_is_filtered_out_and_not_folded_back(tmp_path):
    soundfile.write(tmp_path / "high.wav", tone(15000, 0.5, 44100), 44100)  # would alias to 1 kHz
    assert np.abs(read_audio(tmp_path / "high.wav")[0][1000:-1000]).max() < 0.001 * 0.2 * 32768
    soundfile.write(tmp_path / "low.wav", tone(1000, 0.5, 44100), 44100)
    assert np.abs(read_audio(tmp_path / "low.wav")[0][1000:-1000]).max() == pytest.approx(0.2 * 32768, rel=0.01)


def test_filterbanks_are_those_of_stage_6(root, tmp_path):
    samples = np.random.default_rng(0).normal(scale=1000, size=2 * RATE).round()
    with TableWriter(f"ark:{tmp_path}/wav.ark", "wave") as writer:
        writer.write("noise", (RATE, samples[None].astype(np.float32)))
    feats = f"ark:{tmp_path}/feats.ark"
    assert compute_fbank_feats([f"--config={root}/conf/fbank.conf", f"ark:{tmp_path}/wav.ark", feats]) == 0
    ((_, expected),) = read_table(feats, "matrix")
    np.testing.assert_allclose(log_mel(samples.astype(np.float32)), expected, atol=1e-3)


def test_filterbanks_are_kaldis(golden, root):
    expected = dict(read_table(f"ark:{golden}/feats/fbank.ark", "matrix"))
    for line in (golden / "data/wav.scp").read_text().splitlines():
        utterance, path = line.split()
        ours = log_mel(read_audio(root / path)[0])
        np.testing.assert_allclose(ours, expected.pop(utterance), atol=1e-3)
    assert not expected


@pytest.fixture
def loop(tmp_path):
    """Two phones of two states and one of one, with numbers at random; one phone cannot follow, one not end."""
    random = np.random.default_rng(1)
    units = []
    for phone, pdfs in (("p", [0, 1]), ("q", [2, 3]), ("r", [1])):
        values = {name: (-random.random(len(pdfs))).tolist() for name in ("stay", "leave")}
        after = (-random.random(3)).tolist()
        units.append({"phone": phone, "pdfs": pdfs, **values, "start": -random.random(), "next": after, "end": -0.5})
    units[0]["next"][1] = None
    units[2]["end"] = None
    heading = {"format": "asrser_nn phone loop", "version": 1, "num_pdfs": 4, "acoustic_scale": 1.0}
    (tmp_path / "hmm.json").write_text(json.dumps({**heading, "units": units}))
    return read_phone_loop(tmp_path / "hmm.json"), units


def path_score(units, states, log_likelihoods):
    """The score of a path: (unit, state, whether a phone begins) for each frame; None if it is impossible."""
    total, before = 0.0, None
    for (unit, state, begins), scores in zip(states, log_likelihoods, strict=True):
        if before is None:
            step = units[unit]["start"] if state == 0 and begins else None
        elif begins:
            ends = before[1] == len(units[before[0]]["pdfs"]) - 1
            after = units[before[0]]["next"][unit]
            step = units[before[0]]["leave"][-1] + after if ends and state == 0 and after is not None else None
        elif before[0] == unit and state in (before[1], before[1] + 1):
            step = units[unit]["stay" if state == before[1] else "leave"][before[1]]
        else:
            step = None
        if step is None:
            return None
        total += step + scores[units[unit]["pdfs"][state]]
        before = (unit, state)
    unit, state = before
    if state < len(units[unit]["pdfs"]) - 1 or units[unit]["end"] is None:
        return None
    return total + units[unit]["leave"][-1] + units[unit]["end"]


@pytest.mark.parametrize("seed", range(8))
def test_no_path_is_better_than_the_one_found(loop, seed):
    loop, units = loop
    log_likelihoods = np.random.default_rng(seed).normal(size=(4, 4))
    steps = [(0, 0, True), (0, 0, False), (0, 1, False), (1, 0, True), (1, 0, False), (1, 1, False)]
    steps += [(2, 0, True), (2, 0, False)]
    paths = {path: path_score(units, path, log_likelihoods) for path in itertools.product(steps, repeat=4)}
    best = max((path for path, score in paths.items() if score is not None), key=lambda path: paths[path])
    begins = [frame for frame, (_, _, begin) in enumerate(best) if begin]
    expected = [(units[best[a][0]]["phone"], a, b) for a, b in zip(begins, [*begins[1:], 4], strict=True)]
    assert best_phones(loop, log_likelihoods, 1.0) == expected


def test_a_recording_shorter_than_a_phone_has_its_best_beginning(loop):
    loop, _ = loop
    assert best_phones(loop, np.array([[0.0, 0.0, 50.0, 0.0]]), 1.0) == [("q", 0, 1)]


def test_the_decision_is_by_mean_log_posterior_where_there_is_speech():
    posteriors = np.array([[0.5, 0.4, 0.1], [0.45, 0.5, 0.05], [0.09, 0.01, 0.9]])
    decision, shares = decide(np.log(posteriors), EMOTIONS, "silence")
    # The silent frame would have turned 0.5 · 0.45 against 0.4 · 0.5 into a landslide.
    assert decision == "anger"
    assert shares["anger"] / shares["sadness"] == pytest.approx(np.sqrt(0.5 * 0.45 / (0.4 * 0.5)))
    assert sum(shares.values()) == pytest.approx(1) and "silence" not in shares


def test_where_all_is_silent_there_is_no_decision():
    assert decide(np.log([[0.05, 0.1, 0.85]]), EMOTIONS, "silence") == (None, {})


def test_smoothing_is_a_mean_around_each_frame_and_keeps_the_sum():
    posteriors = np.random.default_rng(0).dirichlet(np.ones(3), size=9)
    result = smoothed(posteriors, 5)
    np.testing.assert_allclose(result[4], posteriors[2:7].mean(axis=0))
    np.testing.assert_allclose(result[0], posteriors[:3].mean(axis=0))
    np.testing.assert_allclose(result.sum(axis=1), 1)


def test_a_wider_window_shows_fewer_changes_of_emotion():
    sad = np.arange(200) % 10 >= 7  # three frames of ten
    flicker = np.log(np.where(sad[:, None] == [False, True, None], 0.6, 0.2))
    assert len(classify(flicker, "emotion", EMOTIONS, "silence", 0.0).segments) == 40
    (all_of_it,) = classify(flicker, "emotion", EMOTIONS, "silence", 1.0).segments
    assert (all_of_it.label, all_of_it.start, all_of_it.end) == ("anger", 0, 2)


BROKEN = {
    "empty.wav": (b"", "an empty file"),
    "text.wav": (b"these are no samples at all\n" * 50, "not a recording that can be read"),
    "short.wav": (None, r"0\.01 s of audio \(160 samples at 16000 Hz\), at least 0\.025 s \(400 samples\)"),
    "nan.wav": (None, "not finite"),
    "missing.wav": (None, "no such file"),
    "folder": (None, "a folder, where a recording was expected"),
    "cut.wav": (None, "truncated recording: its header announces 16000 samples, 7989 are there"),
    "cut.flac": (None, "truncated"),
}


@pytest.fixture
def broken(tmp_path):
    for name, (content, _) in BROKEN.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    soundfile.write(tmp_path / "short.wav", tone(500, 0.01), RATE)
    soundfile.write(tmp_path / "nan.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT")
    for form in ("flac", "wav"):
        buffer = io.BytesIO()
        soundfile.write(buffer, np.random.default_rng(0).normal(size=RATE) / 10, RATE, format=form)
        (tmp_path / f"cut.{form}").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    return tmp_path


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_gets_one_line_and_the_others_are_done(models, broken, name):
    write_tones(broken / "good.wav")
    result = predict(*models, "--ctm", broken / "out.ctm", broken / name, broken / "good.wav")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert name in line and re.search(BROKEN[name][1], line)
    assert "good.wav" in result.stdout
    assert {line.split()[0] for line in (broken / "out.ctm").read_text().splitlines()} == {"good"}


def test_json_names_the_broken_file_and_its_error(models, broken):
    result = predict(*models, "--json", broken / "text.wav")
    (answer,) = json.loads(result.stdout)
    assert result.exit_code == 1 and "not a recording that can be read" in answer["error"]


def test_ctm_has_a_line_with_start_and_duration_for_each_phone(models, tmp_path):
    write_tones(tmp_path / "my tones.wav")
    assert predict(*models, "--ctm", tmp_path / "out.ctm", tmp_path / "my tones.wav").exit_code == 0
    first, second = (line.split() for line in (tmp_path / "out.ctm").read_text().splitlines())
    assert [first[0], first[1], first[4]] == ["my_tones", "1", "aa"] and second[4] == "iy"
    assert float(first[2]) == 0 and float(first[3]) == float(second[2])
    assert float(second[2]) + float(second[3]) == pytest.approx(1.2, abs=0.011)


def read_textgrid(text):
    """Praat's long text form: tier → [(start, end, label)]; all values must come in this order."""
    values = re.findall(r'^\s*(?:\w+|intervals: size) = ("(?:[^"]|"")*"|[\d.]+) *$', text, re.M)
    values = iter(values)
    assert next(values) == "0"
    end, tiers = float(next(values)), {}
    for _ in range(int(next(values))):
        kind, name, start, tier_end, size = (next(values) for _ in range(5))
        assert kind == '"IntervalTier"' and start == "0" and float(tier_end) == end
        intervals = [(float(next(values)), float(next(values)), next(values)[1:-1]) for _ in range(int(size))]
        # Praat takes only tiers that are covered from start to end.
        edges = [0.0, *(interval[1] for interval in intervals)]
        assert [interval[0] for interval in intervals] == edges[:-1] and edges[-1] == end
        tiers[name[1:-1]] = intervals
    assert next(values, None) is None
    return tiers


def test_textgrid_holds_phones_and_emotions_from_start_to_end(models, tmp_path):
    write_tones(tmp_path / "tones.wav")
    assert predict(*models, "--textgrid", tmp_path / "grids", tmp_path / "tones.wav").exit_code == 0
    text = (tmp_path / "grids/tones.TextGrid").read_text()
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\n')
    tiers = read_textgrid(text.split("\n\n", 1)[1])
    assert [label for _, _, label in tiers["phones"]] == ["aa", "iy"]
    assert [label for _, _, label in tiers["emotion"]] == ["anger", "sadness"]
    assert tiers["phones"][1][1] == pytest.approx(1.2)


def test_classes_that_are_no_emotions_are_called_what_they_are(models, tmp_path):
    write_tones(tmp_path / "tones.wav")
    ser = models[2:]
    shown = predict(*ser, "--unit", "gender", "--textgrid", tmp_path / "x.TextGrid", tmp_path / "tones.wav").stdout
    assert [line.split()[2] for line in shown.splitlines()[1:]] == ["gender", "gender", "whole"]
    assert 'name = "gender"' in (tmp_path / "x.TextGrid").read_text()
    (answer,) = json.loads(predict(*ser, "--unit", "gender", "--json", tmp_path / "tones.wav").stdout)
    assert answer["gender"]["decision"] == "sadness" and "emotion" not in answer


@pytest.mark.parametrize("unit", ["", "two words", "7", "phones", "whole"])
def test_a_unit_that_would_be_misread_is_refused(models, tmp_path, unit):
    write_tones(tmp_path / "tones.wav")
    result = predict(*models, "--unit", unit, tmp_path / "tones.wav")
    assert result.exit_code == 1 and f"--unit={unit}: a word" in result.stderr


def test_the_plot_is_a_png_under_the_name_given(models, tmp_path):
    write_tones(tmp_path / "tones.wav")
    assert predict(*models, "--plot", tmp_path / "tones.png", tmp_path / "tones.wav").exit_code == 0
    content = (tmp_path / "tones.png").read_bytes()
    assert content.startswith(b"\x89PNG") and len(content) > 10_000


def test_names_of_phones_do_not_overlap_in_the_plot(models, tmp_path, monkeypatch):
    import matplotlib.figure

    from asrser_nn.prediction.predict import Prediction, Segment

    phones = [Segment(i / 50, (i + 1) / 50, "long-name" if i % 7 == 0 else "p") for i in range(100)]
    boxes = []
    save = matplotlib.figure.Figure.savefig

    def measure(figure, *arguments, **options):
        save(figure, *arguments, **options)
        boxes.extend(text.get_window_extent() for text in figure.axes[2].texts)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", measure)
    draw(Prediction(tmp_path / "x.wav", np.zeros(2 * RATE, np.float32), phones, None), io.BytesIO())
    assert len(boxes) > 30
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_one_output_for_two_files_is_refused(models, tmp_path):
    result = predict(*models, "--plot", tmp_path / "x.png", tmp_path / "a.wav", tmp_path / "b.wav")
    assert result.exit_code == 1 and "name a folder" in result.stderr


def test_files_of_one_name_are_told_apart_by_their_folders_and_all_others_keep_their_names(tmp_path):
    a, b, c = (tmp_path / name for name in ("x/sa1.wav", "y/sa1.wav", "y/sa2.wav"))
    assert short_names([a, c]) == {a: "sa1", c: "sa2"}
    assert short_names([a, b, c]) == {a: "x-sa1", b: "y-sa1", c: "sa2"}
    flac = a.with_suffix(".flac")
    assert short_names([a, flac, c]) == {a: "sa1.wav", flac: "sa1.flac", c: "sa2"}
    spaced = [tmp_path / "a b.wav", tmp_path / "a_b.wav", c]
    assert list(short_names(spaced).values()) == ["a_b.wav-1", "a_b.wav-2", "sa2"]
    same_joined = [Path("/x-y/a.wav"), Path("/x/y/a.wav"), Path("/x-y/b.wav"), Path("/x/y/b.wav")]
    assert len(set(short_names(same_joined).values())) == 4


def test_each_model_is_enough_alone_and_the_table_shows_what_there_is(models, tmp_path):
    write_tones(tmp_path / "tones.wav")
    phones_only = predict(*models[:2], tmp_path / "tones.wav")
    assert [line.split()[2:4] for line in phones_only.stdout.splitlines()[1:]] == [["phone", "aa"], ["phone", "iy"]]
    emotion_only = predict(*models[2:], tmp_path / "tones.wav")
    assert [line.split()[2] for line in emotion_only.stdout.splitlines()[1:]] == ["emotion", "emotion", "whole"]
    assert predict(tmp_path / "tones.wav").exit_code == 1


def test_a_network_without_its_hmms_or_with_others_is_refused_by_name(models, tmp_path):
    write_tones(tmp_path / "tones.wav")
    content = (models[1] / "hmm.json").read_text()
    save_model(tmp_path / "final.pt", hears_tones(["0", "1", "2"], [0] * 40))
    no_hmms = predict("--asr", tmp_path, tmp_path / "tones.wav")
    assert no_hmms.exit_code == 1 and "hmm.json: no such file" in no_hmms.stderr
    (tmp_path / "hmm.json").write_text(content)
    other = predict("--asr", tmp_path, tmp_path / "tones.wav")
    assert other.exit_code == 1 and "2 states, but the network has 3" in other.stderr
    (tmp_path / "hmm.json").write_text(content.replace('"end"', '"End"'))


def test_a_network_of_states_is_none_of_emotions_and_the_other_way_round(models, tmp_path):
    write_tones(tmp_path / "tones.wav")
    asr, ser = models[1], models[3]
    states = predict("--ser", asr, tmp_path / "tones.wav")
    assert states.exit_code == 1 and f"--ser {asr}: its 2 classes have numbers" in states.stderr
    (tmp_path / "ser").mkdir()
    (tmp_path / "ser/final.pt").write_bytes((ser / "final.pt").read_bytes())
    for hmm in (None, asr / "hmm.json"):
        if hmm:
            (tmp_path / "ser/hmm.json").write_bytes(hmm.read_bytes())
        emotions = predict("--asr", tmp_path / "ser", tmp_path / "tones.wav")
        assert emotions.exit_code == 1 and "its classes are anger, sadness, silence, not numbers" in emotions.stderr


def with_change(content, change):
    change(content)
    return json.dumps(content).encode()


DAMAGED_LOOPS = {
    "an empty file": lambda content: b"",
    "cut off": lambda content: json.dumps(content).encode()[:-9],
    "not UTF-8": lambda content: b"\xff\xfe" + json.dumps(content).encode(),
    "a list": lambda content: b"[1, 2]",
    "nested without end": lambda content: b"[" * 100_000,
    "without a key": lambda content: with_change(content, lambda c: c["units"][0].pop("end")),
    "of another version": lambda content: with_change(content, lambda c: c.update(version=2)),
    "no units": lambda content: with_change(content, lambda c: c.update(units=[])),
    "a pdf too many": lambda content: with_change(content, lambda c: c["units"][0].update(pdfs=[2])),
    "a pdf that is no integer": lambda content: with_change(content, lambda c: c["units"][0].update(pdfs=[0.5])),
    "a pdf beyond 64 bits": lambda content: with_change(content, lambda c: c["units"][0].update(pdfs=[2**80])),
    "pdfs that are no list": lambda content: with_change(content, lambda c: c["units"][0].update(pdfs=0)),
    "unequal lengths": lambda content: with_change(content, lambda c: c["units"][0].update(stay=[-1, -1])),
    "next too short": lambda content: with_change(content, lambda c: c["units"][0].update(next=[None])),
    "NaN": lambda content: with_change(content, lambda c: c["units"][0].update(start=float("nan"))),
    "Infinity": lambda content: with_change(content, lambda c: c["units"][1].update(end=float("inf"))),
    "a word for a number": lambda content: with_change(content, lambda c: c["units"][0].update(start="0.5")),
    "infinitely many pdfs": lambda content: with_change(content, lambda c: c.update(num_pdfs=float("inf"))),
    "an acoustic scale of 0": lambda content: with_change(content, lambda c: c.update(acoustic_scale=0)),
    "a phone that is no word": lambda content: with_change(content, lambda c: c["units"][0].update(phone="a b")),
    "a phone that is a number": lambda content: with_change(content, lambda c: c["units"][0].update(phone=1)),
}


@pytest.mark.parametrize("damage", DAMAGED_LOOPS)
def test_a_damaged_phone_loop_is_refused_in_one_line(models, tmp_path, damage):
    content = json.loads((models[1] / "hmm.json").read_bytes())
    (tmp_path / "hmm.json").write_bytes(DAMAGED_LOOPS[damage](content))
    with pytest.raises(Failure) as error:
        read_phone_loop(tmp_path / "hmm.json")
    message = str(error.value)
    assert message.startswith(f"{tmp_path}/hmm.json: not a phone loop") and "\n" not in message
    assert "write_hmm.py writes it anew" in message


# No speech, cancelling channels, short files


@pytest.mark.parametrize("level", [0.0, 0.25])
def test_digital_silence_has_no_emotion_whatever_the_network_thinks(models, tmp_path, level):
    soundfile.write(tmp_path / "silence.wav", np.full(RATE, level), RATE)
    save_model(tmp_path / "final.pt", hears_tones(["anger", "sadness"], [0] * 40))  # knows no silence
    for ser in (models[3], tmp_path):
        result = predict("--ser", ser, tmp_path / "silence.wav")
        assert result.exit_code == 0
        assert result.stdout.splitlines()[-1].split() == ["0.00", "1.00", "whole", "no", "speech", "found"]
        assert not re.search("whole +(anger|sadness)", result.stdout)
        (answer,) = json.loads(predict("--ser", ser, "--json", tmp_path / "silence.wav").stdout)
        assert answer["note"] == "no speech found"
        assert (answer["emotion"]["decision"], answer["emotion"]["shares"]) == (None, {})
    phones = predict(*models[:2], tmp_path / "silence.wav")
    assert "no speech found" in phones.stdout
    pictures = predict(*models, "--plot", tmp_path / "x.png", "--textgrid", tmp_path, tmp_path / "silence.wav")
    assert pictures.exit_code == 0 and (tmp_path / "x.png").stat().st_size > 10_000


def test_noise_that_the_network_hears_as_silence_is_no_speech(models, tmp_path):
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(size=RATE) / 20000, RATE)
    (answer,) = json.loads(predict(*models, "--json", tmp_path / "noise.wav").stdout)
    assert answer["note"] == "no speech found" and answer["emotion"]["decision"] is None
    write_tones(tmp_path / "tones.wav")
    (answer,) = json.loads(predict(*models, "--json", tmp_path / "tones.wav").stdout)
    assert "note" not in answer


def test_channels_that_cancel_are_warned_of_and_others_are_not(models, tmp_path):
    left = tone(500, 1)
    noise = np.random.default_rng(0).normal(size=(RATE, 8)) / 20
    sounds = {
        "opposite": (np.stack([left, -left], 1), "its 2 channels cancel each other: their mean keeps 0.0 %"),
        "nearly": (np.stack([left, -0.8 * left], 1), "keeps 1.2 % of their power"),  # 0.1² / ((1 + 0.64) / 2)
        "equal": (np.stack([left, left], 1), None),
        "one side": (np.stack([left, 0 * left], 1), None),
        "independent": (noise, None),
        "silent": (np.zeros((RATE, 2)), None),
    }
    for name, (channels, expected) in sounds.items():
        soundfile.write(tmp_path / f"{name}.wav", channels, RATE)
        result = predict(*models, "--json", tmp_path / f"{name}.wav")
        (answer,) = json.loads(result.stdout)
        assert result.exit_code == 0
        if expected:
            (line,) = result.stderr.splitlines()
            assert f"warning: {tmp_path}/{name}.wav: " in line and expected in line
            assert expected in answer["warnings"][0]
        else:
            assert result.stderr == "" and "warnings" not in answer


def test_a_file_that_lacks_one_sample_is_told_from_one_that_does_not(models, tmp_path):
    for length in (399, 400):
        soundfile.write(tmp_path / f"{length}.wav", tone(500, length / RATE), RATE)
    short = predict(*models, tmp_path / "399.wav")
    assert short.exit_code == 1
    assert "0.0249375 s of audio (399 samples at 16000 Hz), at least 0.025 s (400 samples)" in short.stderr
    assert predict(*models, tmp_path / "400.wav").exit_code == 0


# What cannot be printed, written or done


def in_ascii(folder, *words):
    """predict as a process of its own, on a terminal that knows ASCII only: status, stdout and stderr as bytes."""
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "asrser_nn", "predict", "--threads", "1", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
    return done.returncode, done.stdout, done.stderr


NAMES = ["grün.wav", os.fsdecode(b"latin-1 \xfc.wav"), "喂.wav", "$a_b$ {.wav"]


def test_names_that_cannot_be_printed_stop_nothing(models, tmp_path):
    for name in NAMES:
        write_tones(tmp_path / name)
    outputs = ["--ctm", "out.ctm", "--textgrid", "grids", "--plot", "pictures"]
    status, shown, errors = in_ascii(tmp_path, *models, *outputs, *NAMES, "nicht dä.wav")
    assert status == 1 and errors.count(b"\n") == 1 and b"no such file" in errors and b"Traceback" not in errors
    assert shown.count(b"whole") == len(NAMES)
    stems = [Path(name).stem for name in NAMES]
    assert sorted(path.stem for path in (tmp_path / "grids").iterdir()) == sorted("_".join(s.split()) for s in stems)
    assert len(list((tmp_path / "pictures").glob("*.png"))) == len(NAMES)
    first_words = {line.split()[0] for line in (tmp_path / "out.ctm").read_bytes().splitlines()}
    assert {"grün".encode(), b"latin-1_\xfc", "喂".encode()} < first_words


def test_json_holds_names_of_any_bytes(models, tmp_path):
    for name in NAMES:
        write_tones(tmp_path / name)
    result = predict(*models[2:], "--json", *(tmp_path / name for name in NAMES))
    assert result.exit_code == 0 and result.stdout.isascii()
    assert [Path(answer["file"]).name for answer in json.loads(result.stdout)] == NAMES


def test_whatever_goes_wrong_with_a_file_the_others_are_done(models, tmp_path, monkeypatch):
    from asrser_nn.prediction import predict as module

    reasons = {
        "a.wav": MemoryError(),
        "b.wav": ZeroDivisionError("division by zero"),
        "c.wav": PermissionError(13, "Permission denied", "c.wav"),
        "d.wav": OSError("a device that says nothing"),
    }
    read = module.read_audio

    def read_or_fail(path):
        if path.name in reasons:
            raise reasons[path.name]
        return read(path)

    monkeypatch.setattr(module, "read_audio", read_or_fail)
    write_tones(tmp_path / "good.wav")
    result = predict(*models, "--json", *(tmp_path / name for name in [*reasons, "good.wav"]))
    answers = json.loads(result.stdout)
    assert result.exit_code == 1 and answers[4]["emotion"]["decision"] == "sadness"
    lines = result.stderr.splitlines()
    assert len(lines) == 4 and all(f"/{name}: " in line for name, line in zip(reasons, lines, strict=True))
    assert "not enough memory" in lines[0] and "division by zero" in lines[1] and "None" not in result.stderr


def test_an_output_that_cannot_be_written_stops_that_file_only(models, tmp_path):
    (tmp_path / "grids/a.TextGrid").mkdir(parents=True)  # a folder where a file should go
    for name in ("a.wav", "b.wav"):
        write_tones(tmp_path / name)
    result = predict(*models, "--textgrid", tmp_path / "grids", tmp_path / "a.wav", tmp_path / "b.wav")
    assert result.exit_code == 1 and "cannot write " in result.stderr and "a.TextGrid: " in result.stderr
    assert (tmp_path / "grids/b.TextGrid").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_what_goes_to_files_is_written_where_nothing_can_be_printed(models, tmp_path):
    for name in ("a.wav", "b.wav"):
        write_tones(tmp_path / name)
    command = [sys.executable, "-m", "asrser_nn", "predict", *models, "--ctm", "out.ctm", "a.wav", "b.wav"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and done.stderr == "asrser_nn predict: No space left on device\n"
    assert {line.split()[0] for line in (tmp_path / "out.ctm").read_text().splitlines()} == {"a", "b"}


@pytest.mark.parametrize(
    "words, expected",
    [
        (["--ctm", "no/such/folder/out.ctm"], "no/such/folder/out.ctm: its folder does not exist"),
        (["--ctm", "."], ".: a folder"),
        (["--textgrid", "file"], "file: a file; expected a folder, or a name that ends in .TextGrid"),
        (["--plot", "no/x.png"], "no/x.png: its folder does not exist"),
    ],
)
def test_a_place_that_cannot_be_written_is_found_before_the_work(models, tmp_path, monkeypatch, words, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    result = predict(*models, *words, "missing.wav")
    assert result.exit_code == 1 and expected in result.stderr and "missing.wav" not in result.stderr


@pytest.mark.parametrize(
    "option", ["window=-1", "window=nan", "window=inf", "window=1e300", "acoustic-scale=0", "acoustic-scale=-0.1",
               "acoustic-scale=nan", "acoustic-scale=inf", "acoustic-scale=x"],
)  # fmt: skip
def test_a_number_out_of_range_is_refused_with_its_range(models, option):
    result = predict(*models, f"--{option}", "missing.wav")
    name, _, value = option.partition("=")
    assert result.exit_code == 2 and f"Invalid value for '--{name}'" in result.stderr
    assert value == "x" or "range" in result.stderr


def test_a_file_named_twice_is_done_once(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tones(tmp_path / "a.wav")
    (tmp_path / "x").mkdir()
    result = predict(*models, "a.wav", "./a.wav", "x/../a.wav", tmp_path / "a.wav")
    assert result.exit_code == 0 and result.stdout.count("whole") == 1


def test_a_network_of_other_features_is_refused(tmp_path):
    network = ConvNet(Shape(13, 2, context=0, channels=(), kernels=(), paddings=(), pools=(), hidden=()))
    save_model(tmp_path / "final.pt", Model(network, ["a", "b"], torch.tensor([1, 1]), {}))
    write_tones(tmp_path / "tones.wav")
    result = predict("--ser", tmp_path, tmp_path / "tones.wav")
    assert result.exit_code == 1 and "40 coefficients per frame, but the model takes 13" in result.stderr


SMALL = Shape(40, 2, context=3, channels=(4, 6), kernels=((5, 2), (3, 2)), pools=((2, 1), (2, 1)), hidden=(8, 8, 8))


def write_hybrid(folder, models, shared, **config):
    """Networks of random weights in the place of those of `models`, with so many layers in common."""
    torch.manual_seed(0)
    networks = [ConvNet(replace(SMALL, num_classes=number), seed=number).eval() for number in (2, 3)]
    for network in networks:
        network.mean.fill_(15.0)
        for name, buffer in network.named_buffers():
            if "running" in name:
                buffer.uniform_(0.5, 1.5)
    share_layers(networks, shared, True)
    for task, network, names in zip(("asr", "ser"), networks, (["0", "1"], EMOTIONS), strict=True):
        (folder / task).mkdir(parents=True)
        said = {"--shared-layers": str(shared), **config}
        save_model(folder / task / "final.pt", Model(network, names, torch.full((len(names),), 100), said))
    (folder / "asr/hmm.json").write_bytes((models[1] / "hmm.json").read_bytes())
    return folder


@pytest.mark.parametrize("shared", [1, 2, 3, 5])
def test_a_hybrid_says_what_its_networks_say_and_computes_their_shared_layers_once(models, tmp_path, shared):
    hybrid = write_hybrid(tmp_path / "hybrid", models, shared)
    samples = np.random.default_rng(0).normal(scale=1000, size=2 * RATE).astype(np.float32)
    feats = log_mel(samples)
    asr, ser = map(str, (hybrid / "asr", hybrid / "ser"))
    together = Predictor(asr, ser, torch.device("cpu"))
    networks = [together.asr.network, together.ser.network]
    assert together.in_common == shared
    apart = utterance_log_posteriors(networks, feats, torch.device("cpu"))
    calls = []
    for number, layer in enumerate(networks[1].layers, 1):
        layer.register_forward_hook(lambda *_, number=number: calls.append(number))
        if number <= 2:
            slide = layer.slide
            layer.slide = lambda *a, slide=slide, number=number: (calls.append(number), slide(*a))[1]
    found = utterance_log_posteriors(networks, feats, torch.device("cpu"), shared)
    assert min(calls) == shared + 1  # of the second network
    for ours, theirs in zip(found, apart, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    write_tones(tmp_path / "tones.wav")
    of_hybrid, of_networks = (
        predict(*words, "--json", tmp_path / "tones.wav")
        for words in (["--model", hybrid], ["--asr", asr, "--ser", ser])
    )
    assert of_hybrid.exit_code == 0 and of_hybrid.stderr == "", of_hybrid.output
    (answer,) = json.loads(of_hybrid.stdout)
    assert answer["phones"] and answer["emotion"]["segments"]
    assert of_hybrid.stdout == of_networks.stdout
    (hybrid / "ser").rename(hybrid / "gender")
    (renamed,) = json.loads(predict("--model", hybrid, "--json", tmp_path / "tones.wav").stdout)
    assert renamed["gender"] == answer["emotion"] and "emotion" not in renamed  # classes are called as the task is


@pytest.mark.parametrize(
    ("shared", "change", "config", "said"),
    [
        (3, "mean", {"--normalisation": "own"}, "each has its own normalisation"),
        (3, "running_mean", {"--batchnorm": "own"}, "each has its own BatchNorm statistics"),
        (0, "mean", {}, "--shared-layers was 0"),
    ],
)
def test_a_hybrid_whose_layers_cannot_be_computed_once_says_why(models, tmp_path, shared, change, config, said):
    hybrid = write_hybrid(tmp_path / "hybrid", models, shared, **config)
    model = load_model(hybrid / "ser")
    with torch.no_grad():
        next(buffer for name, buffer in model.network.named_buffers() if name.endswith(change)).add_(1)
    save_model(hybrid / "ser/final.pt", model)
    write_tones(tmp_path / "tones.wav")
    result = predict("--model", hybrid, "--json", tmp_path / "tones.wav")
    assert result.exit_code == 0 and json.loads(result.stdout)
    assert len(result.stderr.splitlines()) == 1 and said in result.stderr


def test_what_is_no_hybrid_is_refused_in_a_line(models, tmp_path):
    write_tones(tmp_path / "tones.wav")
    (tmp_path / "two").mkdir()
    for task in ("asr", "other"):
        (tmp_path / "two" / task).symlink_to(models[1])
    for words, said in [
        (["--model", tmp_path / "none"], "found: there are none; for single networks there are --asr and --ser"),
        (["--model", models[1]], "found: there are none"),
        (["--model", tmp_path / "two"], "found: asr, other"),
        (["--model", tmp_path / "two", "--ser", models[3]], "leave out --asr and --ser"),
    ]:
        result = predict(*words, tmp_path / "tones.wav")
        assert result.exit_code == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1, result.stderr
