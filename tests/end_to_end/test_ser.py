"""The SER recipe from a corpus folder to its summary, on made-up audio laid out as IEMOCAP is."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

CONFIG = """--channels=2,3                 # as small as can be
--hidden=8,8,8
--max-epochs=2
--learning-rate=0.003
"""


@pytest.fixture(scope="module")
def work(tones, tmp_path_factory) -> Path:
    work = tmp_path_factory.mktemp("ser")
    (work / "iemocap").symlink_to(tones)
    (work / "tiny.conf").write_text(CONFIG)
    return work


def recipe(root: Path, work: Path, *options: str) -> list[str]:
    config = ["--nnet-config", work / "tiny.conf"]
    return list(map(str, [root / "recipe/ser.sh", "--dir", work, *config, *options, "iemocap", work / "iemocap"]))


def run(root: Path, work: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(recipe(root, work, *options), capture_output=True, text=True)


def test_a_killed_run_is_continued_and_ends_with_the_figures_of_every_fold(root, work):
    with subprocess.Popen(
        recipe(root, work, "--folds", "2"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while not list(work.glob("exp/ser/fold_*/config")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode != 0
    assert not (work / "exp/ser/summary.txt").exists()

    result = run(root, work, "--folds", "2")
    assert result.returncode == 0, result.stderr
    assert "synthetic demo, no scientific meaning" in result.stdout
    summary = json.loads((work / "exp/ser/summary.json").read_text())
    utterances = summary["test"]["utterances"]
    assert list(utterances["error"]["by_fold"]) == ["Ses01F", "Ses01M"]
    assert utterances["total"] == 2 * 8
    assert summary["test"]["frames"]["classes"] == ["anger", "happiness", "sadness", "neutral", "silence"]
    assert (work / "exp/ser/fold_Ses01F/final.pt").exists()
    assert "Ses01F-Ses01F_impro01_F000" in (work / "exp/ser/fold_Ses01F/predictions_test.txt").read_text()


def test_the_silences_are_labelled_as_such(work):
    # 0.15 + 0.15 of 0.8 s, less what windows over the edges hear of the tone
    share = json.loads((work / "data/ser/silence.json").read_text())["silence"]["all"]["all"]
    assert 0.25 < share < 0.4


def test_the_partner_in_training_is_told_of(work):
    assert "Ses01M, the dialogue partner of test speaker Ses01F" in (work / "exp/ser/folds/Ses01F/split").read_text()


def test_what_is_complete_is_not_made_again(root, work):
    before = (work / "exp/ser/fold_Ses01F/final.pt").stat().st_mtime_ns
    result = run(root, work, "--folds", "2")
    assert result.returncode == 0
    assert result.stdout.count("was complete") == 2
    assert (work / "exp/ser/fold_Ses01F/final.pt").stat().st_mtime_ns == before


def test_the_same_corpus_and_speakers_in_other_words_are_the_same(root, work, tones):
    command = recipe(root, work, "--folds", "2", "--dev-speakers", "Ses05M,Ses05F")[:-1]
    result = subprocess.run([*command, f"{tones}/../{tones.name}/."], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("was complete") == 2


def test_a_corpus_that_is_prepared_anew_is_the_one_that_was(root, work):
    shutil.rmtree(work / "data/ser")
    (work / "data/ser").mkdir()
    (work / "data/ser/left").touch()
    result = run(root, work, "--folds", "2")
    assert result.returncode == 1 and "data/ser exists and is no data directory" in result.stderr
    shutil.rmtree(work / "data/ser")
    result = run(root, work, "--folds", "2")
    assert result.returncode == 0 and "was complete" in result.stdout.partition("Stage 10")[2], result.stderr


@pytest.mark.parametrize(
    "options, made, asked",
    [
        (["--leave-out", "session"], "folds/list was made with 'left out for the test: one speaker'", "one session'"),
        (["--dev-speakers", "Ses04F"], "list was made with 'speakers for early stopping: Ses05F Ses05M'", ": Ses04F'"),
        (["--allow-partial", "true"], "data/ser/corpus was made with 'a part of the SER corpus will do: f", ": true'"),
        (["--train-opts", "--patience 9"], "fold_Ses01F/final.pt was made with 'SER network, patience: 3'", ": 9'"),
        (["--stage", "10", "--nnet-config", "other.conf"], "pt was made with 'SER network, dropout: 0.4'", "0.1'"),
    ],
)
def test_other_options_are_refused(root, work, options, made, asked):
    (work / "other.conf").write_text(CONFIG + "--dropout=0.1\n")
    options = [option.replace("other.conf", str(work / "other.conf")) for option in options]
    result = run(root, work, "--folds", "2", *options)
    assert result.returncode == 1 and not result.stdout
    (line,) = result.stderr.splitlines()
    assert made in line and asked in line and "choose another --dir, or remove there: " in line


@pytest.mark.parametrize("kind", ["dialog/EmoEvaluation/*.txt", "sentences/wav/*/*.wav"])
def test_a_corpus_that_has_changed_is_refused(root, work, tones, kind):
    file = min(tones.glob(f"Session3/{kind}"))
    before = file.read_bytes()
    file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    result = run(root, work, "--folds", "2")
    file.write_bytes(before)
    assert result.returncode == 1 and not result.stdout
    assert f"({file.relative_to(tones)} is changed); choose another --dir" in result.stderr
    assert run(root, work, "--folds", "2", "--only-check", "true").returncode == 0


def test_another_corpus_in_the_same_folder_is_refused(root, work):
    (work / "other").mkdir(exist_ok=True)
    command = [*recipe(root, work)[:-1], str(work / "other")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert "choose another --dir" in result.stderr
