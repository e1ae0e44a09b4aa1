"""The feature programs, against what Kaldi answers on real speech and on what goes wrong."""

import os
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asrser_io.tables import TableWriter, compressed_matrix, read_object, read_table
from kaldi_programs import (
    add_deltas,
    apply_cmvn,
    compute_cmvn_stats,
    compute_fbank_feats,
    compute_mfcc_feats,
    compute_vad,
    copy_feats,
    copy_int_vector,
    extract_segments,
    feat_to_dim,
    feat_to_len,
    subset_feats,
)
from kaldi_programs.common.features import resample


@pytest.fixture
def in_root(root, monkeypatch):
    """The paths in the golden wav.scp start from here."""
    monkeypatch.chdir(root)
    return root


def matrices(rspecifier: str) -> dict[str, np.ndarray]:
    return dict(read_table(rspecifier, "matrix"))


def write_matrices(path, **table) -> str:
    with TableWriter(f"ark:{path}", "matrix") as writer:
        for key, value in table.items():
            writer.write(key, np.asarray(value, np.float32))
    return f"ark:{path}"


def greatest_difference(ours: dict[str, np.ndarray], kaldis: dict[str, np.ndarray]) -> float:
    assert list(ours) == list(kaldis)
    return max(float(np.abs(ours[key] - kaldis[key]).max()) for key in kaldis)


# Against Kaldi


def test_filterbanks_equal_kaldis(golden, in_root, tmp_path):
    words = ["--config=conf/fbank.conf", f"scp:{golden}/data/wav.scp", f"ark:{tmp_path}/f"]
    assert compute_fbank_feats.main(words) == 0
    assert greatest_difference(matrices(f"ark:{tmp_path}/f"), matrices(f"ark:{golden}/feats/fbank.ark")) < 1e-3


@pytest.mark.parametrize("conf, name", [("mfcc", "mfcc.ark"), ("mfcc_vad", "mfcc_vad.ark")])
def test_mfcc_equal_kaldis(golden, in_root, tmp_path, conf, name):
    words = [f"--config=conf/{conf}.conf", f"scp:{golden}/data/wav.scp", f"ark:{tmp_path}/f"]
    assert compute_mfcc_feats.main(words) == 0
    assert greatest_difference(matrices(f"ark:{tmp_path}/f"), matrices(f"ark:{golden}/feats/{name}")) < 1e-3


def test_cmvn_statistics_are_kaldis_to_the_last_digit(golden, tmp_path):
    words = [f"--spk2utt=ark:{golden}/data/spk2utt", f"ark:{golden}/feats/mfcc.ark"]
    assert compute_cmvn_stats.main([*words, f"ark,t:{tmp_path}/cmvn.txt"]) == 0
    assert (tmp_path / "cmvn.txt").read_bytes() == (golden / "feats/cmvn.txt").read_bytes()


def test_normalised_features_with_deltas_are_kaldis(golden, tmp_path):
    words = [f"--utt2spk=ark:{golden}/data/utt2spk", f"ark:{golden}/feats/cmvn.txt", f"ark:{golden}/feats/mfcc.ark"]
    assert apply_cmvn.main([*words, f"ark:{tmp_path}/normal"]) == 0
    assert add_deltas.main([f"ark:{tmp_path}/normal", f"ark:{tmp_path}/deltas"]) == 0
    ours, kaldis = matrices(f"ark:{tmp_path}/deltas"), matrices(f"ark:{golden}/feats/mfcc_cmvn_deltas.ark")
    assert greatest_difference(ours, kaldis) < 2e-5
    for key in kaldis:
        np.testing.assert_array_equal(ours[key][:, :13], kaldis[key][:, :13])


def test_voice_activity_is_kaldis(golden, tmp_path):
    assert compute_vad.main([f"ark:{golden}/feats/mfcc_vad.ark", f"ark,t:{tmp_path}/vad.txt"]) == 0
    assert (tmp_path / "vad.txt").read_bytes() == (golden / "feats/vad.txt").read_bytes()


@pytest.mark.parametrize("name", ["mfcc", "fbank", "mfcc_cmvn_deltas"])
def test_copied_features_are_kaldis_byte_by_byte(golden, tmp_path, name):
    archive = golden / f"feats/{name}.ark"
    assert copy_feats.main([f"ark:{archive}", f"ark,scp:{tmp_path}/f.ark,{tmp_path}/f.scp"]) == 0
    assert (tmp_path / "f.ark").read_bytes() == archive.read_bytes()
    assert copy_feats.main([f"scp:{tmp_path}/f.scp", f"ark:{tmp_path}/again"]) == 0
    assert (tmp_path / "again").read_bytes() == archive.read_bytes()


