"""The whole study through ./run.sh, on a demo of a few sentences and with tiny networks."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from asrser_nn.network.model import load_model

DEMO = "synthetic demo, no scientific meaning"
TINY = "--channels=4,8\n--hidden=16,16,16\n--max-epochs=2\n"


@pytest.fixture(scope="module")
def corpora(root, tmp_path_factory):
    """The demo corpora, as stages 1 and 9 make them, but smaller."""
    corpora = tmp_path_factory.mktemp("corpora")
    for name, sentences in {"demo_asr": 2, "demo_ser": 1}.items():
        command = [sys.executable, root / f"local/{name}.py", "--sentences", str(sentences), corpora / name]
        subprocess.run(command, check=True, capture_output=True)
    return corpora


@pytest.fixture(scope="module")
def command(root, corpora, tmp_path_factory):
    """run.sh on the demo with tiny networks, in a folder that has the corpora; the words are further options."""
    tiny = tmp_path_factory.mktemp("tiny")
    (tiny / "asr.conf").write_text(TINY)
    (tiny / "ser.conf").write_text(f"{TINY}--learning-rate=0.003\n")
    (tiny / "study.conf").write_text("--folds=2\n")

    def command(work, *words):
        if not work.exists():
            shutil.copytree(corpora, work / "data")
        options = [
            "--dir",
            work,
            "--conf",
            tiny,
            "--layers",
            "0,5",
            "--stage",
            1,
            "--nj",
            1,
            "--device",
            "cpu",
            "--threads",
            1,
            "--hybrid",
            "false",
        ]
        return [str(word) for word in [root / "run.sh", *options, *words]]

    return command


def run(command, **variables):
    environment = {**os.environ, "PYTHON": sys.executable, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def interrupt(command, stage, seconds):
    """Press Ctrl-C so long after a stage has begun; returns what was printed until then."""
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    screen = ""
    while not screen.endswith("\n") or not screen.splitlines()[-1].startswith(f"Stage {stage}: "):
        line = process.stdout.readline()
        assert line, screen
        screen += line
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    screen += process.communicate(timeout=20)[0]
    assert process.returncode != 0
    return screen


def outlived(work, seconds=5):
    """Programs that work in the folder and are still there after a moment to end in."""
    deadline = time.monotonic() + seconds
    while alive := subprocess.run(["pgrep", "-f", "-a", str(work)], capture_output=True, text=True).stdout:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return alive


@pytest.fixture(scope="module")
def finished(command, tmp_path_factory):
    """A work directory after stages 1 to 8, each interrupted once, and what was printed after the last interruption."""
    work = tmp_path_factory.mktemp("work") / "wörk+1"
    for stage, seconds in {1: 0.1, 2: 0.05, 3: 0.15, 4: 1, 5: 0.1, 6: 0.15, 7: 1.5, 8: 1}.items():
        screen = interrupt(command(work, "--stage", stage - 1, "--stop-stage", 8), stage, seconds)
        assert "done in" not in screen.partition(f"Stage {stage}: ")[2], screen
        assert not outlived(work), "a program outlived its recipe"
    result = run(command(work, "--stage", 8, "--stop-stage", 8))
    assert result.returncode == 0, result.stdout + result.stderr
    return work, result.stdout


def test_all_stages_end_with_error_rates_on_dev_and_test(finished):
    work, screen = finished
    for system in ("mono", "asr"):
        for part in ("dev", "test"):
            wer = re.search(rf"%WER ([\d.]+) \[ \d+ / \d+, .* \] exp/{system}/decode_{part}/", screen)
            assert wer and 0 < float(wer[1]) <= 100
    for part in ("dev", "test"):
        assert 0 < float(re.search(rf"%FER ([\d.]+) \[ \d+ frames \] .*/{part}\n", screen)[1]) < 100
    assert DEMO in (work / "exp/RESULTS").read_text()


def test_the_calls_that_made_it_stand_beside_it(finished):
    work, _ = finished
    calls = [line.partition(" ") for line in (work / "exp/commands").read_text().splitlines()]
    assert calls[0][2].startswith("./run.sh --dir ") and calls[0][2].endswith(" --stage 0 --stop-stage 8")
    assert all(re.fullmatch(r"[0-9a-f]{40}\+?|unknown", commit) for commit, _, _ in calls)


def test_the_scale_of_test_is_the_one_chosen_on_dev(finished):
    work, _ = finished
    for system in ("mono", "asr"):
        chosen = (work / f"exp/{system}/decode_dev/best_scale").read_text()
        assert (work / f"exp/{system}/decode_test/best_scale").read_text() == chosen
        tried = [path.name for path in (work / f"exp/{system}/decode_test").glob("scale_*")]
        assert tried == [f"scale_{chosen.strip()}"]


def test_a_finished_run_is_only_looked_at_again(finished, command):
    work, _ = finished

    def times():
        files = [file for file in work.rglob("*") if file.is_file() and "log" not in file.parts]
        return {file: file.stat().st_mtime_ns for file in files if file.name not in ("RESULTS", "commands", ".lock")}

    before = times()
    result = run(command(work, "--stop-stage", 8))
    assert result.returncode == 0 and result.stdout.count("  was complete") == 8
    assert times() == before


def test_interruptions_leave_no_trace_in_the_features(finished, command, tmp_path):
    work = tmp_path / "work"
    for stage, stop_stage in ((1, 3), (6, 6)):
        result = run(command(work, "--stage", stage, "--stop-stage", stop_stage))
        assert result.returncode == 0, result.stderr
    assert "done in" in result.stdout
    files = [file.relative_to(work) for file in work.rglob("*") if file.is_file() and "log" not in file.parts]
    assert len(files) > 100
    for file in files:
        if file.name not in ("seconds", "commands", ".lock", "made_from"):
            assert content(work / file, work) == content(finished[0] / file, finished[0]), file


def content(file, work):
    return file.read_bytes().replace(str(work).encode(), b"")


@pytest.fixture(scope="module")
def study(finished, command):
    """The work directory after the whole study, stages 11 and 12 interrupted, and what the last part printed."""
    work, _ = finished
    result = run(command(work, "--stage", 9, "--stop-stage", 10))
    assert result.returncode == 0, result.stderr
    for stage, seconds in {11: 5, 12: 6}.items():
        interrupt(command(work, "--stage", stage), stage, seconds)
    result = run(command(work, "--stage", 11))
    assert result.returncode == 0, result.stderr
    return work, result.stdout


def scores(work):
    """What every run of the study gets right, by its directory."""
    results = json.loads((work / "exp/report/results.json").read_text())
    return {
        (run["experiment"], run["constant_layers"], run["fold"]): (run["counts"], run["confusion"])
        for run in results["runs"]
    }


def test_the_study_ends_with_a_report_of_every_run(study):
    work, screen = study
    folds = ("Ses01F", "Ses01M")
    baselines = {("asr", None, None), *(("ser", None, fold) for fold in folds)}
    transfers = {(name, n, fold) for name in ("asr2ser", "ser2asr") for n in (0, 5) for fold in folds}
    found = scores(work)
    assert set(found) == baselines | transfers
    for (name, _, _), (counts, _) in found.items():
        of_emotions, of_phones = ("E", "UE", "UE without silence", "WA", "UA"), ("FER", "PER", "PER without silence")
        measures = set(of_emotions if name.endswith("ser") else of_phones)
        assert set(counts["dev"]) == set(counts["test"]) == measures
    page = (work / "exp/report/index.html").read_text()
    assert DEMO in page and "2 of 8 folds" in page
    assert "from scratch" in screen and "exp/report/index.html" in screen


def test_a_part_of_the_study_is_summed_up_as_that_part(study, command):
    work, _ = study
    words = ["--folds", 1, "--layers", 5]
    for stage in (10, 13):
        result = run(command(work, "--stage", stage, *words))
        assert result.returncode == 1
        assert f"{work}/exp/ser/folds/list has 2 folds, others than --folds 1 asks for; run with" in result.stderr
    result = run(command(work, "--stage", 9, "--stop-stage", 10, *words))
    assert result.returncode == 0, result.stderr
    summary = json.loads((work / "exp/ser/summary.json").read_text())
    assert list(summary["test"]["frames"]["error"]["by_fold"]) == ["Ses01F"]
    result = run(command(work, "--stage", 13, *words))
    assert result.returncode == 0, result.stderr
    one_fold = {("ser", None, "Ses01F"), ("asr2ser", 5, "Ses01F"), ("ser2asr", 5, "Ses01F")}
    assert set(scores(work)) == {("asr", None, None), *one_fold}
    assert run(command(work, "--stage", 9)).returncode == 0
    assert len(scores(work)) == 3 + 8


def test_a_hybrid_is_audited_trained_decoded_and_in_the_report(study, command):
    work, _ = study
    asked = command(work, "--stage", 14, "--hybrid", "true", "--shared-layers", 5)
    result = run(asked)
    assert result.returncode == 0, result.stderr
    hybrids = work / "exp/hybrid/asr+ser"
    assert "in no run a speaker or an utterance stands in two parts" in (hybrids / "split").read_text()
    found = json.loads((work / "exp/report/results.json").read_text())["hybrid"]
    folds = ("Ses01F", "Ses01M")
    assert {(r["task"], r["shared_layers"], r["fold"]) for r in found["runs"]} == {
        (task, 5, fold) for task in ("asr", "ser") for fold in folds
    }
    compared = {(row["task"], row["measure"]): set(row["comparisons"]) for row in found["summary"]}
    assert compared["asr", "PER"] == {"scratch", "ser"} and compared["ser", "UA"] == {"scratch", "asr"}
    assert "Table 4 (hybrid of ASR and SER)" in (work / "exp/report/index.html").read_text()
    assert "first 5 layers shared" in result.stdout
    scale = json.loads((hybrids / "l5/fold_Ses01F/asr/hmm.json").read_text())["acoustic_scale"]
    assert scale == float((hybrids / "l5/fold_Ses01F/asr/decode_dev/best_scale").read_text())
    refused = run([*asked, "--hybrid-opts", "--batchnorm shared"])
    assert refused.returncode == 1 and "'options of the hybrid: --batchnorm shared'" in refused.stderr
    refused = run(command(work, "--stage", 14))
    assert refused.returncode == 1 and "stage 14 is of --hybrid true" in refused.stderr


def test_layers_held_constant_are_those_of_the_source(study):
    work, _ = study
    for task, source in (("asr2ser", "asr"), ("ser2asr", "ser/fold_Ses01F")):
        theirs = load_model(work / "exp" / source).network
        ours = load_model(work / f"exp/transfer/{task}/l5/fold_Ses01F").network
        for a, b in zip(theirs.layers[:5].state_dict().items(), ours.layers[:5].state_dict().items(), strict=True):
            assert a[0] == b[0] and (a[1] == b[1]).all()
        sums = json.loads((work / f"exp/transfer/{task}/l5/fold_Ses01F/transfer.json").read_text())
        assert len(sums["sha256_before"]) == 5 and sums["sha256_before"] == sums["sha256_after"]


def test_an_interrupted_study_ends_with_the_numbers_of_one_that_was_not(study, command):
    work, _ = study
    interrupted = scores(work)
    shutil.rmtree(work / "exp/transfer")
    result = run(command(work, "--stage", 11))
    assert result.returncode == 0, result.stderr
    assert scores(work) == interrupted


def test_controls_are_added_to_a_study_that_is_there(study, command):
    work, _ = study
    before = scores(work)
    result = run(command(work, "--stage", 11, "--controls", 5, "--random-draws", 1))
    assert result.returncode == 0, result.stderr
    after = scores(work)
    controls = {(f"{name}asr", 5, None) for name in ("asr2", "random2")}
    fitted = {"fitted+asr2ser", "fitted+ser2asr"}
    controls |= {(name, 5, fold) for name in ("ser2ser", "random2ser", *fitted) for fold in ("Ses01F", "Ses01M")}
    assert set(after) - set(before) == controls
    assert {key: after[key] for key in before} == before
    assert "PER" in after["random2asr", 5, None][0]["test"]
    for control in ("5 layers of its own", "5 layers of the other, fitted", "5 layers, random"):
        assert f"control: {control}" in result.stdout


@pytest.mark.parametrize(
    "words, message",
    [
        (["--nn", "4"], "no such option: --nn"),
        (["exp"], "unexpected argument: exp"),
        (["--asr-corpus", "swbd"], "--asr-corpus is "),
        (["--asr-corpus", "timit", "--timit", "/nowhere"], "--timit: no such folder: /nowhere"),
        (["--asr-corpus", "timit"], "this corpus needs its folder: --timit DIR"),
        (["--conf", "conf/none"], "--conf: no such file: conf/none/asr.conf"),
        (["--stage", "4"], "stage 4 needs "),
        (["--stage", "8"], "run with --stage 2"),
        (["--stage", "15"], "--stage is an integer in 0..14, not '15'"),
        (["--stage", "5", "--stop-stage", "3"], "--stop-stage 3 comes before --stage 5"),
        (["--seeds", "0"], "--seeds is an integer >= 1, not '0'"),
        (["--seeds", "2", "--seed", "2"], "--seeds 2 means the seeds 1 to 2; leave out the seed 2"),
        (["--folds", "-1"], "--folds is an integer >= 0, not '-1'"),
        (["--layers", "6"], "--layers 6: of the 6 layers at most 5 can be held constant, not 6"),
        (["--controls", "3"], "--controls 3: 3 is not among --layers 0,5"),
        (["--controls", "all"], "--controls is true, false, or some of --layers, such as 3, not 'all'"),
        (["--random-draws", "0"], "--random-draws is an integer >= 1, not '0'"),
        (["--hybrid", "yes"], "--hybrid is true or false, not 'yes'"),
        (["--hybrid", "true", "--shared-layers", "6"], "of the 6 layers at most 5 can be shared, not 6"),
        (["--hybrid", "true", "--tasks", "ser"], "--hybrid true: one task, ser, has nobody to share layers with"),
        (["--layers", "0,0"], "--layers 0,0: 0 stands there twice"),
        (["--nj", "0"], "--nj is an integer >= 1, not '0'"),
        (["--threads", "-1"], "--threads is an integer >= 0, not '-1'"),
        (["--train-jobs", "0"], "--train-jobs is an integer >= 1, not '0'"),
        (["--seed", "1.5"], "--seed is an integer >= 0, not '1.5'"),
        (["--device", "gpu"], "--device is auto, cpu or cuda, not 'gpu'"),
        (["--precision", "fp16"], "--precision is fp32, tf32 or bf16, not 'fp16'"),
        (["--silence-phone", "pau"], "--silence-phone is for a corpus of your own and librispeech; that of demo"),
        (["--leave-out", "word"], "or sentence; not 'word'"),
        (["--timit", "/"], "--timit is read with --asr-corpus timit, which is 'demo'"),
        (["--ser-data", "/"], "--ser-data is read with --ser-corpus data, which is 'demo'"),
    ],
)
def test_a_run_that_cannot_work_is_refused_in_one_line(command, tmp_path, words, message):
    result = run(command(tmp_path / "work", *words))
    assert result.returncode == 1 and "done in" not in result.stdout
    assert message in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "work/exp").exists()


def test_a_folder_without_recordings_is_refused(command, tmp_path):
    (tmp_path / "empty").mkdir()
    result = run(command(tmp_path / "work", "--asr-corpus", "timit", "--timit", tmp_path / "empty"))
    assert result.returncode == 1 and str(tmp_path / "empty") in result.stderr
    assert not (tmp_path / "work/data/asr/corpus").exists()


@pytest.mark.parametrize(
    "words, made, asked",
    [
        (["--seed", 2], "exp/asr/split was made with 'ASR network, seed: 1'", "'ASR network, seed: 2'"),
        (["--nj", 2], "exp/mono/final.mdl was made with 'jobs of monophone training (--nj): 1'", "(--nj): 2'"),
        (["--stage", 8, "--seed", 3], "exp/asr/split was made with 'ASR network, seed: 1'", "'ASR network, seed: 3'"),
        (["--precision", "bf16"], "exp/asr/split was made with 'ASR network, precision: fp32'", "precision: bf16'"),
        (["--conf", "{other}"], "exp/asr/split was made with 'ASR network, max-epochs: 2'", "max-epochs: 3'"),
        (["--asr-corpus", "timit", "--timit", "{other}"], "data/asr/corpus was made with 'ASR corpus: de", "{other}"),
    ],
)
def test_a_finished_work_directory_is_refused_to_other_options(finished, command, tmp_path, words, made, asked):
    work, _ = finished
    for task in ("asr", "ser"):
        (tmp_path / f"{task}.conf").write_text(TINY.replace("epochs=2", "epochs=3"))
    (tmp_path / "study.conf").write_text("--folds=2\n")
    words = [str(word).format(other=tmp_path) for word in words]
    result = run(command(work, "--stop-stage", 8, *words))
    assert result.returncode == 1 and "was complete" not in result.stdout
    (line,) = result.stderr.splitlines()
    assert f"{work}/{made}" in line and asked.format(other=tmp_path) in line
    assert "choose another --dir, or remove there: " in line


def test_what_our_programs_made_is_refused_to_a_compiled_kaldi(finished, command, tmp_path):
    names = ["bin/ali-to-pdf", "featbin/compute-mfcc-feats", "gmmbin/gmm-align-compiled", "fstbin/fsttablecompose"]
    for program in [*(tmp_path / "src" / name for name in names), tmp_path / "tools/openfst/bin/fstcompile"]:
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    result = run(command(finished[0], "--stop-stage", 8), KALDI_ROOT=str(tmp_path))
    assert result.returncode == 1 and not result.stdout
    assert "feats.scp was made with 'Kaldi programs: kaldi_programs', but asked for is 'Kaldi pr" in result.stderr


def test_other_words_for_the_same_study_are_the_same(finished, command, tmp_path):
    work, _ = finished
    (work.parent / "link").symlink_to(work)
    for task in ("asr", "ser"):
        lines = [f"{line}   # why" for line in reversed(TINY.splitlines())]
        (tmp_path / f"{task}.conf").write_text("# another file\n" + "\n".join(lines) + "\n--patience=3\n")
    (tmp_path / "study.conf").write_text("--folds=2\n")
    words = ["--dir", work.parent / "link/../link/.", "--conf", tmp_path, "--threads", 2, "--stop-stage", 8]
    result = run(command(work, *words))
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("  was complete") == 8


def test_what_was_made_of_a_demo_does_not_need_it_any_more(finished, command):
    work, _ = finished
    (work / "data/demo_asr").rename(work / "data/away")
    result = run(command(work, "--stage", 8, "--stop-stage", 8))
    (work / "data/away").rename(work / "data/demo_asr")
    assert result.returncode == 0 and "was complete" in result.stdout, result.stderr


def test_two_runs_in_one_work_directory_are_one_too_many(finished, command):
    work, _ = finished
    with open(work / ".lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate()
        lock.write(f"run.sh, process {os.getpid()} on {os.uname().nodename}, since this morning\n")
        lock.flush()
        for stage in (1, 13):  # also another stage than the one that is at work
            result = run(command(work, "--stage", stage))
            assert result.returncode == 1 and not result.stdout
            assert f"run.sh: {work} is in use by run.sh, process {os.getpid()} on" in result.stderr
            assert "since this morning" in result.stderr and len(result.stderr.splitlines()) == 1


@pytest.fixture
def own_corpus(corpora, tmp_path):
    """Data directories of the demo's recordings, copied."""
    for subset, speakers in {"train": ["FABC0", "MACK0"], "dev": ["FIVY0"], "test": ["FKIT0"]}.items():
        data = tmp_path / "own" / subset
        data.mkdir(parents=True)
        tables = {"wav.scp": "", "text": "", "utt2spk": ""}
        for speaker in speakers:
            (recording, *_) = sorted(corpora.glob(f"demo_asr/*/*/{speaker}/*.WAV"))
            shutil.copy(recording, data / f"{speaker}.wav")
            tables["wav.scp"] += f"{speaker}-1 {data}/{speaker}.wav\n"
            tables["text"] += f"{speaker}-1 sil aa b sil\n"
            tables["utt2spk"] += f"{speaker}-1 {speaker}\n"
        for name, text in tables.items():
            (data / name).write_text(text)
    return tmp_path / "own"


