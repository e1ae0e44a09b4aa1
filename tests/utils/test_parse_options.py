"""utils/parse_options.sh, through a script that prints what it was given."""

import re
import subprocess

import pytest

SCRIPT = """#!/usr/bin/env bash
# Show the options.
#
# Usage: show.sh [options] <argument>
#
# Options, given as --name value:
nj=4                   # parallel jobs
use_graphs=false       # whether
cmd=run.pl             # how
scale_opts="--a=1 --b=2"  # a list of words
name=                  # may stay empty
dir=.                  # not a number
# End options
set -eu
hidden=1
. ROOT/utils/parse_options.sh
echo "$nj|$use_graphs|$cmd|$scale_opts|$name|$hidden|$*"
"""


@pytest.fixture
def show(root, tmp_path):
    script = tmp_path / "show.sh"
    script.write_text(SCRIPT.replace("ROOT", str(root)))
    script.chmod(0o755)
    return lambda *words: subprocess.run([script, *words], capture_output=True, text=True)


def test_options_become_variables_and_arguments_stay(show):
    result = show("--use-graphs", "true", "--nj", "8", "--name", "two words", "--dir", "/tmp", "data", "--nj")
    assert result.stdout == "8|true|run.pl|--a=1 --b=2|two words|1|data --nj\n"


@pytest.mark.parametrize(
    "words, message",
    [
        (["--num-jobs", "4"], "no such option: --num-jobs"),
        (["--hidden", "2"], "no such option: --hidden"),
        (["--PATH", "x"], "no such option: --PATH"),
        (["--use-graphs", "yes"], "--use-graphs is true or false, not 'yes'"),
        (["--nj", "four"], "--nj is a number, not 'four'"),
        (["--nj=4"], "options are given as '--name value', not '--nj=4'"),
        (["--nj"], "--nj needs a value"),
        (["--cmd", ""], "--cmd is empty"),
        (["--config", "nowhere.conf"], "no such file: nowhere.conf"),
    ],
)
def test_a_wrong_option_is_refused_by_name(show, words, message):
    result = show(*words)
    assert result.returncode == 1 and not result.stdout
    assert "show.sh: " in result.stderr and message in result.stderr


def test_the_command_line_wins_over_the_file(show, tmp_path):
    config = tmp_path / "options.conf"
    config.write_text("# comment\n--nj=6   # enough\nuse_graphs=true\nname='in quotes'\n")
    assert show("--nj", "2", "--config", config).stdout == "2|true|run.pl|--a=1 --b=2|in quotes|1|\n"


def test_a_file_is_told_off_by_line(show, tmp_path):
    config = tmp_path / "options.conf"
    config.write_text("--nj=6\n--jobs=3\n")
    result = show("--config", config)
    assert result.returncode == 1
    assert f"{config}, line 2: no such option: --jobs" in result.stderr


def test_a_file_is_not_run_as_a_program(show, tmp_path):
    config = tmp_path / "options.conf"
    config.write_text(f"touch {tmp_path}/made\n")
    assert "line 1: expected --name=value" in show("--config", config).stderr


def test_a_config_file_is_text_with_each_option_once(show, tmp_path):
    config = tmp_path / "options.conf"
    config.write_bytes(b"\xef\xbb\xbf--nj=6\r\n--use-graphs=true\r\n")  # by an editor on Windows
    assert show("--config", config).stdout == "6|true|run.pl|--a=1 --b=2||1|\n"
    config.write_text("--nj=6\n\n--nj=7\n")
    assert f"{config}, line 3: --nj is there a second time, after line 1" in show("--config", config).stderr
    config.write_bytes("--nj=6\n".encode("utf-16"))
    result = show("--config", config)
    assert f"{config}: holds zero bytes: it is in UTF-16" in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "made").exists()


def test_help_is_the_header_with_the_defaults(show):
    result = show("--help")
    assert result.returncode == 0
    assert "Usage: show.sh [options] <argument>" in result.stdout
    assert "--use-graphs       whether [false]" in result.stdout
    assert "End options" not in result.stdout and "hidden" not in result.stdout


RANGES = """#!/usr/bin/env bash
# Options, given as --name value:
nj=4              # integer >= 1: parallel jobs
part=0.05         # number in 0..1: a share
beam=13           # number > 0: a width, which may be 9.5
scales="0.1 1"    # numbers > 0: one or more
layers=0,3        # integers in 0..5: one or more, with commas between
folds=            # integer >= 0: may stay empty
# End options
set -eu
. ROOT/utils/parse_options.sh
echo "$nj|$part|$beam|$scales|$layers|$folds"
"""


@pytest.fixture
def ranges(root, tmp_path):
    script = tmp_path / "ranges.sh"
    script.write_text(RANGES.replace("ROOT", str(root)))
    script.chmod(0o755)
    return lambda *words: subprocess.run([script, *words], capture_output=True, text=True)


def test_numbers_in_their_ranges_are_taken_as_they_are_written(ranges):
    words = ["--nj", "12", "--part", "1", "--beam", "9.5e1", "--scales", "  .5 2.", "--layers", "5", "--folds", "0"]
    assert ranges(*words).stdout == "12|1|9.5e1|  .5 2.|5|0\n"
    assert ranges("--part", "0", "--folds", "").stdout == "4|0|13|0.1 1|0,3|\n"


@pytest.mark.parametrize(
    "option, expected, values",
    [
        ("--nj", "is an integer >= 1", ["0", "-1", "1.5", "", "08", "1e3", "four", "1 2", "9" * 20]),
        ("--part", "is a number in 0..1", ["2", "-0.1", "1.0001", "nan", "inf", "0,5", ""]),
        ("--beam", "is a number > 0", ["0", "-3", "nan", "inf", "1e999", "0x10", "NaN", "-inf"]),
        ("--scales", "are numbers > 0", ["", " ", "0.1 0", "0.1 nan", "0.1,0.2", "0.1\nx"]),
        ("--layers", "are integers in 0..5", ["6", "0,6", "0,,3", "3,", ",3", "0 3", "none", "", "0.5"]),
        ("--folds", "is an integer >= 0", ["-1", "all", "2.0"]),
    ],
)
def test_numbers_out_of_their_ranges_are_refused_with_the_range(ranges, option, expected, values):
    for value in values:
        result = ranges(option, value)
        assert (result.returncode, result.stdout) == (1, ""), value
        assert result.stderr.endswith(f"ranges.sh: {option} {expected}, not '{value}'\n")


def test_a_number_of_a_file_must_be_in_its_range_too(ranges, tmp_path):
    (tmp_path / "options.conf").write_text("--beam=9   # narrow\n--nj=0\n")
    result = ranges("--config", tmp_path / "options.conf")
    assert f"{tmp_path}/options.conf, line 2: --nj is an integer >= 1, not '0'" in result.stderr


def test_every_option_that_is_a_number_states_its_range(root):
    scripts = [root / "run.sh"]
    for folder in ("recipe", "local", "steps", "utils"):
        scripts += (root / folder).rglob("*.sh")
    assert len(scripts) > 30
    number = re.compile(r'[a-z_]+="?-?[0-9]*\.?[0-9]+( |"|$)')
    stated = re.compile(r" # (integer|number)s? (>=?|in) [0-9.]+: ")
    for script in scripts:
        block = re.search(r"^# Options, given.*?^# End options", script.read_text(), re.MULTILINE | re.DOTALL)
        for line in block.group().splitlines() if block else []:
            # Of a range that is open at its upper end, its script says more.
            assert not number.match(line) or stated.search(line) or "silence_prob" in line, f"{script.name}: {line}"
