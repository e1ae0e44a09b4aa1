"""Look whether what the recipe needs is here and works; called by utils/doctor.sh, whose header is the help."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from collections import Counter
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from asrser_io.files import fault_of_path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "local"))  # the corpora are recognised by the code that reads them
GB = 1e9
# Disk: 105 networks of 34 MB, and features of the 12 hours of TIMIT and IEMOCAP at 80 MB an hour.
WHOLE_STUDY, QUICK_STUDY = 5 * GB, 0.5 * GB
MEMORY_NEEDED = 1.5 * GB  # for a corpus of TIMIT's size
SHELL_TOOLS = ("awk", "cmp", "cut", "gunzip", "gzip", "mktemp", "paste", "sed", "sort", "tee")
REINSTALL = (
    f"install them anew: {sys.executable} -m pip install -r requirements.lock -e ."
    if os.environ.get("PYTHON")
    else "install them anew: rm -r .venv, then utils/setup.sh"
)
COLOURS = {"OK": "32", "note": "33", "PROBLEM": "1;31"}
num_said = dict.fromkeys(COLOURS, 0)


def say(word: str, subject: str, finding: str) -> None:
    """One line; colours only on a terminal, and not where NO_COLOR is set."""
    num_said[word] += 1
    label = f"{word:<7}"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        label = f"\033[{COLOURS[word]}m{label}\033[0m"
    print(f"{label}  {subject:<15} {finding}", flush=True)


# ---- Python and the machine


def check_python() -> None:
    """Python and the packages of pyproject.toml: there, and those that must have one version have that one."""
    faults = []
    for requirement in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        name, exactly, wanted = re.fullmatch(r"([\w.-]+)(?:(==)|>=)(.+)", requirement).groups()
        try:
            if exactly and version(name) != wanted:
                faults.append(f"{name} {version(name)}, not {wanted}")
        except PackageNotFoundError:
            faults.append(f"no {name}")
    for name in ("soundfile", "soxr"):  # the others are loaded by the programs that are tried
        try:
            import_module(name)
        except (ImportError, OSError) as error:
            faults.append(f"{name} cannot be loaded: {error}")
    if faults:
        say("PROBLEM", "Python", f"packages in {sys.prefix}: {'; '.join(faults)}; {REINSTALL}")
    else:
        say("OK", "Python", f"{platform.python_version()} in {sys.prefix}, with its packages")


def check_torch(device: str, quick: bool) -> None:
    """PyTorch, and what it computes on."""
    gpus, cores = nvidia_gpus(), num_cores()
    if quick:
        say("OK", "torch", f"{version('torch')}; {gpus or 'no NVIDIA GPU'}, {cores} cores")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an old driver, which is said below
            import torch

            usable = torch.cuda.is_available()
    except (ImportError, OSError) as error:
        say("PROBLEM", "torch", f"cannot be loaded: {error}; {REINSTALL}")
        return
    if usable and device != "cpu":
        gpu = torch.cuda.get_device_properties(0)
        say("OK", "torch", f"{torch.__version__}, on {gpu.name} with {gpu.total_memory / GB:.0f} GB")
        return
    remedy = "needs a newer driver, or a torch built for it: https://pytorch.org/get-started/locally"
    if device == "cuda":
        reason = f"{gpus} {remedy}" if gpus else "no NVIDIA GPU here; use --device auto"
        say("PROBLEM", "torch", f"{torch.__version__}, --device cuda: {reason}")
        return
    if gpus and not usable:
        say("note", "torch", f"{torch.__version__} cannot use {gpus}, which {remedy}")
    threads, limit = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    finding = f"{torch.__version__}, on the CPU: {threads} threads, {cores} cores"
    if limit and threads < cores:
        say("note", "torch", f"{finding}; for more, unset OMP_NUM_THREADS={limit}, or use --threads {cores}")
    else:
        say("OK", "torch", finding)


def nvidia_gpus() -> str:
    """Names of the GPUs that the driver sees, which need not be those that torch can use."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ", ".join(listed.stdout.splitlines()) if listed.returncode == 0 else ""


