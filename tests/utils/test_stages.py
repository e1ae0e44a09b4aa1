"""utils/stages.sh: what outputs were made with is kept, and what was made with something else is refused."""

import os
import subprocess
import sys

import pytest

RECIPE = """#!/usr/bin/env bash
# Two stages: words, and their number.
#
# Options, given as --name value:
dir=.              # outputs lie here
stage=1            # integer in 1..2: first stage
stop_stage=2       # integer in 1..2: last stage
only_check=false   # true: only look
words=one          # what is written
unit=words         # what is counted
threads=1          # integer >= 1: changes no result
# End options
set -eu -o pipefail
here=ROOT
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/utils/stages.sh"

what_is_made_with_what() {
  made_with 1 words data '' "words: $words"
  made_with 2 number 'exp/number*' words "unit: $unit" "letters: $(wc -m <"$dir/data/words" 2>/dev/null || echo '?')"
}
write() { echo "$words" >"$dir/data/words"; }
count() { [ "$unit" != none ] && wc -w <"$dir/data/words" >"$dir/exp/number"; }
begin_stages
mkdir -p "$dir"/{data,exp}
if stage 1 "words"; then
  once words "$dir/data/words" write
  what_is_made_with_what
fi
if stage 2 "their number"; then
  needs 1 "$dir/data/words"
  once number "$dir/exp/number" count
fi
end_stages
"""


@pytest.fixture
def recipe(root, tmp_path):
    script = tmp_path / "recipe.sh"
    script.write_text(RECIPE.replace("ROOT", str(root)))
    script.chmod(0o755)

    def recipe(*words, cwd=tmp_path):
        environment = {**os.environ, "PYTHON": sys.executable}
        command = [str(word) for word in (script, "--dir", "work", *words)]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)

    return recipe


@pytest.fixture
def made(recipe, tmp_path):
    """A work directory with both outputs, made with one word."""
    assert recipe().returncode == 0
    return tmp_path / "work"


def refusal(result):
    assert result.returncode == 1 and not result.stdout
    (line,) = result.stderr.splitlines()
    return line.partition("/recipe.sh: ")[2]


def test_what_was_made_with_what_can_be_read(made):
    assert (made / "made_with/words").read_text() == "place: data\nwords: one\noutput: data/words\n"
    assert (made / "made_with/number").read_text() == (
        "place: exp/number*\nwords: one\nunit: words\nletters: 4\noutput: exp/number\n"
    )


def test_the_same_again_is_complete(made, recipe):
    result = recipe("--threads", 2)
    assert result.returncode == 0 and result.stdout.count("was complete") == 2


@pytest.mark.parametrize("spelling", ["./work/", "../{parent}/work", "link", "work/data/.."])
def test_the_work_directory_is_one_however_it_is_spelt(made, recipe, tmp_path, spelling):
    (tmp_path / "link").symlink_to("work")
    before = {file: file.read_bytes() for file in (made / "made_with").iterdir()}
    result = recipe("--dir", spelling.format(parent=tmp_path.name))
    assert result.returncode == 0 and result.stdout.count("was complete") == 2
    assert {file: file.read_bytes() for file in (made / "made_with").iterdir()} == before


@pytest.mark.parametrize("options", [[], ["--stage", "2"], ["--stop-stage", "1"], ["--only-check", "true"]])
def test_another_option_is_refused_by_what_was_made_asked_for_and_to_be_removed(made, recipe, options):
    assert refusal(recipe("--words", "two words", *options)) == (
        f"{made}/data/words was made with 'words: one', but asked for is 'words: two words'; "
        "choose another --dir, or remove there: data exp/number*"
    )
    assert (made / "data/words").read_text() == "one\n"


def test_an_option_of_a_later_stage_does_not_concern_the_earlier_ones(made, recipe):
    assert recipe("--unit", "letters", "--stop-stage", 1).returncode == 0
    assert "remove there: exp/number*" in refusal(recipe("--unit", "letters"))


def test_what_was_removed_is_made_anew_with_other_options(made, recipe):
    (made / "exp/number").unlink()
    assert recipe("--unit", "letters").returncode == 0
    assert "unit: letters" in (made / "made_with/number").read_text()
    assert "unit: letters" in refusal(recipe())


def test_a_source_made_anew_with_other_options_does_not_pass_for_the_old_one(made, recipe):
    (made / "data/words").unlink()
    assert recipe("--words", "two words", "--stop-stage", 1).returncode == 0
    assert f"{made}/exp/number was made with 'words: one'" in refusal(recipe("--words", "two words"))
    assert f"{made}/data/words was made with 'words: two words'" in refusal(recipe("--stage", 2))


def test_what_an_earlier_stage_brings_about_is_compared_when_it_has(made, recipe):
    (made / "data/words").unlink()
    assert recipe().returncode == 0  # made anew, as it was
    (made / "data/words").write_text("more\n")
    assert f"{made}/exp/number was made with 'letters: 4', but asked for is 'letters: 5'" in refusal(recipe())


def test_outputs_of_which_nothing_is_known_are_refused(recipe, tmp_path):
    (tmp_path / "work/data").mkdir(parents=True)
    (tmp_path / "work/data/words").write_text("of an earlier version\n")
    for options in ([], ["--stage", "2"]):
        result = recipe(*options)
        assert result.returncode == 1
        assert f"{tmp_path}/work/data/words is there, but nothing in {tmp_path}/work/made_with says" in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_step_that_failed_leaves_nothing_to_refuse(recipe):
    assert recipe("--unit", "none").returncode == 1
    assert recipe("--unit", "letters").returncode == 0


def test_stages_in_the_wrong_order_are_refused(recipe, tmp_path):
    assert refusal(recipe("--stage", 2, "--stop-stage", 1)) == "--stop-stage 1 comes before --stage 2"
    assert not (tmp_path / "work").exists()


def test_a_check_makes_nothing(recipe, tmp_path):
    assert recipe("--only-check", "true").returncode == 0
    assert not (tmp_path / "work").exists()