def test_copied_alignments_are_kaldis_byte_by_byte(golden, tmp_path):
    assert copy_int_vector.main([f"ark:{golden}/mono/ali.txt", f"ark:{tmp_path}/ali"]) == 0
    assert copy_int_vector.main([f"ark:{tmp_path}/ali", f"ark,t:{tmp_path}/ali.txt"]) == 0
    assert (tmp_path / "ali.txt").read_bytes() == (golden / "mono/ali.txt").read_bytes()


def test_a_pipe_of_programs_answers_as_the_programs_one_by_one(golden, tmp_path):
    bin_dir = sysconfig.get_path("scripts")
    command = (
        f"apply-cmvn --utt2spk=ark:{golden}/data/utt2spk "
        f"'ark:compute-cmvn-stats --spk2utt=ark:{golden}/data/spk2utt ark:{golden}/feats/mfcc.ark ark:- |' "
        f"ark:{golden}/feats/mfcc.ark ark:- | add-deltas ark:- ark,t:- | copy-feats ark:- 'ark:| cat > {tmp_path}/f'"
    )
    environment = {**os.environ, "PATH": f"{bin_dir}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", command], env=environment, check=True, stderr=subprocess.PIPE)
    ours, kaldis = matrices(f"ark:{tmp_path}/f"), matrices(f"ark:{golden}/feats/mfcc_cmvn_deltas.ark")
    assert greatest_difference(ours, kaldis) < 1e-3


# Recordings


def write_wav(path: Path, seconds=0.5, rate=16000, channels=1, subtype="PCM_16") -> Path:
    random = np.random.default_rng(len(path.name))
    soundfile.write(path, random.uniform(-0.5, 0.5, (int(seconds * rate), channels)), rate, subtype=subtype)
    return path


def scp(tmp_path, *paths) -> str:
    (tmp_path / "wav.scp").write_text("".join(f"{Path(path).stem} {path}\n" for path in paths))
    return f"{tmp_path}/wav.scp"


def fbank(*words) -> int:
    return compute_fbank_feats.main(["--dither=0", *map(str, words)])


def test_recordings_with_another_rate_are_left_out_with_a_warning(tmp_path, capsys):
    table = scp(tmp_path, write_wav(tmp_path / "good.wav"), write_wav(tmp_path / "slow.wav", rate=8000))
    assert fbank(f"scp:{table}", f"ark:{tmp_path}/f") == 0
    assert list(matrices(f"ark:{tmp_path}/f")) == ["good"]
    log = capsys.readouterr().err
    assert "no features for slow: it has 8000 samples per second, expected 16000 (see --allow-upsample)" in log
    assert "Done 1 out of 2 utterances" in log


def test_nothing_done_is_a_failure(tmp_path):
    assert fbank(f"scp:{scp(tmp_path, write_wav(tmp_path / 'slow.wav', rate=8000))}", f"ark:{tmp_path}/f") == 1
    (tmp_path / "empty").touch()
    for main in (add_deltas.main, copy_feats.main, compute_vad.main, subset_feats.main, copy_int_vector.main):
        assert main([f"ark:{tmp_path}/empty", f"ark:{tmp_path}/f"]) == 1
    assert feat_to_len.main([f"ark:{tmp_path}/empty"]) == 1
    assert feat_to_dim.main([f"ark:{tmp_path}/empty", "-"]) == 1


def test_a_broken_recording_stops_the_program_or_is_left_out_where_the_table_says_p(tmp_path, capsys):
    good, broken = write_wav(tmp_path / "good.wav"), write_wav(tmp_path / "broken.wav")
    broken.write_bytes(broken.read_bytes()[:-10])
    table = scp(tmp_path, broken, good)
    assert fbank(f"scp:{table}", f"ark:{tmp_path}/f") == 1
    message = f"broken ({broken}): a truncated recording: its header announces 8000 samples, 7995 are there"
    assert f"ERROR (compute-fbank-feats:main()) {message}" in capsys.readouterr().err
    assert not (tmp_path / "f").exists()
    assert fbank(f"scp,p:{table}", f"ark:{tmp_path}/f") == 0
    assert f"WARNING (compute-fbank-feats:main()) skipped {message}" in capsys.readouterr().err
    assert list(matrices(f"ark:{tmp_path}/f")) == ["good"]


