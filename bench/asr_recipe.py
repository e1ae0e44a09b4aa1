#!/usr/bin/env python
"""The ASR branch by stage: python bench/asr_recipe.py [--sentences 462,3696] [--stages 1-8] [<timit-dir>]

Runs recipe/asr.sh on TIMIT or its sample (default: ../shared/data/timit-sample) with the network of conf/quick, in
folders that are removed afterwards. With KALDI_ROOT in the environment each stage is run by Kaldi's programs and by
ours in turn, and the table has the ratio; the target on the sample is at most 1.5 for stage 4, the monophone training.
Seconds are the least of --turns; beside other work only ratios mean anything. A core's seconds are those of the clock
times the jobs.

--sentences makes corpora of the demo's synthesiser instead, of so many training sentences (8 by each speaker), with a
ninth and a nineteenth of that for dev and test: the shares of TIMIT, which has 3696. From the second size on, growth is
how much longer an hour of speech takes than in the first: above 1 is what grows faster than the corpus. Memory is that
of all processes of a stage together (proportional set size), looked at twice a second.
"""

import argparse
import itertools
import json
import os
import string
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "local"))
import demo_asr  # noqa: E402
import demo_speech  # noqa: E402

OURS, KALDIS = "kaldi_programs", "Kaldi"
MARK = "ASRSER_BENCH"  # in the environment of all that is measured


