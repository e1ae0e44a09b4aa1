"""utils/doctor.sh: what it tries, what it finds out, and what it says."""

import importlib.util
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name):
    """A module of utils/."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"utils/{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


trials = load("try_programs")
jobs = load("try_jobs")


@pytest.fixture
def doctor():
    """The module, with nothing counted yet."""
    return load("doctor")


def run_doctor(*options, **variables):
    environment = {name: value for name, value in os.environ.items() if name not in ("KALDI_ROOT", "OMP_NUM_THREADS")}
    environment |= {"PYTHON": sys.executable} | variables
    command = [ROOT / "utils/doctor.sh", *map(str, options)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def write_program(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


# ---- The trials


def test_every_program_that_the_stages_call_is_tried():
    called = trials.programs_of_stages()
    assert {"compute-mfcc-feats", "hmm-info", "add-self-loops", "decode-faster-mapped", "compute-wer"} <= set(called)
    assert {trial.program for trial in trials.TRIALS} == {*called, "asrser_nn"}


def test_where_all_is_well_the_status_is_0_and_all_programs_were_run(tmp_path):
    (tmp_path / "corpus/dr1-fabc0").mkdir(parents=True)
    result = run_doctor("--dir", tmp_path / "new", "--timit", tmp_path / "corpus")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "PROBLEM" not in result.stdout and "\033" not in result.stdout
    assert f"all {len(trials.programs_of_stages())} that the stages call work" in result.stdout
    assert "TIMIT sample, 1 train, 0 dev, 0 test speakers" in result.stdout
    assert not (tmp_path / "new").exists()


def test_programs_that_only_have_the_name_are_told_from_those_that_work(tmp_path, monkeypatch):
    fakes, work = tmp_path / "fakes", tmp_path / "work"
    write_program(fakes / "hmm-info", "echo 'HMM: not the one of Kaldi'")
    write_program(fakes / "compute-wer", "echo 'ERROR (compute-wer) broken' >&2; echo '[ Stack-Trace: ]' >&2; exit 3")
    write_program(fakes / "gmm-decode-faster", "echo tiny_1 1 1 >heard")
    write_program(fakes / "fstpushspecial", "exit 0")
    monkeypatch.setenv("PATH", f"{fakes}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(trials, "TRIALS", [trial for trial in trials.TRIALS if trial.program != "asrser_nn"])
    work.mkdir()
    answers = trials.try_programs(work)
    faults = {answer.program: answer.fault for answer in answers if answer.fault}
    assert faults.keys() == {"hmm-info", "compute-wer", "fstpushspecial"}
    assert faults["hmm-info"] == "answers [] where ['9'] is right"
    assert faults["compute-wer"] == "ends with status 3: ERROR (compute-wer) broken"
    assert "writes nothing" in faults["fstpushspecial"]
    untried = {answer.program for answer in answers if not answer.tried}
    assert {"fstcomposecontext", "fstconvert", "gmm-decode-faster", "decode-faster-mapped"} <= untried
    assert "gmm-align-compiled" not in untried, "what does not need the graph is tried all the same"


@pytest.mark.parametrize("trial", trials.TRIALS, ids=lambda trial: trial.command[:40])
def test_a_program_that_does_nothing_is_found_out(trial, tmp_path, monkeypatch):
    write_program(tmp_path / "bin" / trial.program, "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert "writes nothing" in trials.fault_of(trial, tmp_path, "cpu")


@pytest.mark.parametrize("trial", [t for t in trials.TRIALS if t.expected], ids=lambda trial: trial.command[:40])
def test_an_output_that_is_something_else_is_found_out(trial, tmp_path, monkeypatch):
    names = " ".join(trial.made.split())
    write_program(tmp_path / "bin" / trial.program, f"for f in {names}; do echo other 1 2 >$f; done; echo other 1 2")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert trials.fault_of(trial, tmp_path, "cpu")


def test_a_program_that_hangs_is_given_up(tmp_path, monkeypatch):
    write_program(tmp_path / "bin/tree-info", "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(trials, "TIME_LIMIT", 0.2)
    trial = next(trial for trial in trials.TRIALS if trial.program == "tree-info")
    assert trials.fault_of(trial, tmp_path, "cpu") == "did not end within 0.2 s"


# ---- Where the programs come from


def test_a_program_missing_in_kaldi_is_not_replaced_by_one_elsewhere_on_path(tmp_path):
    kaldi = tmp_path / "kaldi"
    folders = {"compute-mfcc-feats": "src/featbin", "gmm-align-compiled": "src/gmmbin", "fsttablecompose": "src/fstbin"}
    folders["fstcompile"] = "tools/openfst/bin"
    for program in trials.programs_of_stages():
        write_program(kaldi / folders.get(program, "src/bin") / program, "exit 0")
    (kaldi / "src/bin/hmm-info").unlink()
    write_program(tmp_path / "other/hmm-info", "exit 0")
    result = run_doctor("--quick", "true", KALDI_ROOT=str(kaldi), PATH=f"{tmp_path}/other:/usr/bin:/bin")
    assert result.returncode == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("PROBLEM")]
    assert "hmm-info" in line and f"missing in {kaldi}" in line and "unset KALDI_ROOT" in line
    write_program(kaldi / "src/bin/hmm-info", "exit 0")
    again = run_doctor("--quick", "true", KALDI_ROOT=str(kaldi), PATH=f"{tmp_path}/other:/usr/bin:/bin")
    assert again.returncode == 0 and f"Kaldi in {kaldi}: all" in again.stdout


def test_a_kaldi_root_without_programs_is_a_problem_and_not_the_end_of_the_doctor(tmp_path):
    result = run_doctor(KALDI_ROOT=str(tmp_path))
    assert result.returncode == 1 and result.stderr == ""
    assert result.stdout.startswith("PROBLEM") and "holds no program" in result.stdout


# ---- The other findings


def test_a_corpus_that_is_not_where_it_is_said_to_be_is_a_problem(tmp_path):
    own = tmp_path / "own"
    for subset in ("train", "dev", "test"):
        (own / subset).mkdir(parents=True)
        for name in ("wav.scp", "utt2spk", "text"):
            (own / subset / name).write_text("u s\n")
    corpora = {"timit": own / "train", "iemocap": own, "emodb": own, "asr-data": own, "ser-data": own / "train"}
    corpora |= dict.fromkeys(("cremad", "ravdess", "savee", "emovo", "librispeech"), own)
    options = [word for option, folder in corpora.items() for word in (f"--{option}", folder)]
    result = run_doctor("--quick", "true", *options)
    lines = {line.split()[1]: line for line in result.stdout.splitlines() if line.split()[1] in corpora}
    assert result.returncode == 1
    assert "neither folders TRAIN and TEST" in lines["timit"]
    assert "no folders Session1 to Session5" in lines["iemocap"]
    assert "no files like wav/03a01Wa.wav" in lines["emodb"]
    assert "not RAVDESS: no files like Actor_01/03-01-06-01-01-01-01.wav" in lines["ravdess"]
    assert "not LibriSpeech: no files like train-clean-5/" in lines["librispeech"]
    assert f"no {own}/train/utt2emotion" in lines["ser-data"]
    assert lines.pop("asr-data").startswith("OK")
    assert all(line.startswith("PROBLEM") for line in lines.values())
    assert "no such folder" in run_doctor("--quick", "true", "--timit", tmp_path / "none").stdout


def test_the_corpora_beside_the_checkout_are_recognised(timit_sample, emodb):
    result = run_doctor("--quick", "true", "--timit", timit_sample, "--emodb", emodb)
    assert "TIMIT sample, 12 train, 2 dev, 2 test speakers" in result.stdout
    assert "EmoDB, 339 recordings" in result.stdout


def test_sessions_of_iemocap_are_counted(tmp_path, doctor):
    dialogue = "Ses01F_impro01"
    for name, text in {
        f"dialog/EmoEvaluation/{dialogue}.txt": f"[1.0 - 2.0]\t{dialogue}_F000\tneu\t[2.5, 2.5, 2.5]\n",
        f"sentences/wav/{dialogue}/{dialogue}_F000.wav": "",
    }.items():
        file = tmp_path / "IEMOCAP_full_release/Session1" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert doctor.iemocap_in(tmp_path) == "IEMOCAP, 1 of 5 sessions, 1 labelled turns"


def test_utterances_of_librispeech_are_counted_by_part(tmp_path, doctor):
    for name in (
        "train-clean-5/19/1/19-1-0000.flac",
        "dev-clean-2/84/1/84-1-0000.flac",
        "dev-clean-2/84/1/84-1-0001.flac",
    ):
        (tmp_path / "LibriSpeech" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "LibriSpeech" / name).touch()
    (tmp_path / "LibriSpeech/dev-clean-2/84/1/84-1.trans.txt").touch()
    assert doctor.librispeech_in(tmp_path) == "LibriSpeech, 2 utterances in dev-clean-2, 1 utterances in train-clean-5"


def test_a_folder_that_cannot_be_made_and_a_full_disk_are_problems(tmp_path, doctor, monkeypatch, capsys):
    (tmp_path / "file").touch()
    doctor.check_disk(tmp_path / "file/work")
    assert "cannot be written into" in capsys.readouterr().out
    doctor.check_disk(tmp_path / "two words/work")
    assert capsys.readouterr().out.startswith("PROBLEM  disk") and not (tmp_path / "two words").exists()
    for free, word in ((0.1e9, "PROBLEM"), (1e9, "note"), (100e9, "OK")):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        doctor.check_disk(tmp_path / "new/folder")
        assert capsys.readouterr().out.startswith(word)


def test_another_version_of_a_wheel_that_must_have_one_is_a_problem(doctor, monkeypatch, capsys):
    installed = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: "1.0" if name == "kaldifst" else installed(name))
    doctor.check_python()
    line = capsys.readouterr().out
    assert line.startswith("PROBLEM") and "kaldifst 1.0, not 1.7.17" in line and "install" in line


def test_sclite_is_optional(tmp_path, doctor, monkeypatch, capsys):
    for tool in doctor.SHELL_TOOLS:
        (tmp_path / tool).symlink_to(shutil.which(tool))
    monkeypatch.setenv("PATH", str(tmp_path))
    doctor.check_tools()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["OK"]
    write_program(tmp_path / "sctk", "exit 0")
    doctor.check_tools()
    assert f"{tmp_path}/sctk" in capsys.readouterr().out
    (tmp_path / "cmp").unlink()
    doctor.check_tools()
    assert "PROBLEM  shell           no cmp on PATH" in capsys.readouterr().out


def test_a_gpu_that_torch_cannot_use_is_a_problem_where_it_was_asked_for(doctor, monkeypatch, capsys):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor, "nvidia_gpus", lambda: "NVIDIA Old")
    for device, word in (("cuda", "PROBLEM"), ("auto", "note")):
        doctor.check_torch(device, quick=False)
        line = capsys.readouterr().out.splitlines()[0]
        assert line.startswith(word) and "NVIDIA Old" in line and "driver" in line


@pytest.mark.parametrize("no_color, coloured", [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(no_color, coloured):
    master, terminal = pty.openpty()
    environment = os.environ | {"PYTHON": sys.executable, "NO_COLOR": no_color}
    subprocess.run([ROOT / "utils/doctor.sh", "--quick", "true"], env=environment, stdout=terminal, check=True)
    os.close(terminal)
    assert (b"\033[32mOK" in os.read(master, 10000)) == coloured
    os.close(master)


def test_emodb_in_capital_letters_is_recognised(emodb, tmp_path):
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav/03a01Wa.WAV").symlink_to(emodb / "wav/03a01Wa.wav")
    assert "EmoDB, 1 recordings" in run_doctor("--quick", "true", "--emodb", tmp_path).stdout


def test_clips_of_actors_are_counted(tmp_path):
    folder = "ravdess/Actor_01"
    for name in (f"{folder}/03-01-06-01-01-01-01.wav", f"{folder}/other.wav", "cremad/1001_DFA_ANG_XX.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    result = run_doctor("--quick", "true", "--ravdess", tmp_path / "ravdess", "--cremad", tmp_path / "cremad")
    assert "RAVDESS, 1 recordings" in result.stdout and "CREMA-D, 1 recordings" in result.stdout


# ---- Jobs


def test_without_slurm_jobs_run_here(doctor, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    doctor.check_jobs({}, "auto", tmp_path, quick=False)
    assert capsys.readouterr().out == "OK       jobs            no Slurm here; run on this machine\n"
    doctor.check_jobs({"--cmd": "utils/slurm.sh"}, "auto", tmp_path, quick=False)
    assert capsys.readouterr().out.startswith("PROBLEM  Slurm           no sbatch on PATH")


def test_what_slurm_offers_is_told(doctor, tmp_path, monkeypatch, capsys):
    lines = ["day*|up|3|(null)", "gpu|up|2|gpu:a100:4(S:0-1),nvme:1", "gpu|up|1|gpu:2", "old|drain|9|(null)"]
    write_program(tmp_path / "sinfo", "\n".join(f"echo '{line}'" for line in lines))
    write_program(tmp_path / "sbatch", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    doctor.check_jobs({}, "auto", tmp_path, quick=False)
    offers = "day (default): 3 nodes, no GPU; gpu: 3 nodes, GPUs 2, a100:4"
    use = "; to have it run the jobs: --cmd 'utils/slurm.sh --partition day'"
    assert capsys.readouterr().out == f"note     Slurm           {offers}{use}\n"
    doctor.check_jobs({"--cmd": "utils/slurm.sh -p day"}, "auto", tmp_path, quick=True)
    assert capsys.readouterr().out == f"OK       Slurm           {offers}\n"


def test_a_controller_that_does_not_answer_is_a_problem_where_it_was_asked_for(doctor, tmp_path, monkeypatch, capsys):
    lines = [f"sinfo: error: {said}" for said in ("resolve_ctls_from_dns_srv: Unknown host", "DNS SRV lookup failed")]
    lines.append("sinfo: fatal: Could not establish a configuration source")
    write_program(tmp_path / "sinfo", "\n".join(f"echo '{line}' >&2" for line in lines) + "\nexit 1")
    write_program(tmp_path / "sbatch", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for word, runners in {"note": {}, "PROBLEM": {"--cmd": "utils/slurm.sh"}}.items():
        doctor.check_jobs(runners, "auto", tmp_path, quick=False)
        line = capsys.readouterr().out
        assert line.startswith(word) and "DNS" not in line
        reason = "its controller does not answer: Could not establish a configuration source"
        assert f"{reason}; is slurmctld running" in line


def test_a_job_that_fails_is_a_problem_and_one_that_waits_is_none(doctor, tmp_path, monkeypatch, capsys):
    write_program(tmp_path / "queue.pl", "echo 'queue.pl: no such queue' >&2; exit 1")
    doctor.check_jobs({"--cmd": f"{tmp_path}/queue.pl -q long"}, "auto", tmp_path / "new", quick=False)
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("PROBLEM") and said.endswith("queue.pl -q long': it failed: queue.pl: no such queue")
    monkeypatch.setattr(jobs, "PATIENCE", 0.3)
    write_program(tmp_path / "queue.pl", "exec sleep 60")
    doctor.check_jobs({"--cmd": f"{tmp_path}/queue.pl"}, "auto", tmp_path / "new", quick=False)
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("note") and "did not end in 0.3 s" in said
    assert [path.name for path in tmp_path.iterdir()] == ["queue.pl"]


def test_a_job_of_a_second_is_sent_to_a_real_slurm(slurm, doctor, tmp_path):
    options = ["--dir", tmp_path / "new", "--cmd", "utils/slurm.sh --partition gpu", "--device", "cuda"]
    lines = run_doctor(*options).stdout.splitlines()
    offers = "day (default): 2 nodes, GPUs 2; cpu: 1 node, no GPU; gpu: 1 node, GPUs 2; late: 1 node, no GPU"
    assert f"OK       Slurm           {offers}" in lines
    job = next(line for line in lines if "test job" in line)
    assert job.startswith("OK") and job.endswith("utils/slurm.sh --partition gpu': ran on node2")
    assert list(tmp_path.iterdir()) == []


def test_a_runner_that_is_not_there_is_a_problem():
    result = run_doctor("--cmd", "slurm.pl --partition day")
    assert result.returncode == 1 and result.stdout.startswith("PROBLEM")
    assert "--cmd: no such program: slurm.pl --partition day" in result.stdout