def test_a_recording_shorter_than_a_frame_is_left_out(tmp_path, capsys):
    table = scp(tmp_path, write_wav(tmp_path / "good.wav"), write_wav(tmp_path / "short.wav", seconds=0.02))
    assert fbank(f"scp:{table}", f"ark:{tmp_path}/f") == 0
    assert list(matrices(f"ark:{tmp_path}/f")) == ["good"]
    assert "no features for short: its 320 samples are fewer than one frame" in capsys.readouterr().err


def test_one_of_several_channels_is_chosen(tmp_path, capsys):
    stereo = write_wav(tmp_path / "stereo.wav", channels=2)
    left, right = soundfile.read(stereo)[0].T
    for name, samples in [("left", left), ("right", right)]:
        soundfile.write(tmp_path / f"{name}.wav", samples, 16000)
    fbank(f"scp:{scp(tmp_path, tmp_path / 'left.wav', tmp_path / 'right.wav')}", f"ark:{tmp_path}/expected")
    expected = matrices(f"ark:{tmp_path}/expected")
    for option, key in [("--channel=0", "left"), ("--channel=1", "right"), ("--channel=-1", "left")]:
        capsys.readouterr()
        assert fbank(option, f"scp:{scp(tmp_path, stereo)}", f"ark:{tmp_path}/f") == 0
        np.testing.assert_array_equal(matrices(f"ark:{tmp_path}/f")["stereo"], expected[key])
        assert ("stereo has 2 channels; taking the first" in capsys.readouterr().err) == (option == "--channel=-1")
    assert fbank("--channel=2", f"scp:{scp(tmp_path, stereo)}", f"ark:{tmp_path}/f") == 1
    assert "it has 2 channels, counted from 0; there is none for --channel=2" in capsys.readouterr().err


def test_durations_minimum_duration_and_mean_subtraction(tmp_path):
    table = scp(tmp_path, write_wav(tmp_path / "a.wav", 0.5), write_wav(tmp_path / "b.wav", 0.25))
    words = ["--min-duration=0.3", "--subtract-mean=true", f"--write-utt2dur=ark,t:{tmp_path}/utt2dur"]
    assert fbank(*words, f"scp:{table}", f"ark:{tmp_path}/f") == 0
    found = matrices(f"ark:{tmp_path}/f")
    assert list(found) == ["a"]
    np.testing.assert_allclose(found["a"].mean(axis=0), 0, atol=1e-4)
    assert (tmp_path / "utt2dur").read_text() == "a 0.5 \n"


@pytest.mark.parametrize(
    "option, shape",
    [
        ("--num-mel-bins=30", (48, 30)),
        ("--use-energy=true", (48, 24)),
        ("--snip-edges=false", (50, 23)),
        ("--frame-length=20", (49, 23)),
        ("--frame-shift=20", (24, 23)),
    ],
)
def test_options_change_the_shape_as_they_should(tmp_path, option, shape):
    assert fbank(option, f"scp:{scp(tmp_path, write_wav(tmp_path / 'a.wav'))}", f"ark:{tmp_path}/f") == 0
    assert matrices(f"ark:{tmp_path}/f")["a"].shape == shape


def test_energy_comes_first_or_with_htk_compat_last(tmp_path):
    table = scp(tmp_path, write_wav(tmp_path / "a.wav"))
    samples = soundfile.read(tmp_path / "a.wav")[0][:400] * 32768
    expected = np.log(np.sum((samples - samples.mean()) ** 2))
    for option, column in [("--htk-compat=false", 0), ("--htk-compat=true", -1)]:
        fbank("--use-energy=true", option, f"scp:{table}", f"ark:{tmp_path}/f")
        assert matrices(f"ark:{tmp_path}/f")["a"][0, column] == pytest.approx(expected, abs=1e-4)
        compute_mfcc_feats.main(["--dither=0", option, f"scp:{table}", f"ark:{tmp_path}/f"])
        assert matrices(f"ark:{tmp_path}/f")["a"][0, column] == pytest.approx(expected, abs=1e-4)


WHEEL_NAMES = {
    "preemphasis-coefficient": "preemph_coeff",
    "frame-length": "frame_length_ms",
    "frame-shift": "frame_shift_ms",
    "num-mel-bins": "num_bins",
}
SHARED_OPTIONS = [
    {},
    {"window-type": "hamming", "preemphasis-coefficient": 0.5},
    {"window-type": "hanning", "remove-dc-offset": False},
    {"window-type": "rectangular", "round-to-power-of-two": False},
    {"window-type": "blackman", "blackman-coeff": 0.4, "frame-length": 32.0, "frame-shift": 8.0},
    {"num-mel-bins": 15, "low-freq": 100.0, "high-freq": -400.0},
    {"num-mel-bins": 30, "high-freq": 7000.0, "snip-edges": False},
    {"use-energy": True, "energy-floor": 1e13},
    {"use-energy": True, "raw-energy": False},
    {"use-energy": True, "htk-compat": True},
    {"use-energy": False, "htk-compat": True},
]