def test_a_corpus_that_was_mended_is_not_taken_for_the_one_that_was_prepared(own_corpus, command, tmp_path):
    words = ["--asr-corpus", "data", "--asr-data", own_corpus, "--stop-stage", 1]
    work = tmp_path / "work"
    assert run(command(work, *words)).returncode == 0
    os.utime(own_corpus / "dev/FIVY0.wav")  # copied anew, but the same
    result = run(command(work, *words))
    assert result.returncode == 0 and "was complete" in result.stdout

    for name, change in {"train/text": b"FABC0-1 sil b b sil\nMACK0-1 sil aa sil\n", "test/FKIT0.wav": None}.items():
        before = (own_corpus / name).read_bytes()
        (own_corpus / name).write_bytes(change or before[:-2] + bytes([before[-2] ^ 1, before[-1]]))
        result = run(command(work, *words))
        assert result.returncode == 1 and "was complete" not in result.stdout
        (line,) = result.stderr.splitlines()
        assert f"{work}/data/asr/corpus was made with 'files of the ASR corpus: " in line
        assert f"({name} is changed)" in line and "remove there: data/asr" in line
        (own_corpus / name).write_bytes(before)
    (own_corpus / "train/text").write_text("FABC0-1 sil b b sil\nMACK0-1 sil aa sil\n")
    shutil.rmtree(work / "data/asr")
    assert run(command(work, *words)).returncode == 0
    assert "FABC0-1 sil b b sil" in (work / "data/asr/train/text").read_text()


