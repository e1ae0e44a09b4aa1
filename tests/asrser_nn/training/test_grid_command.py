"""`asrser_nn grid` calls the other commands; tests/end_to_end/test_ser.py sees it train."""

import pytest
from click.testing import CliRunner

from asrser_nn.__main__ import cli


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ("fly exp/a", "there is no command 'fly'"),
        ("info", "info: Missing argument 'MODEL'"),
        ("info exp/a --loud", "info: No such option"),
    ],
)
def test_a_line_that_is_no_command_is_named_and_leaves_nothing_complete(tmp_path, commands, said):
    (tmp_path / "runs").write_text(f"{tmp_path}/a\t{commands}\n")
    result = CliRunner().invoke(cli, ["grid", str(tmp_path / "runs")])
    assert result.exit_code == 1
    assert said in result.stderr and f"{tmp_path}/a" in result.stderr
    assert not (tmp_path / "a/commands").exists()