@pytest.mark.parametrize("kind", ["mfcc", "fbank"])
@pytest.mark.parametrize("given", SHARED_OPTIONS, ids=str)
def test_options_do_what_they_do_in_kaldis_own_code(tmp_path, kind, given):
    """Which kaldi-native-fbank holds, but for the FFT."""
    check_against_wheel(tmp_path, kind, given)


@pytest.mark.parametrize(
    "kind, given",
    [
        ("mfcc", {"num-ceps": 20, "cepstral-lifter": 0.0}),
        ("mfcc", {"num-ceps": 23, "cepstral-lifter": 10.0}),
        ("fbank", {"use-log-fbank": False}),
        ("fbank", {"use-power": False}),
    ],
)
def test_options_of_one_program_do_what_they_do_in_kaldis_own_code(tmp_path, kind, given):
    check_against_wheel(tmp_path, kind, given)


def check_against_wheel(tmp_path, kind, given):
    wheel = pytest.importorskip("kaldi_native_fbank", reason="no kaldi_native_fbank to compare with")
    table = scp(tmp_path, write_wav(tmp_path / "a.wav"))
    main = {"mfcc": compute_mfcc_feats.main, "fbank": compute_fbank_feats.main}[kind]
    words = [f"--{name}={str(value).lower()}" for name, value in given.items()]
    assert main(["--dither=0", *words, f"scp:{table}", f"ark:{tmp_path}/f"]) == 0
    ours = matrices(f"ark:{tmp_path}/f")["a"]
    options, extractor = {
        "mfcc": (wheel.MfccOptions(), wheel.OnlineMfcc),
        "fbank": (wheel.FbankOptions(), wheel.OnlineFbank),
    }[kind]
    options.frame_opts.dither = 0
    for name, value in {"num-mel-bins": 23, **given}.items():
        field = WHEEL_NAMES.get(name, name.replace("-", "_"))
        (part,) = [part for part in (options, options.frame_opts, options.mel_opts) if hasattr(part, field)]
        setattr(part, field, value)
    features = extractor(options)
    features.accept_waveform(16000, read_object(f"{tmp_path}/a.wav", "wave")[1][0].tolist())
    features.input_finished()
    expected = np.stack([features.get_frame(i) for i in range(features.num_frames_ready)])
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize(
    "option, message",
    [
        ("--vtln-warp=1.1", "VTLN"),
        ("--vtln-map=ark:x", "VTLN"),
        ("--output-format=htk", "expected --output-format=kaldi"),
        ("--window-type=kaiser", "expected --window-type=hamming or hanning"),
        ("--num-mel-bin=40", "Invalid option --num-mel-bin=40"),
        ("--num-mel-bins=200", "--num-mel-bins=200 is too large"),
        ("--high-freq=9000", "--high-freq=9000 do not lie in order between 0 and 8000"),
        ("--frame-shift=0.05", "every 0 samples"),
    ],
)
def test_what_is_not_supported_is_said(tmp_path, capsys, option, message):
    assert fbank(option, "scp:/no/such/file", f"ark:{tmp_path}/f") == 1
    assert message in capsys.readouterr().err
    assert compute_mfcc_feats.main(["--num-ceps=24", "scp:/no/such/file", f"ark:{tmp_path}/f"]) == 1
    assert "--num-ceps=24 is more than --num-mel-bins=23" in capsys.readouterr().err