def test_a_phone_of_characters_that_a_shell_would_read_is_a_phone(own_corpus, command, tmp_path):
    """The lexicon is made by a job, whose words a shell reads once more."""
    silence = "$(id);*'"
    for part in ("train", "dev", "test"):
        text = own_corpus / part / "text"
        text.write_text(text.read_text().replace("sil", silence))
    words = ["--asr-corpus", "data", "--asr-data", own_corpus, "--silence-phone", silence, "--stop-stage", 2]
    result = run(command(tmp_path / "work", *words))
    assert result.returncode == 0, result.stderr
    symbols = (tmp_path / "work/data/lang/phones.txt").read_text().splitlines()
    assert symbols[:2] == ["<eps> 0", f"{silence} 1"]


def test_where_nothing_can_be_written_that_is_said(command, tmp_path):
    # Files in the place of folders, as permissions do not keep root from writing.
    (tmp_path / "file").touch()
    result = run(command(tmp_path / "file"))
    assert result.returncode == 1 and f"cannot write into {tmp_path}/file" in result.stderr
    (tmp_path / "work").mkdir()
    (tmp_path / "work/exp").touch()
    result = run(command(tmp_path / "work"))
    assert result.returncode == 1 and f"{tmp_path}/work/exp" in result.stderr


def test_a_folder_whose_name_jobs_would_change_is_refused(command, tmp_path):
    for name in ("two words", "JOBS", "c:", "a$b"):
        result = run([*command(tmp_path / "work"), "--dir", str(tmp_path / name)])
        assert result.returncode == 1 and f"run.sh: --dir '{tmp_path}/{name}' has " in result.stderr
        assert len(result.stderr.splitlines()) == 1 and not (tmp_path / name).exists()


