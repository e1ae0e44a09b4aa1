"""Options, usage, log lines and exit status, as every Kaldi program has them."""

import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from asrser_io.files import Failure
from kaldi_programs.common import program as frame
from kaldi_programs.common.program import Option, program, vlog


@program(
    "test-program [options] <first> [<second>]",
    Option("count", 3, "an integer"),
    Option("scale", 0.5, "a number"),
    Option("fast", False, "a truth value"),
    Option("window-type", "povey", "a word"),
    arguments=(1, 2),
)
def main(options, first, second="nothing"):
    vlog(2, "told only when asked")
    if first == "fail":
        raise Failure("utt1 in feats.ark: truncated")
    if first == "missing":
        Path("/no/such/file").read_text()
    print(options.count, options.scale, options.fast, options.window_type, first, second)


def answer(capsys, *words) -> str:
    assert main(list(words)) == 0
    return capsys.readouterr().out.strip()


def refusal(capsys, *words) -> str:
    assert main(list(words)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_defaults_hold_where_no_option_is_given(capsys):
    assert answer(capsys, "a") == "3 0.5 False povey a nothing"


def test_options_take_their_values_and_the_rest_are_arguments(capsys):
    given = ["--count=-7", "--scale=1e-2", "--fast=true", "--window-type=hamming", "a", "b"]
    assert answer(capsys, *given) == "-7 0.01 True hamming a b"


def test_a_bare_truth_option_is_true_and_names_may_have_capitals_and_underscores(capsys):
    assert answer(capsys, "--fast", "--Window_Type=sine", "a") == "3 0.5 True sine a nothing"


def test_options_end_at_the_first_argument_and_at_a_double_dash(capsys):
    assert answer(capsys, "a", "--fast") == "3 0.5 False povey a --fast"
    assert answer(capsys, "--", "--fast") == "3 0.5 False povey --fast nothing"


@pytest.mark.parametrize(
    "word, expected",
    [
        ("--speed=1", "no such option"),
        ("--count=3.5", "--count=an integer"),
        ("--scale=much", "--scale=a number"),
        ("--fast=maybe", "--fast=true or false"),
        ("--fast=", "--fast=true or false"),
        ("--window-type", "--window-type=text"),
    ],
)
def test_a_wrong_option_is_refused_by_name(capsys, word, expected):
    message = refusal(capsys, word, "a")
    assert "ERROR" in message and word in message and expected in message


@pytest.mark.parametrize("words", [[], ["a", "b", "c"]])
def test_a_wrong_number_of_arguments_prints_the_usage_and_the_command_line(capsys, words):
    message = refusal(capsys, *words)
    assert "Usage: test-program [options] <first> [<second>]" in message
    assert "Command line was: test-program" in message


def test_help_shows_usage_types_and_defaults_and_succeeds(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().err
    assert "Options, usage, log lines" in text  # the docstring of the module
    assert "--window-type" in text and '(str, default = "povey")' in text
    assert "(bool, default = false)" in text and "--config" in text


def test_the_command_line_is_echoed_so_that_it_can_be_pasted_into_a_shell(capsys):
    main(["--count=1", "ark:cat x |", "it's"])
    assert capsys.readouterr().err.splitlines()[0] == """test-program --count=1 'ark:cat x |' "it's\""""
    main(["--print-args=false", "a"])
    assert capsys.readouterr().err == ""


def test_a_configuration_file_sets_options_and_the_command_line_prevails(capsys, tmp_path):
    first, second = tmp_path / "first.conf", tmp_path / "second.conf"
    first.write_text("# a comment\n\n--count=5   # why five\n--scale=2\n")
    second.write_text("--scale=4\n")
    words = [f"--config={first}", "--count=6", f"--config={second}", "a"]
    assert answer(capsys, *words) == "6 4.0 False povey a nothing"


def test_a_configuration_file_of_another_editor_is_read_and_one_in_another_encoding_refused(capsys, tmp_path):
    conf = tmp_path / "windows.conf"
    conf.write_bytes("# größer\r\n--count=5\r\n--scale=2".encode("utf-8-sig"))
    assert answer(capsys, f"--config={conf}", "a") == "5 2.0 False povey a nothing"
    conf.write_bytes("--count=5\n# größer\n".encode("latin-1"))
    assert f"{conf}, line 2: byte 0xF6 is not UTF-8" in refusal(capsys, f"--config={conf}", "a")


def test_a_wrong_line_in_a_configuration_file_is_refused_with_the_file(capsys, tmp_path):
    conf = tmp_path / "wrong.conf"
    for line, expected in [("count=5", "line 1"), ("--speed=5", "no such option")]:
        conf.write_text(f"{line}\n")
        message = refusal(capsys, f"--config={conf}", "a")
        assert str(conf) in message and expected in message
    assert "no.conf" in refusal(capsys, f"--config={tmp_path}/no.conf", "a")


def test_a_failure_is_one_line_without_a_traceback(capsys):
    lines = refusal(capsys, "fail").splitlines()
    assert lines[1:] == ["ERROR (test-program:main()) utt1 in feats.ark: truncated"]
    assert "No such file" in refusal(capsys, "missing")
    assert "Traceback" in refusal(capsys, "--verbose=1", "fail")


def test_verbose_messages_appear_from_their_level_on(capsys):
    for level, seen in [(1, False), (2, True)]:
        main([f"--verbose={level}", "a"])
        assert ("VLOG[2] (test-program:main()) told only when asked" in capsys.readouterr().err) == seen


def test_ctrl_c_ends_with_status_130(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(frame, "_parse", interrupt)
    assert main(["a"]) == 130


def script(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


def test_a_program_whose_reader_goes_away_ends_as_by_sigpipe(tmp_path):
    archive = tmp_path / "words"
    archive.write_text("".join(f"utt{i:05} {i} \n" for i in range(50000)))
    child = subprocess.Popen(
        [script("copy-int-vector"), f"ark:{archive}", "ark,t:-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None and child.stderr is not None
    child.stdout.read(100)
    child.stdout.close()
    errors = child.stderr.read().decode()
    assert child.wait() == -signal.SIGPIPE
    assert "Traceback" not in errors


def test_models_trees_graphs_and_symbols_are_read_from_process_substitutions(golden):
    commands = """
        gmm-info <(cat mono/final.mdl) | grep gaussians
        tree-info <(cat mono/tree) | grep num-pdfs
        fstprint lang/G.fst | cmp - <(fstprint <(cat lang/G.fst))
        show-transitions <(cat lang/phones.txt) <(cat mono/final.mdl) | grep -c Transition-id
        ali-to-pdf <(cat mono/final.mdl) ark:<(cat mono/ali.txt) ark,t:- | cmp - mono/pdf.txt && echo same
    """
    environment = os.environ | {"PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"}
    command = ["bash", "-e", "-o", "pipefail", "-c", commands]
    done = subprocess.run(command, cwd=golden, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["number of gaussians 995", "num-pdfs 144", "288", "same"], done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_behind_standard_output_is_an_error(tmp_path):
    archive = tmp_path / "words"
    archive.write_text("utt1 1 2 3 \n")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [script("copy-int-vector"), f"ark:{archive}", "ark,t:-"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert "cannot write standard output: No space left on device" in done.stderr


def test_no_program_imports_torch_or_a_wheel_before_it_needs_it():
    """What is imported at the start is paid for some 500 times in a monophone training."""
    code = (
        "import sys, pkgutil, importlib, kaldi_programs\n"
        "for module in ('copy_feats', 'apply_cmvn', 'add_deltas', 'compute_mfcc_feats', 'extract_segments'):\n"
        "    importlib.import_module(f'kaldi_programs.{module}')\n"
        "late = {'torch', 'scipy', 'soundfile', 'kaldifst', 'kaldi_native_fbank', 'subprocess'}\n"
        "print(*sorted(late & set(sys.modules)))"
    )
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert imported.strip() == ""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="numpy has one thread anyway")
def test_a_program_keeps_to_one_core_however_it_is_started():
    code = (
        "import os, sys, {modules}\n"
        "import numpy as np\n"
        "x = np.ones((500, 500), np.float32)\n"
        "x @ x\n"
        "print(len(os.listdir('/proc/self/task')))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}

    def threads(modules):
        command = [sys.executable, "-c", code.format(modules=modules)]
        return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)

    assert threads("kaldi_programs.compute_mfcc_feats") == 1 < threads("json")
