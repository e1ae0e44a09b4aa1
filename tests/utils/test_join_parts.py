"""utils/join_parts.sh and utils/tables.sh: the tables of parallel jobs, joined, counted and removed."""

import subprocess

import pytest


@pytest.fixture
def join(root, tmp_path):
    def join(*words):
        command = [root / "utils/join_parts.sh", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    return join


def write(file, *lines):
    file.write_text("".join(f"{line}\n" for line in lines))


def test_parts_are_joined_in_the_order_of_their_keys_whatever_part_they_are_in(join, tmp_path):
    # The order of speakers, s1 before s10, is not that of their utterances.
    write(tmp_path / "keys", "s10_u0 s10", "s1_u0 s1", "s1_u1 s1", "ä s")
    write(tmp_path / "words.1", "s1_u0 1 2", "s1_u1 3")
    write(tmp_path / "words.2", "s10_u0 4", "ä 5")
    assert join("keys", "words", 2).stderr == ""
    assert (tmp_path / "words.txt").read_text() == "s10_u0 4\ns1_u0 1 2\ns1_u1 3\nä 5\n"
    assert not list(tmp_path.glob("words.[0-9]"))


def test_a_key_that_is_the_beginning_of_another_comes_first(join, tmp_path):
    write(tmp_path / "keys", "a x", "a! x")
    write(tmp_path / "raw.1.scp", "a! file")
    write(tmp_path / "raw.2.scp", "a z")
    assert join("keys", "raw.JOB.scp", 2, "feats.scp").returncode == 0
    assert (tmp_path / "feats.scp").read_text() == "a z\na! file\n"


def test_eleven_parts_are_all_read(join, tmp_path):
    write(tmp_path / "keys", *(f"u{n:02} s" for n in range(1, 12)))
    for n in range(1, 12):
        write(tmp_path / f"words.{n}", f"u{n:02} {n}")
    assert join("keys", "words", 11).returncode == 0
    assert (tmp_path / "words.txt").read_text() == "".join(f"u{n:02} {n}\n" for n in range(1, 12))


@pytest.mark.parametrize(
    "parts, message",
    [
        ([["a 1", "b 2"], ["b 2"]], "words.* has b twice"),
        ([["a 1", "c 2"], ["b 2"]], "words.* has c, which is not in keys"),
        ([["a 1"], []], "1 of 2 utterances of keys in words.txt; lost: b; see words.*; no more than the part 0.05"),
        ([[], []], "0 of 2 utterances of keys in words.txt; lost: a b; see words.*"),
        ([["a 1"], None], "no such file: words.2"),
    ],
)
def test_what_does_not_fit_is_an_error_and_nothing_is_written(join, tmp_path, parts, message):
    write(tmp_path / "keys", "a x", "b x")
    for number, lines in enumerate(parts, 1):
        if lines is not None:
            write(tmp_path / f"words.{number}", *lines)
    result = join("keys", "words", 2)
    assert result.returncode == 1 and message in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "words.txt").exists() and (tmp_path / "words.1").exists()


def test_a_loss_is_an_error_just_above_the_share_that_is_allowed(join, tmp_path):
    write(tmp_path / "keys", *(f"u{n:02} s" for n in range(20)))
    for lost, share, status in ((1, 0.05, 0), (2, 0.05, 1), (2, 0.1, 0), (20, 1, 1), (19, 1, 0)):
        write(tmp_path / "words.1", *(f"u{n:02}" for n in range(lost, 20)))
        result = join("--max-lost", share, "keys", "words", 1)
        assert result.returncode == status, (lost, share)
        assert f"{20 - lost} of 20 utterances" in result.stderr
        assert ("warning: " in result.stderr) == (status == 0)


def test_of_many_lost_keys_ten_are_named(join, tmp_path):
    write(tmp_path / "keys", *(f"u{n:02} s" for n in range(20)))
    write(tmp_path / "words.1", *(f"u{n:02}" for n in range(12, 20)))
    names = " ".join(f"u{n:02}" for n in range(10))
    words = ["--what", "COUNT sentences aligned", "--log", "log/*", "keys", "words", 1]
    assert f"8 of 20 sentences aligned; lost: {names} and 2 more; see log/*;" in join(*words).stderr


def test_only_the_parts_of_jobs_are_removed(root, tmp_path):
    parts = ["raw.1.ark", "raw.12.ark", "raw.3.ark.tmp"]
    others = ["raw.dev.1.ark", "raw.1.scp", "raw.1.ark.old", "raw..ark", "raw.1x.ark", "raw.ark", "other.1.ark"]
    for name in [*parts, *others]:
        (tmp_path / name).touch()
    script = f'set -eu -o pipefail; . {root}/utils/tables.sh; remove_parts "$1"/raw.JOB.ark "$1"/none.JOB.gz'
    subprocess.run(["bash", "-c", script, "bash", tmp_path], check=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(others)
