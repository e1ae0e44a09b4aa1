"""The range of each numeric option: checked before a file is opened or made, and as wide as what Kaldi can use."""

import importlib
import pkgutil
import re

import pytest

import kaldi_programs

PROGRAMS = [module.name for module in pkgutil.iter_modules(kaldi_programs.__path__) if module.name != "common"]
REFUSED = {
    "add_deltas": ["delta-order=-1", "delta-window=0", "truncate=-1", "truncate=1.5"],
    "add_self_loops": ["self-loop-scale=-0.1", "self-loop-scale=inf"],
    "ali_to_phones": ["frame-shift=0", "frame-shift=-0.01"],
    "apply_cmvn": ["skip-dims=1:-2", "skip-dims=1:x"],
    "arpa2fst": ["max-arpa-warnings=-2"],
    "compile_train_graphs": ["batch-size=0", "transition-scale=-1", "self-loop-scale=-1"],
    "compute_fbank_feats": [
        "num-mel-bins=0", "num-mel-bins=2", "num-mel-bins=-40", "num-mel-bins=999999999", "frame-shift=0",
        "frame-length=-25", "frame-length=1e30", "frame-length=inf", "low-freq=-1", "low-freq=9000", "high-freq=10",
        "high-freq=8001", "high-freq=-8000", "dither=-1", "preemphasis-coefficient=1.5", "sample-frequency=0",
        "energy-floor=-1", "channel=-2", "min-duration=-1",
    ],
    "compute_mfcc_feats": ["num-ceps=0", "num-ceps=24", "cepstral-lifter=-22", "frame-length=0", "dither=inf"],
    "compute_vad": [
        "vad-proportion-threshold=0", "vad-proportion-threshold=1", "vad-energy-mean-scale=-0.5",
        "vad-frames-context=-1", "vad-energy-threshold=inf",
    ],
    "copy_feats": ["compression-method=0", "compression-method=8"],
    "decode_faster_mapped": [
        "acoustic-scale=-1", "beam=0", "beam=-16", "max-active=1", "max-active=0", "min-active=-1", "beam-delta=-1",
        "hash-ratio=0.5", "max-active=20", "max-active=2147483648",
    ],
    "extract_segments": ["min-segment-length=-1", "max-overshoot=-1"],
    "fstcomposecontext": ["context-size=0", "central-position=-1", "central-position=3"],
    "fstdeterminizestar": ["delta=-1", "max-states=-2"],
    "fstisstochastic": ["delta=-0.01"],
    "fstminimizeencoded": ["delta=0", "delta=-1"],
    "fstpushspecial": ["delta=-1"],
    "gmm_align_compiled": [
        "acoustic-scale=0", "acoustic-scale=-0.1", "beam=0", "beam=-1", "retry-beam=-40", "transition-scale=-1",
        "self-loop-scale=-1", "retry-beam=200",
    ],
    "gmm_boost_silence": ["boost=-1", "boost=inf", "boost=0"],
    "gmm_est": [
        "mix-up=-1", "mix-down=-1", "min-count=-1", "power=-0.2", "perturb-factor=-1", "transition-floor=-0.01",
        "transition-floor=1", "transition-min-count=-5", "min-gaussian-weight=-1", "min-gaussian-weight=1",
        "min-gaussian-occupancy=-1", "min-variance=-1", "update-flags=x",
    ],
    "gmm_init_mono": ["perturb-factor=-1"],
    "make_h_transducer": ["transition-scale=-1"],
    "subset_feats": ["n=0", "n=-10"],
}  # fmt: skip
# What Kaldi can work with, however unusual, is taken: the program goes on and finds that its files are not there.
TAKEN = {
    "compute_fbank_feats": ["high-freq=-500", "high-freq=8000", "dither=0", "channel=1", "num-mel-bins=3",
                            "preemphasis-coefficient=0", "vtln-high=-500", "low-freq=0"],
    "compute_mfcc_feats": ["cepstral-lifter=0", "num-ceps=23"],
    "compute_vad": ["vad-energy-threshold=-5", "vad-energy-mean-scale=0"],
    "decode_faster_mapped": ["beam=inf", "acoustic-scale=0", "min-active=0", "beam=1e39"],
    "extract_segments": ["max-overshoot=inf", "min-segment-length=0"],
    "fstrmsymbols": ["penalty=-2", "penalty=inf"],
    "gmm_align_compiled": ["retry-beam=0", "retry-beam=400", "transition-scale=0", "beam=+10"],
    "gmm_boost_silence": ["boost=1", "boost=0.1"],
    "arpa2fst": ["max-arpa-warnings=-1"],
    "subset_feats": ["n=10"],
}  # fmt: skip