def num_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_memory() -> None:
    """The machine's memory, or what a container leaves of it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in map(Path, ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if limit.is_file() and (text := limit.read_text().strip()).isdigit():
            memory = min(memory, int(text))
    if memory < MEMORY_NEEDED:
        say("note", "memory", f"{memory / GB:.1f} GB; TIMIT takes {MEMORY_NEEDED / GB}: use --nj 1, or a small corpus")
    else:
        say("OK", "memory", f"{memory / GB:.1f} GB")


def check_disk(folder: Path) -> None:
    """Whether data, data_fbank and exp can be written into the folder, which need not be there yet."""
    folder = folder.resolve()
    if fault := fault_of_path(str(folder)):
        say("PROBLEM", "disk", f"{folder} {fault}; choose another folder with --dir")
        return
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        say("PROBLEM", "disk", f"{existing} cannot be written into; choose another folder with --dir")
        return
    free = shutil.disk_usage(existing).free
    finding = f"{free / GB:.1f} GB free in {folder}"
    needed = f"the whole study takes {WHOLE_STUDY / GB:.0f} GB on TIMIT and IEMOCAP, {QUICK_STUDY / GB} GB on the demo"
    if free < QUICK_STUDY:
        say("PROBLEM", "disk", f"{finding}; {needed}: make room, or choose another folder with --dir")
    else:
        say("note" if free < WHOLE_STUDY else "OK", "disk", f"{finding}; {needed}")


# ---- Programs


def check_programs(provider: str, home: Path, scratch: Path, device: str, quick: bool) -> None:
    """Kaldi's programs and asrser_nn: all there, from one place, and doing what they should."""
    from try_programs import programs_of_stages, try_programs

    wanted = programs_of_stages()
    remedy = REINSTALL
    if os.environ.get("KALDI_ROOT"):
        remedy = f"compile {home} again, or unset KALDI_ROOT to use this project's own programs"
    found = {program: shutil.which(program) for program in wanted}
    misplaced = {program: path for program, path in found.items() if not path or home not in Path(path).parents}
    for program, path in misplaced.items():
        other = f"; {path} on PATH is another's and must not answer for it" if path else ""
        say("PROBLEM", program, f"missing in {home}{other}; {remedy}")
    if misplaced or quick:
        if not misplaced:
            say("OK", "Kaldi programs", f"{provider}: all {len(wanted)} that the stages call are there")
        return
    if sys.stdout.isatty():
        print(f"trying {len(wanted)} programs, a few seconds", end="\r", flush=True)
    answers = try_programs(scratch, device)
    for answer in answers:
        if answer.fault:
            say("PROBLEM", answer.program, f"{answer.fault} ({shutil.which(answer.program)}); {remedy}")
    if untried := {answer.program for answer in answers if not answer.tried}:
        say("note", "Kaldi programs", f"not tried, for want of input: {', '.join(sorted(untried))}")
    if not any(answer.fault for answer in answers):
        say("OK", "Kaldi programs", f"{provider}: all {len(wanted)} that the stages call work")
        say("OK", "asrser_nn", "trains")


def check_tools() -> None:
    """The shell's tools, and what is optional."""
    if missing := [tool for tool in SHELL_TOOLS if not shutil.which(tool)]:
        packages = "Debian: apt install coreutils diffutils gawk gzip sed"
        say("PROBLEM", "shell", f"no {', '.join(missing)} on PATH; install what is missing ({packages})")
    if sclite := shutil.which("sclite") or shutil.which("sctk"):
        say("OK", "sclite", f"{sclite} will count phone errors too")
    else:
        say("OK", "sclite", "not here, and not needed: compute-wer counts (Debian: apt install sctk)")


# ---- Jobs

ASK_FOR_SLURM = "is slurmctld running, and its configuration where SLURM_CONF says?"


def check_jobs(runners: dict[str, str], device: str, folder: Path, quick: bool) -> None:
    """Slurm, if it is here, and a job sent with each of the runners, by the options that gave them."""
    from try_jobs import Fault, Waiting, partitions, try_job

    asked = any("slurm" in runner.split()[0] for runner in runners.values())
    if not shutil.which("sbatch"):
        if asked:
            say("PROBLEM", "Slurm", "no sbatch on PATH; start this where Slurm's commands are, or leave out --cmd")
            return
        say("OK", "jobs", f"no Slurm here; {'sent with ' + ', '.join(runners) if runners else 'run on this machine'}")
    else:
        try:
            offers = partitions()
        except Fault as fault:
            say("PROBLEM" if asked else "note", "Slurm", f"its controller does not answer: {fault}; {ASK_FOR_SLURM}")
            if asked:
                return
        else:
            listed = "; ".join(map(str, offers)) or "no partition is up"
            if asked or not offers:
                say("OK" if offers else "PROBLEM", "Slurm", listed)
            else:
                best = next((partition for partition in offers if partition.is_default), offers[0])
                use = f"to have it run the jobs: --cmd 'utils/slurm.sh --partition {best.name}'"
                say("note", "Slurm", f"{listed}; {use}")
    for option, runner in {} if quick else runners.items():
        num_gpus = int(device == "cuda" and option == list(runners)[-1])
        try:
            say("OK", "test job", f"{option} '{runner}': ran {try_job(runner, num_gpus, folder)}")
        except Waiting as fault:
            say("note", "test job", f"{option} '{runner}': {fault}")
        except Fault as fault:
            say("PROBLEM", "test job", f"{option} '{runner}': {fault}")


