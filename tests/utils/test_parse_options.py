"""utils/parse_options.sh, through a script that prints what it was given."""

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
    assert not (tmp_path / "made").exists()


def test_help_is_the_header_with_the_defaults(show):
    result = show("--help")
    assert result.returncode == 0
    assert "Usage: show.sh [options] <argument>" in result.stdout
    assert "--use-graphs       whether [false]" in result.stdout
    assert "End options" not in result.stdout and "hidden" not in result.stdout