def run(name, option, tmp_path, monkeypatch, capsys):
    """Status and message of a program with an option and, for arguments, files that are not there."""
    monkeypatch.chdir(tmp_path)
    main = importlib.import_module(f"kaldi_programs.{name}").main
    usage = {"gmm_boost_silence": ["1"], "gmm_init_mono": ["no/topo", "13"]}.get(name, [])
    for count in range(6, 0, -1):  # as many as it takes
        arguments = [*usage, *[f"ark:no/{i}" for i in range(6)]][:count]
        status = main([f"--{option}", *arguments])
        if "Usage:" not in (message := capsys.readouterr().err):
            return status, message.splitlines()[-1]
    raise AssertionError(message)


@pytest.mark.parametrize("name, option", [(name, option) for name in REFUSED for option in REFUSED[name]])
def test_a_value_out_of_range_is_refused_before_anything_is_opened_or_made(
    name, option, tmp_path, monkeypatch, capsys
):
    status, message = run(name, option, tmp_path, monkeypatch, capsys)
    assert status == 1 and f"--{option.partition('=')[0]}" in message and "no/" not in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name, option", [(name, option) for name in TAKEN for option in TAKEN[name]])
def test_a_value_that_kaldi_can_use_is_taken(name, option, tmp_path, monkeypatch, capsys):
    status, message = run(name, option, tmp_path, monkeypatch, capsys)
    assert status == 1 and "no/" in message and "option" not in message


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_no_number_is_refused_for_every_numeric_option(name, capsys):
    main = importlib.import_module(f"kaldi_programs.{name}").main
    main(["--help"])
    for option, kind in re.findall(r"--([\w-]+) +: .*\((int|float)\b", capsys.readouterr().err):
        for value in ("nan", "", "1_0", "\u0663", "0x10", "1,5", *(["1.5", "inf", "4294967296"] * (kind == "int"))):
            assert main([f"--{option}={value}"]) == 1
            assert f"Invalid option --{option}={value}: expected" in capsys.readouterr().err


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_default_may_be_given_as_well(name, capsys):
    main = importlib.import_module(f"kaldi_programs.{name}").main
    main(["--help"])
    for option, default in re.findall(r'--([\w-]+) +: .*, default = "?([^"\n]*)"?\)$', capsys.readouterr().err, re.M):
        if option != "config":
            assert main([f"--{option}={default}", "--help"]) == 0


def test_a_range_stands_in_the_help_and_in_the_refusal(capsys):
    main = importlib.import_module("kaldi_programs.compute_vad").main
    main(["--help"])
    assert "(float > 0, < 1, default = 0.6)" in capsys.readouterr().err
    main(["--vad-proportion-threshold=1", "a", "b"])
    assert "expected --vad-proportion-threshold=a number > 0, < 1" in capsys.readouterr().err


def test_a_wrong_value_in_a_configuration_file_is_refused_with_the_file(tmp_path, capsys):
    (tmp_path / "fbank.conf").write_text("--num-mel-bins=40  # as in the paper\n--frame-shift=0\n")
    main = importlib.import_module("kaldi_programs.compute_fbank_feats").main
    assert main([f"--config={tmp_path}/fbank.conf", "scp:no", "ark:no"]) == 1
    message = capsys.readouterr().err
    assert "--frame-shift=0" in message and "fbank.conf" in message and "> 0" in message