def make_timit(folder: Path, sentences: int, synthesiser: demo_speech.Synthesiser) -> None:
    """A corpus of the demo's synthesiser as large as asked for, of speakers with its voices and traits of their own."""
    voices = [voice for part in demo_asr.SPEAKERS.values() for voice in part.values()]
    texts = demo_speech.read_sentences()["train"]
    sizes = {"train": sentences, "dev": sentences // 9, "test": sentences // 19}
    letters = ("".join(some) for some in itertools.product(string.ascii_uppercase, repeat=3))
    names = {part: [f"{'FM'[i % 2]}{next(letters)}0" for i in range(max(2, n // 8))] for part, n in sizes.items()}
    everyone = [name for part in names.values() for name in part]
    variants = {name: voices[i % len(voices)] for i, name in enumerate(everyone)}
    speakers = demo_speech.make_speakers(variants, demo_asr.ACCENTS, demo_asr.NOISE, demo_asr.LEVEL, seed=1)
    rng = np.random.default_rng(1)
    for part, readers in names.items():
        for i, name in enumerate(readers):
            directory = folder / ("TRAIN" if part == "train" else "TEST") / f"DR{i % 8 + 1}" / name
            for n in range(8):
                number = (8 * i + n) % len(texts)
                demo_asr.read_out(directory / f"SX{number + 1}", texts[number], speakers[name], synthesiser, rng)
    for part in ("dev", "test"):
        (folder / f"{part}_spk.list").write_text("".join(f"{name.lower()}\n" for name in names[part]))
    (folder / "README.demo").write_text(f"{demo_speech.DEMO_NAME}: {sentences} sentences to train\n")


class Memory(threading.Thread):
    """The most that all processes with the mark in their environment take together, in MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.5):
            self.peak = max(self.peak, sum(map(self._size, Path("/proc").glob("[0-9]*"))))

    @staticmethod
    def _size(process: Path) -> float:
        try:
            if MARK.encode() not in (process / "environ").read_bytes():
                return 0
            lines = (process / "smaps_rollup").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        except (OSError, StopIteration):
            return 0  # it has ended, or is another user's


def run_stage(provider: str, kaldi: str, command: list[str]) -> tuple[float, float]:
    """Seconds and MiB."""
    environment = os.environ | {MARK: "true"} | ({"KALDI_ROOT": kaldi} if provider == KALDIS else {})
    memory = Memory()
    memory.start()
    begin = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    memory.over.set()
    memory.join()
    if done.returncode:
        sys.exit(f"{' '.join(command)} by {provider}:\n{done.stdout}{done.stderr}")
    return seconds, memory.peak


def hours_of(work: Path) -> dict[str, float]:
    scps = {part: work / f"data/asr/{part}/wav.scp" for part in ("train", "dev", "test")}
    return {
        part: sum(soundfile.info(line.split(maxsplit=1)[1]).duration for line in scp.read_text().splitlines()) / 3600
        for part, scp in scps.items()
    }


def measure(kind: str, corpus: Path, work: Path, kaldi: str, options: argparse.Namespace) -> dict:
    """By stage and provider the least seconds and the most memory; and the hours of audio of each set."""
    first, last = options.stages
    providers = [OURS, KALDIS] if kaldi else [OURS]
    rows: dict[int, dict[str, dict[str, float]]] = {stage: {} for stage in range(1, last + 1)}
    for turn in range(options.turns):
        for stage in rows:
            for provider in providers if turn % 2 == 0 else providers[::-1]:
                recipe = [ROOT / "recipe/asr.sh", "--dir", work / f"{provider}{turn}", "--nj", options.nj]
                recipe += ["--nnet-config", ROOT / "conf/quick/asr.conf", "--train-opts", options.train_opts]
                recipe += ["--stage", stage, "--stop-stage", stage, kind, corpus]
                seconds, memory = run_stage(provider, kaldi, [str(word) for word in recipe])
                found = rows[stage].setdefault(provider, {"seconds": seconds, "memory_mib": memory})
                found["seconds"] = min(found["seconds"], seconds)
                found["memory_mib"] = max(found["memory_mib"], memory)
                print(f"{corpus.name}, turn {turn + 1}, stage {stage}, {provider}: {seconds:.1f} s", file=sys.stderr)
    shown = {str(stage): row for stage, row in rows.items() if stage >= first}
    return {"hours": hours_of(work / f"{OURS}0"), "stages": shown}


def print_table(name: str, result: dict, first: dict | None, nj: int) -> None:
    hours = result["hours"]
    print(f"\n{name}: {60 * hours['train']:.1f} minutes of speech to train, {60 * sum(hours.values()):.1f} in all")
    print("stage  seconds  per hour and core    MiB  Kaldi: s    MiB  ratio  growth")
    for stage, row in result["stages"].items():
        ours, kaldis = row[OURS], row.get(KALDIS)
        of = hours["train"] if stage == "4" else sum(hours.values())
        line = f"{stage:>5} {ours['seconds']:8.1f} {nj * ours['seconds'] / of:18.0f} {ours['memory_mib']:6.0f}"
        line += f" {kaldis['seconds']:9.1f} {kaldis['memory_mib']:6.0f}" if kaldis else f" {'':9} {'':6}"
        line += f" {ours['seconds'] / kaldis['seconds']:6.2f}" if kaldis else f" {'':6}"
        if first:
            before = first["stages"][stage][OURS]["seconds"] / sum(first["hours"].values())
            line += f" {ours['seconds'] / sum(hours.values()) / before:7.2f}"
        print(line)


def stages(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=ROOT.parent / "shared/data/timit-sample")
    parser.add_argument("--sentences", default="", help="sizes of synthetic corpora, such as 462,3696")
    parser.add_argument("--stages", type=stages, default=(1, 6), help="default: 1-6")
    parser.add_argument("--turns", type=int, default=1, help="how often everything is run, from the start")
    parser.add_argument("--nj", type=int, default=2)
    parser.add_argument("--train-opts", default="", help="for stage 7, such as '--max-epochs 1'")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kaldi = os.environ.pop("KALDI_ROOT", "")
    results: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as name:
        sizes = [int(size) for size in options.sentences.split(",") if size]
        synthesiser = demo_speech.Synthesiser() if sizes else None  # a process has but one
        for size in sizes:
            corpus = Path(name, f"corpus{size}")
            make_timit(corpus, size, synthesiser)
            results[f"{size} sentences"] = measure("demo", corpus, Path(name, f"work{size}"), kaldi, options)
        if not results:
            results[options.corpus.name] = measure("timit", options.corpus, Path(name, "work"), kaldi, options)
    print(f"{options.nj} jobs, {os.cpu_count()} cores, least of {options.turns}{f'; Kaldi: {kaldi}' if kaldi else ''}")
    first = None
    for label, result in results.items():
        print_table(label, result, first, options.nj)
        first = first or result
    if options.json:
        options.json.write_text(json.dumps({"kaldi": kaldi, "jobs": options.nj, "corpora": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