# ---- Corpora


def check_corpora(folders: dict[str, str]) -> None:
    """Whether the folders named hold what their options say; the recordings themselves are looked at in their stage."""
    named = {option: Path(folder) for option, folder in folders.items() if folder}
    for option, folder in named.items():
        try:
            if not folder.is_dir():
                raise ValueError(f"{folder}: no such folder")
            say("OK", option, f"{folder}: {RECOGNISERS[option](folder)}")
        except Exception as error:  # whatever a folder of another kind makes of the corpus' code
            say("PROBLEM", option, f"{error}; name the right folder with --{option}")
    if not named:
        try:
            synthesiser = import_module("demo_speech").Synthesiser()
            say("OK", "corpora", f"none named: the recipe makes a synthetic demo, with espeak-ng {synthesiser.version}")
        except Exception as error:
            say("PROBLEM", "corpora", f"none named, and no voices for a synthetic demo: {error}; {REINSTALL}")


def timit_in(folder: Path) -> str:
    name, speakers = import_module("timit_data").speakers_by_set(folder)
    return f"{name}, " + ", ".join(f"{len(some)} {subset}" for subset, some in speakers.items()) + " speakers"


def iemocap_in(folder: Path) -> str:
    code = import_module("iemocap_data")
    folder = code.root_of(folder)
    if not (sessions := code.sessions_in(folder)):
        raise ValueError(f"{folder}: not IEMOCAP: no folders Session1 to Session5 in it")
    num_turns = sum(len(code.read_session(session)[0]) for session in sessions)
    name = code.DEMO_NAME if (folder / code.DEMO_MARK).is_file() else "IEMOCAP"
    return f"{name}, {len(sessions)} of 5 sessions, {num_turns} labelled turns"


def acted_in(name: str, folder: Path) -> str:
    corpus = import_module(f"{name}_data").CORPUS
    if not (num_clips := sum(corpus.parse(file) is not None for file in corpus.files(folder))):
        raise ValueError(f"{folder}: not {corpus.name}: no files like {corpus.example} in it")
    return f"{corpus.name}, {num_clips} recordings"


def librispeech_in(folder: Path) -> str:
    code = import_module("librispeech_data")
    root = code.find_root(folder)
    utterances = [f for f in root.glob("*/*/*/*") if f.suffix.lower() != ".txt" and code.UTTERANCE.fullmatch(f.stem)]
    if not utterances:
        raise ValueError(f"{folder}: not LibriSpeech: no files like train-clean-5/19/198/19-198-0000.flac in it")
    counts = sorted(Counter(file.relative_to(root).parts[0] for file in utterances).items())
    return "LibriSpeech, " + ", ".join(f"{count} utterances in {part}" for part, count in counts)


def data_directory(folder: Path, *files: str) -> str:
    if missing := [str(folder / name) for name in files if not (folder / name).is_file()]:
        raise ValueError(f"not Kaldi's layout: no {', '.join(missing)}")
    return f"{len(import_module('asrser_io.text').read_map(folder / 'utt2spk'))} utterances"


def asr_data_in(folder: Path) -> str:
    sets = ("train", "dev", "test")
    return "; ".join(f"{name}: {data_directory(folder / name, 'wav.scp', 'utt2spk', 'text')}" for name in sets)


RECOGNISERS = {
    "timit": timit_in,
    "iemocap": iemocap_in,
    **{name: partial(acted_in, name) for name in ("emodb", "cremad", "ravdess", "savee", "emovo")},
    "librispeech": librispeech_in,
    "asr-data": asr_data_in,
    "ser-data": lambda folder: data_directory(folder, "wav.scp", "utt2spk", "utt2emotion"),
}


def main(options: dict[str, str]) -> int:
    quick, device = options["quick"] == "true", options["device"]
    check_python()
    check_torch(device, quick)
    check_memory()
    check_disk(Path(options["dir"]))
    check_tools()
    runners = {f"--{name}": options[name] for name in ("cmd", "cuda-cmd") if options[name]}
    check_jobs(runners, device, Path(options["dir"]).resolve(), quick)
    check_corpora({option: options[option] for option in RECOGNISERS})
    check_programs(options["provider"], Path(options["home"]), Path(options["scratch"]), device, quick)
    if num_said["PROBLEM"]:
        print(f"{num_said['PROBLEM']} of {sum(num_said.values())} findings must be mended before the recipe can run")
    return 1 if num_said["PROBLEM"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main(dict(argument.split("=", 1) for argument in sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit(130)