@pytest.mark.parametrize("rate, new_rate", [(16000, 8000), (8000, 16000), (44100, 16000)])
def test_resampling_keeps_a_tone(rate, new_rate):
    times, new_times = np.arange(rate // 5) / rate, np.arange(new_rate // 5) / new_rate
    resampled = resample(np.sin(2 * np.pi * 440 * times).astype(np.float32), rate, new_rate)
    assert len(resampled) == len(new_times)
    inner = slice(100, -100)  # the ends see zeros beyond the recording
    np.testing.assert_allclose(resampled[inner], np.sin(2 * np.pi * 440 * new_times)[inner], atol=0.02)


def test_resampling_takes_out_what_the_new_rate_cannot_hold():
    tone = np.sin(2 * np.pi * 6000 * np.arange(3200) / 16000).astype(np.float32)
    assert np.abs(resample(tone, 16000, 8000)[100:-100]).max() < 0.02


def test_recordings_of_a_higher_rate_can_be_downsampled(tmp_path):
    table = scp(tmp_path, write_wav(tmp_path / "a.wav", rate=32000))
    assert fbank("--allow-downsample=true", f"scp:{table}", f"ark:{tmp_path}/f") == 0
    assert matrices(f"ark:{tmp_path}/f")["a"].shape == (48, 23)


def test_features_can_be_computed_from_extracted_segments(tmp_path):
    samples = np.arange(16000, dtype=np.int16)
    soundfile.write(tmp_path / "rec.wav", samples, 16000)
    good = "a rec 0.1 0.5\nb rec 0.5 -1\nc rec 0.8 1.3\n"
    too_far, too_short, others = "d rec 0.8 1.6\n", "e rec 0.5 0.55\n", "f rec 0.5\ng other 0 1\nh rec 1 0.5\n"
    (tmp_path / "segments").write_text(good + too_far + too_short + others)
    words = [f"scp:{scp(tmp_path, tmp_path / 'rec.wav')}", f"{tmp_path}/segments", f"ark:{tmp_path}/w"]
    assert extract_segments.main(words) == 0
    cut = {key: wave[1][0] for key, wave in read_table(f"ark:{tmp_path}/w", "wave")}
    bounds = {"a": (1600, 8000), "b": (8000, 16000), "c": (12800, 16000)}
    assert {key: (int(x[0]), int(x[-1]) + 1) for key, x in cut.items()} == bounds
    assert fbank(f"ark:{tmp_path}/w", f"ark:{tmp_path}/f") == 0


# Tables of features


def test_compressed_copies_hold_the_values_roughly_and_their_lengths_exactly(tmp_path):
    feats = np.random.default_rng(0).normal(0, 10, (50, 5)).astype(np.float32)
    table = write_matrices(tmp_path / "f", a=feats, b=feats[:3])
    words = ["--compress=true", f"--write-num-frames=ark,t:{tmp_path}/lengths", table, f"ark:{tmp_path}/c"]
    assert copy_feats.main(words) == 0
    assert (tmp_path / "lengths").read_text() == "a 50 \nb 3 \n"
    np.testing.assert_allclose(matrices(f"ark:{tmp_path}/c")["a"], feats, atol=0.4)
    assert (tmp_path / "c").stat().st_size < (tmp_path / "f").stat().st_size / 2
    assert copy_feats.main(["--compress=true", "--compression-method=9", table, f"ark:{tmp_path}/c"]) == 1


def test_a_single_matrix_is_copied_from_file_to_file(tmp_path):
    table = write_matrices(tmp_path / "f", a=[[1, 2]])
    assert copy_feats.main(["--binary=false", f"{tmp_path}/f:2", f"{tmp_path}/text"]) == 0
    assert (tmp_path / "text").read_text() == " [\n  1 2 ]\n"
    assert copy_feats.main(["--compress", f"{tmp_path}/f:2", f"{tmp_path}/text"]) == 1
    assert copy_feats.main(["--htk-in", table, f"ark:{tmp_path}/c"]) == 1


def test_lengths_and_dimensions(tmp_path, capsys):
    table = write_matrices(tmp_path / "f", a=np.zeros((3, 2)), b=np.zeros((4, 2)))
    assert feat_to_len.main([table]) == 0 and capsys.readouterr().out == "7\n"
    assert feat_to_len.main([table, f"ark,t:{tmp_path}/len"]) == 0
    assert (tmp_path / "len").read_text() == "a 3 \nb 4 \n"
    assert feat_to_dim.main([table, f"{tmp_path}/dim"]) == 0 and (tmp_path / "dim").read_text() == "2\n"
    assert feat_to_dim.main([table, f"ark,t:{tmp_path}/dim"]) == 0
    assert (tmp_path / "dim").read_text() == "a 2 \nb 2 \n"


def test_subsets_are_the_first_the_listed_or_the_others(tmp_path):
    table = write_matrices(tmp_path / "f", a=[[1]], b=[[2]], c=[[3]])
    (tmp_path / "list").write_text("c x\na\n")
    for option, keys in [("--n=2", "ab"), (f"--include={tmp_path}/list", "ac"), (f"--exclude={tmp_path}/list", "b")]:
        assert subset_feats.main([option, table, f"ark:{tmp_path}/s"]) == 0
        assert list(matrices(f"ark:{tmp_path}/s")) == list(keys)
    assert subset_feats.main(["--n=2", f"--include={tmp_path}/list", table, f"ark:{tmp_path}/s"]) == 1


def test_statistics_by_utterance_speaker_weight_and_over_all(tmp_path, capsys):
    table = write_matrices(tmp_path / "f", a=[[1, 2], [3, 4]], b=[[5, 6]])
    sums = {"a": [[4, 6, 2], [10, 20, 0]], "b": [[5, 6, 1], [25, 36, 0]]}
    assert compute_cmvn_stats.main([table, f"ark:{tmp_path}/cmvn"]) == 0
    assert {key: value.tolist() for key, value in read_table(f"ark:{tmp_path}/cmvn", "double_matrix")} == sums
    assert compute_cmvn_stats.main([table, f"{tmp_path}/global"]) == 0
    of_all = (np.array(sums["a"]) + sums["b"]).tolist()
    assert read_object(f"{tmp_path}/global", "double_matrix").tolist() == of_all
    (tmp_path / "spk2utt").write_text("s a b missing\nempty gone\n")
    assert compute_cmvn_stats.main([f"--spk2utt=ark:{tmp_path}/spk2utt", table, f"ark:{tmp_path}/cmvn"]) == 0
    assert [(k, v.tolist()) for k, v in read_table(f"ark:{tmp_path}/cmvn", "double_matrix")] == [("s", of_all)]
    log = capsys.readouterr().err
    assert "No stats accumulated for speaker empty" in log and "for 2 utterances; 2 had errors" in log
    (tmp_path / "weights").write_text("a [ 0 0.5 ]\nb [ 1 1 ]\n")
    assert compute_cmvn_stats.main([f"--weights=ark:{tmp_path}/weights", table, f"ark:{tmp_path}/cmvn"]) == 0
    found = [(k, v.tolist()) for k, v in read_table(f"ark:{tmp_path}/cmvn", "double_matrix")]
    assert found == [("a", [[1.5, 2, 0.5], [4.5, 8, 0]])]
    assert "left out b: 2 weights for 1 frames" in capsys.readouterr().err
    assert compute_cmvn_stats.main([f"--spk2utt=ark:{tmp_path}/spk2utt", table, f"{tmp_path}/global"]) == 1


def test_normalisation_gives_zero_mean_and_unit_variance_and_back(tmp_path):
    feats = np.random.default_rng(0).normal(5, 3, (200, 4)).astype(np.float32)
    table, stats, to = write_matrices(tmp_path / "f", a=feats), f"{tmp_path}/cmvn", f"ark:{tmp_path}/n"
    compute_cmvn_stats.main([table, stats])
    assert apply_cmvn.main(["--norm-vars=true", stats, table, to]) == 0
    normal = matrices(to)["a"]
    np.testing.assert_allclose(normal.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(normal.std(axis=0), 1, atol=1e-4)
    assert apply_cmvn.main(["--norm-vars=true", "--reverse", stats, to, f"ark:{tmp_path}/back"]) == 0
    np.testing.assert_allclose(matrices(f"ark:{tmp_path}/back")["a"], feats, atol=1e-4)
    assert apply_cmvn.main(["--norm-vars=true", "--skip-dims=0:3", stats, table, to]) == 0
    np.testing.assert_array_equal(matrices(to)["a"][:, [0, 3]], feats[:, [0, 3]])
    np.testing.assert_array_equal(matrices(to)["a"][:, [1, 2]], normal[:, [1, 2]])
    assert apply_cmvn.main(["--norm-means=false", stats, table, to]) == 0
    np.testing.assert_array_equal(matrices(to)["a"], feats)


def test_normalisation_without_statistics_leaves_out_and_with_wrong_ones_stops(tmp_path, capsys):
    table = write_matrices(tmp_path / "f", a=[[1, 2], [3, 5]], b=[[5, 6]])
    only_a = write_matrices(tmp_path / "a", a=[[1, 2], [3, 5]])
    compute_cmvn_stats.main([only_a, f"ark:{tmp_path}/cmvn"])
    assert apply_cmvn.main([f"ark:{tmp_path}/cmvn", table, f"ark:{tmp_path}/n"]) == 0
    log = capsys.readouterr().err
    assert "available for key b" in log and "normalization to 1 utterances, errors on 1" in log
    assert matrices(f"ark:{tmp_path}/n")["a"].tolist() == [[-1, -1.5], [1, 1.5]]
    for stats, message in [
        ([[1, 2, 3, 1], [1, 2, 3, 0]], "/wrong: statistics of 2 x 4 for features of 2 dimensions"),
        ([[1, 2, 0.5], [1, 2, 0]], "the statistics are of 0.5 frames"),
    ]:
        wrong = write_matrices(tmp_path / "wrong", a=stats)
        assert apply_cmvn.main([wrong, table, f"ark:{tmp_path}/n"]) == 1
        assert message in capsys.readouterr().err
    assert apply_cmvn.main(["--norm-vars", "--norm-means=false", only_a, table, f"ark:{tmp_path}/n"]) == 1
    assert apply_cmvn.main(["--skip-dims=x", only_a, table, f"ark:{tmp_path}/n"]) == 1


def test_statistics_of_a_speaker_that_are_there_twice_are_refused(tmp_path, capsys):
    table = write_matrices(tmp_path / "f", u1=[[1, 2], [3, 5]])
    of_s1 = compute_cmvn_stats.main([table, f"{tmp_path}/s1.stats"])
    assert of_s1 == 0
    (tmp_path / "cmvn.scp").write_text(f"s1 {tmp_path}/s1.stats\ns2 {tmp_path}/s1.stats\ns1 {tmp_path}/other.stats\n")
    (tmp_path / "utt2spk").write_text("u1 s1\n")
    (tmp_path / "twice").write_text("u1 s1\nu2 s1\nu1 s2\n")
    for utt2spk, stats, message in [
        ("utt2spk", "cmvn.scp", f"{tmp_path}/cmvn.scp, line 3: s1 is there a second time, after line 1"),
        ("twice", "s1.scp", f"u1 is there twice in the archive {tmp_path}/twice"),
    ]:
        (tmp_path / "s1.scp").write_text(f"s1 {tmp_path}/s1.stats\n")
        words = [f"--utt2spk=ark:{tmp_path}/{utt2spk}", f"scp:{tmp_path}/{stats}", table, f"ark:{tmp_path}/n"]
        assert apply_cmvn.main(words) == 1
        assert message in capsys.readouterr().err
        assert not (tmp_path / "n").exists()


def test_the_delta_of_a_ramp_is_its_slope_and_its_second_delta_nothing(tmp_path):
    ramp = 3 * np.arange(20)[:, None]
    table = write_matrices(tmp_path / "f", a=ramp, empty=np.zeros((0, 0)))
    assert add_deltas.main([table, f"ark:{tmp_path}/d"]) == 0
    deltas = matrices(f"ark:{tmp_path}/d")
    assert list(deltas) == ["a"]
    np.testing.assert_allclose(deltas["a"][4:-4], np.hstack([ramp, 0 * ramp + 3, 0 * ramp])[4:-4], atol=1e-4)
    # At the end the last frame is repeated: (57 - 54 + 2 (57 - 51)) / 10.
    assert deltas["a"][-1, 1] == pytest.approx(1.5)


def test_delta_options(tmp_path, capsys):
    table = write_matrices(tmp_path / "f", a=np.random.default_rng(0).normal(size=(9, 5)))
    assert add_deltas.main(["--delta-order=1", "--delta-window=3", "--truncate=2", table, f"ark:{tmp_path}/d"]) == 0
    assert matrices(f"ark:{tmp_path}/d")["a"].shape == (9, 4)
    assert add_deltas.main(["--truncate=6", table, f"ark:{tmp_path}/d"]) == 1
    assert f"a in {table} has 5 dimensions, fewer than --truncate=6" in capsys.readouterr().err


def test_voice_activity_counts_the_frames_around(tmp_path):
    energy = np.array([0, 0, 20, 20, 0, 20, 0, 0, 0, 0], np.float32)  # mean 6, threshold 5 + 0.5 * 6 = 8
    table = write_matrices(tmp_path / "f", a=energy[:, None], quiet=np.zeros((3, 1)))

    def voiced(*words):
        assert compute_vad.main([*words, table, f"ark:{tmp_path}/v"]) == 0
        return {key: "".join(map(str, value.astype(int))) for key, value in read_table(f"ark:{tmp_path}/v", "vector")}

    assert voiced() == {"a": "0011010000", "quiet": "000"}
    assert voiced("--omit-unvoiced-utts=true") == {"a": "0011010000"}
    # Three of frames 1 to 5 are loud, and of frames 2 to 6: 0.6 of 5 is reached, exactly.
    assert voiced("--vad-frames-context=2")["a"] == "0001100000"
    assert voiced("--vad-frames-context=1", "--vad-proportion-threshold=0.3")["a"] == "0111111000"


def test_a_mixture_of_table_and_file_is_refused(tmp_path):
    (tmp_path / "ali").write_text("a 1 2 \n")
    assert copy_int_vector.main([f"ark:{tmp_path}/ali", f"{tmp_path}/x"]) == 1
    assert copy_int_vector.main([f"{tmp_path}/ali", f"ark:{tmp_path}/x"]) == 1


def test_a_single_vector_of_integers_is_copied_both_ways(tmp_path):
    (tmp_path / "x").write_text("[ 1 2 3 ]\n")
    assert copy_int_vector.main([f"{tmp_path}/x", f"{tmp_path}/binary"]) == 0
    assert (tmp_path / "binary").read_bytes() == b"\0B\4\3\0\0\0" + np.array([1, 2, 3], "<i4").tobytes()
    assert copy_int_vector.main(["--binary=false", f"{tmp_path}/binary", f"{tmp_path}/text"]) == 0
    assert (tmp_path / "text").read_text() == "[ 1 2 3 ]\n"


def test_compressed_tables_feed_every_program(tmp_path):
    feats = np.random.default_rng(0).normal(0, 10, (50, 5)).astype(np.float32)
    with TableWriter(f"ark:{tmp_path}/c", compressed_matrix(2)) as writer:
        writer.write("a", feats)
    assert add_deltas.main([f"ark:{tmp_path}/c", f"ark:{tmp_path}/d"]) == 0
    np.testing.assert_allclose(matrices(f"ark:{tmp_path}/d")["a"][:, :5], feats, atol=0.4)


def test_a_truncated_archive_stops_a_program_with_its_key(tmp_path, capsys):
    write_matrices(tmp_path / "f", a=np.ones((5, 2)), b=np.ones((5, 2)))
    (tmp_path / "cut").write_bytes((tmp_path / "f").read_bytes()[:-7])
    assert add_deltas.main([f"ark:{tmp_path}/cut", f"ark:{tmp_path}/d"]) == 1
    assert f"ERROR (add-deltas:main()) b in the archive {tmp_path}/cut: the data end early" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("form", "coding"),
    [
        ("WAV", "PCM_24"), ("WAV", "PCM_32"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("WAV", "PCM_U8"), ("WAVEX", "PCM_16"),
        ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("W64", "PCM_16"), ("NIST", "PCM_16"), ("FLAC", "PCM_16"),
    ],
)  # fmt: skip
def test_a_second_of_audio_in_any_form_has_98_frames_or_is_refused(tmp_path, form, coding, capsys):
    recording = tmp_path / "x.wav"
    soundfile.write(recording, 0.1 * np.sin(np.arange(16000)), 16000, format=form, subtype=coding)
    for source in (recording, f"cat {recording} |"):
        (tmp_path / "wav.scp").write_text(f"x {source}\n")
        assert fbank(f"scp:{tmp_path}/wav.scp", f"ark:{tmp_path}/f") == 0
        assert matrices(f"ark:{tmp_path}/f")["x"].shape == (98, 23)
    recording.write_bytes(recording.read_bytes()[: recording.stat().st_size * 3 // 10])
    for source in (recording, f"cat {recording} |"):
        (tmp_path / "wav.scp").write_text(f"x {source}\n")
        capsys.readouterr()
        assert fbank(f"scp:{tmp_path}/wav.scp", f"ark:{tmp_path}/f") == 1
        assert f"ERROR (compute-fbank-feats:main()) x ({source}): " in capsys.readouterr().err


def test_features_of_another_kind_among_those_with_log_energy_are_refused_by_voice_activity(tmp_path, capsys):
    with TableWriter(f"ark:{tmp_path}/feats", "matrix") as writer:
        writer.write("mfcc", np.full((4, 13), 9.0))
        writer.write("none", np.zeros((0, 0)))
        writer.write("fbank", np.full((4, 40), 9.0))
    assert compute_vad.main([f"ark:{tmp_path}/feats", f"ark:{tmp_path}/vad"]) == 1
    assert "fbank has 40 dimensions, those before it 13" in capsys.readouterr().err
    assert not (tmp_path / "vad").exists()


def test_the_dimension_is_that_of_the_first_matrix_as_in_kaldi_and_a_table_has_that_of_each(tmp_path, capfd):
    with TableWriter(f"ark:{tmp_path}/feats", "matrix") as writer:
        writer.write("a", np.zeros((2, 13)))
        writer.write("b", np.zeros((2, 12)))
    assert feat_to_dim.main([f"ark:{tmp_path}/feats", "-"]) == 0
    assert capfd.readouterr().out == "13\n"
    assert feat_to_dim.main([f"ark:{tmp_path}/feats", "ark,t:-"]) == 0
    assert capfd.readouterr().out == "a 13 \nb 12 \n"