def test_a_configuration_whose_path_jobs_would_change_is_refused(root, command, tmp_path):
    shutil.copytree(root / "conf/quick", tmp_path / "two words")
    result = run(command(tmp_path / "work", "--conf", tmp_path / "two words"))
    assert result.returncode == 1 and f"the configuration '{tmp_path}/two words/asr.conf' has a space" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_study_of_other_options_than_folds_is_refused(root, command, tmp_path):
    shutil.copytree(root / "conf/quick", tmp_path / "conf")
    for lines, said in (
        (["--folds=2", "--seeds=3"], ", line 2: no such option of a study: --seeds; there is --folds"),
        (["--fold=2"], ", line 1: no such option of a study: --fold;"),
        (["--folds=two"], ", line 1: --folds is an integer >= 0, not 'two'"),
        (["--folds=2", "--folds=3"], ", line 2: --folds is there a second time, after line 1"),
        (["2"], ", line 1: expected --name=value, found '2"),
        ([], ": no line --folds=N in it"),
    ):
        (tmp_path / "conf/study.conf").write_text("".join(f"{line}   # reason\n" for line in lines))
        result = run(command(tmp_path / "work", "--conf", tmp_path / "conf"))
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
        assert f"{tmp_path}/conf/study.conf{said}" in result.stderr


@pytest.mark.parametrize(
    "words, message",
    [
        (["--dev-speakers", "zoe"], "--dev-speakers names zoe, who has no utterance in "),
        (["--folds", "9"], "--folds 9: there are 8 folds, Ses01F "),
    ],
)
def test_what_is_wrong_with_speakers_is_known_before_the_other_branch(command, tones, tmp_path, words, message):
    result = run(command(tmp_path / "work", "--ser-corpus", "iemocap", "--iemocap", tones, *words))
    assert result.returncode == 1 and "Stage 1" not in result.stdout
    assert message in result.stderr.splitlines()[-1]


def test_a_kaldi_root_without_programs_is_refused(command, tmp_path):
    result = run(command(tmp_path / "work"), KALDI_ROOT=str(tmp_path))
    assert result.returncode == 1 and f"KALDI_ROOT={tmp_path} holds no program" in result.stderr
