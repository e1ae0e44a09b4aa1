"""compute-wer against Kaldi's own output, and its modes."""

import pytest

from kaldi_programs import compute_wer


@pytest.fixture
def score(tmp_path, monkeypatch, capfd):
    """Score texts given as lines; returns the exit status, the output lines and the messages."""
    monkeypatch.chdir(tmp_path)

    def score(ref: str, hyp: str, *options: str):
        (tmp_path / "ref").write_text(ref)
        (tmp_path / "hyp").write_text(hyp)
        status = compute_wer.main([*options, "ark:ref", "ark:hyp"])
        output, messages = capfd.readouterr()
        return status, output.splitlines(), messages

    return score


@pytest.mark.parametrize("scale", ["1.0", "0.5", "0.2"])
def test_the_lines_are_kaldis(golden, capfd, scale):
    tables = [f"ark:{golden / 'decode/ref39.txt'}", f"ark:{golden / f'decode/hyp39.{scale}.txt'}"]
    assert compute_wer.main(["--text", "--mode=present", *tables]) == 0
    assert capfd.readouterr().out == (golden / f"decode/wer.{scale}.txt").read_text()


@pytest.mark.parametrize(
    "hyp, counts",
    [
        ("a b c d", "0 / 4, 0 ins, 0 del, 0 sub"),
        ("a x c d", "1 / 4, 0 ins, 0 del, 1 sub"),
        ("a c d", "1 / 4, 0 ins, 1 del, 0 sub"),
        ("a b x c d", "1 / 4, 1 ins, 0 del, 0 sub"),
        ("", "4 / 4, 0 ins, 4 del, 0 sub"),
        ("x a b d y", "3 / 4, 2 ins, 1 del, 0 sub"),
    ],
)
def test_each_kind_of_error_is_counted(score, hyp, counts):
    status, output, _ = score("u a b c d\n", f"u {hyp}\n")
    assert status == 0
    errors = int(counts.split()[0])
    assert output[0] == f"%WER {25 * errors:.2f} [ {counts} ]"
    assert output[1] == f"%SER {100 * (errors > 0):.2f} [ {int(errors > 0)} / 1 ]"


def test_a_no_break_space_is_part_of_a_word(score):
    status, output, _ = score("u a\u00a0b c\u2003d\n", "u a\u00a0b c d\n")
    assert (status, output[0]) == (0, "%WER 100.00 [ 2 / 2, 1 ins, 0 del, 1 sub ]")


REF, HYP = "u1 a b\nu2 c d\n", "u2 c d\n"


def test_a_missing_hypothesis_is_an_error_when_strict(score):
    status, output, messages = score(REF, HYP)
    assert (status, output) == (1, [])
    assert "no hypothesis for u1" in messages


def test_a_missing_hypothesis_is_left_out_when_present_ones_are_asked_for(score):
    assert score(REF, HYP, "--mode=present")[:2] == (
        0,
        [
            "%WER 0.00 [ 0 / 2, 0 ins, 0 del, 0 sub ] [PARTIAL]",
            "%SER 0.00 [ 0 / 1 ]",
            "Scored 1 sentences, 1 not present in hyp.",
        ],
    )


def test_a_missing_hypothesis_counts_as_empty_when_all_are_asked_for(score):
    assert score(REF, HYP, "--mode=all")[:2] == (
        0,
        [
            "%WER 50.00 [ 2 / 4, 0 ins, 2 del, 0 sub ] [PARTIAL]",
            "%SER 50.00 [ 1 / 2 ]",
            "Scored 2 sentences, 1 not present in hyp.",
        ],
    )


def test_an_unknown_mode_is_refused(score):
    status, _, messages = score(REF, HYP, "--mode=some")
    assert status == 1 and "expected --mode=strict or present or all" in messages


def test_nothing_to_score_is_an_error_and_not_zero_errors(score):
    status, output, messages = score(REF, "u3 a\n", "--mode=present")
    assert (status, output) == (1, [])
    assert "nothing to score" in messages
