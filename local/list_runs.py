"""List the runs of the study that train for one task, one a line, for `asrser_nn grid`, `summary` and `report`.

Usage: python local/list_runs.py [options] <work-dir> <asr|ser> [-- options of asrser_nn train]
 e.g.: python local/list_runs.py --layers 0,3,5 --controls 3 . ser -- --seed 2 >exp/transfer/runs.ser
Reads what stages 1 to 9 of run.sh leave in <work-dir>, exp/ser/folds/list among it; the labels of ASR are
exp/transfer/pdf.{train,dev,test}.ark. The baselines come first, then layers from the other task: SER -> ASR from every
fold's network, ASR -> SER for every fold. At paper size these are 1 + 8 x 6 runs for ASR and 8 + 8 x 6 for SER.
"""

import argparse
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import click

from asrser_io.files import Failure
from asrser_io.messages import as_script
from asrser_io.text import read_list
from asrser_nn.commands.runs import evaluation_of, training_of
from asrser_nn.runs import Run

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("dev", "test")


class ASR:
    """One network; its classes are the states of the monophones."""

    name = "asr"
    folds: Sequence[str] = ()
    decodings = tuple(f"decode_{part}" for part in PARTS)  # made by stages 8 and 12

    def __init__(self, work: str):
        self.work = work

    def data(self, fold: str | None, part: str) -> list[str]:
        """Features and labels, as for asrser_nn train and evaluate."""
        return [f"{self.work}/data_fbank/asr/{part}", f"ark:{self.work}/exp/transfer/pdf.{part}.ark"]

    def classes(self, fold: str | None) -> list[str]:
        """The options of asrser_nn train that say them."""
        return ["--num-classes", self.num_pdfs]

    @cached_property
    def num_pdfs(self) -> str:
        model = f"{self.work}/exp/mono/final.mdl"
        if not Path(model).is_file():
            raise Failure(f"no such file: {model}; run stages 1 to 6 first")
        done = subprocess.run(["hmm-info", "--print-args=false", model], capture_output=True, text=True)
        if not (found := re.search(r"number of pdfs (\d+)", done.stdout)):
            raise Failure(f"hmm-info says no number of pdfs of {model}: {done.stderr.strip()}")
        return found[1]

    def scoring(self, fold: str | None, part: str, directory: str) -> list[str]:
        """Further options of asrser_nn evaluate."""
        return []


class SER:
    """A network for each fold; its classes are emotions and silence."""

    name = "ser"
    decodings: Sequence[str] = ()

    def __init__(self, work: str):
        self.folder = f"{work}/exp/ser/folds"
        self.folds = read_list(f"{self.folder}/list")

    def data(self, fold: str | None, part: str) -> list[str]:
        return [f"{self.folder}/{fold}/{part}"] * 2

    def classes(self, fold: str | None) -> list[str]:
        return ["--class-names", ",".join(read_list(f"{self.folder}/{fold}/train/classes"))]

    def scoring(self, fold: str | None, part: str, directory: str) -> list[str]:
        emotions = f"{self.folder}/{fold}/{part}/utt2emotion"
        predictions = f"{directory}/predictions_{part}.txt"
        return ["--silence-class", "silence", "--utt2class", emotions, "--predictions", predictions]


Task = ASR | SER


def make_run(
    directory: str, task: Task, fold: str | None, options: list[str], source: tuple[str, str, int] | None = None
) -> Run:
    """options: of the training; source: the task that layers come from, the network, how many stay constant"""
    command = ["train"]
    if source:
        command = ["transfer", "--from", source[1], "--constant-layers", str(source[2])]
    data = [*task.data(fold, "train"), *task.data(fold, "dev")]
    training = training_of([*command, *task.classes(fold), *options, *data, directory])
    evaluations = []
    for part in PARTS:
        to = ["--json", f"{directory}/evaluate_{part}.json", *task.scoring(fold, part, directory)]
        to += ["--precision", training.method.precision]
        evaluations.append(evaluation_of([*to, directory, *task.data(fold, part)]))
    return Run(
        directory=directory,
        task=task.name,
        source_task=source[0] if source else None,
        fold=fold,
        training=training,
        evaluations=tuple(evaluations),
        decodings=tuple(task.decodings),
    )


def runs_of(
    task: Task, other: Task, exp: str, layers: list[int], controls: list[int], draws: int, options: list[str]
) -> Iterator[Run]:
    """Baselines and transfers of one seed, and its controls: layers from the same task, and random ones.

    exp: the folder of that seed
    draws: of random layers, for each fold; no two of them are the same
    """

    def baseline(of: Task, fold: str | None) -> str:
        return f"{exp}/{of.name}" + (f"/fold_{fold}" if of.folds else "")

    for fold in task.folds or [None]:
        yield make_run(baseline(task, fold), task, fold, options)
    for num_constant in layers:
        for source in [other, task] if num_constant in controls else [other]:
            folder = f"{exp}/transfer/{source.name}2{task.name}/l{num_constant}"
            for fold in task.folds or source.folds or [None]:
                directory = folder + (f"/fold_{fold}" if fold else "")
                yield make_run(directory, task, fold, options, (source.name, baseline(source, fold), num_constant))
        if num_constant in controls and num_constant > 0:  # no random layer held constant is training from scratch
            folder = f"{exp}/transfer/random2{task.name}/l{num_constant}"
            for fold in task.folds or [None]:
                for number in range(1, draws + 1):
                    name = (f"fold_{fold}_" if fold else "") + f"draw_{number}"
                    yield make_run(f"{folder}/{name}", task, fold, options, ("random", f"random:{name}", num_constant))


def layers_of(text: str) -> list[int]:
    if not re.fullmatch(r"[0-9]+(,[0-9]+)*|none", text):
        raise argparse.ArgumentTypeError(f"expected numbers with commas, such as 0,3,5, or none, not '{text}'")
    return [] if text == "none" else list(dict.fromkeys(map(int, text.split(","))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--layers", type=layers_of, default="0,1,2,3,4,5", help="how many stay constant, a transfer for each; or none")
    add("--controls", type=layers_of, default="none", help="for which of these also from the same task and at random")
    add("--random-draws", type=int, default=2, help="how many random ones for each fold and each seed")
    add("--seeds", type=int, default=1, help="3: everything with the seeds 1, 2 and 3")
    add("--nnet-config", help="options of asrser_nn train; default: conf/paper/asr.conf or ser.conf")
    add("work", metavar="work-dir")
    add("task", choices=["asr", "ser"])
    add("options", nargs="*", help="further options of asrser_nn train; they win")
    given = parser.parse_args()
    options = ["--config", given.nnet_config or str(ROOT / f"conf/paper/{given.task}.conf"), *given.options]
    work = given.work.rstrip("/") or "/"
    runs: list[Run] = []
    with as_script("local/list_runs.py"):
        try:
            if given.seeds < 1:
                raise Failure(f"--seeds is a number of seeds, at least 1, not {given.seeds}")
            if given.random_draws < 1:
                raise Failure(f"--random-draws is a number of draws, at least 1, not {given.random_draws}")
            if without := set(given.controls) - set(given.layers):
                raise Failure(f"--controls {min(without)} is not among --layers {','.join(map(str, given.layers))}")
            asr, ser = ASR(work), SER(work)
            for seed in range(1, given.seeds + 1):
                exp = f"{work}/exp" + (f"/seed{seed}" if seed > 1 else "")
                words = [*options, "--seed", str(seed)] if seed > 1 else options
                tasks = (asr, ser) if given.task == "asr" else (ser, asr)
                runs += runs_of(*tasks, exp, given.layers, given.controls, given.random_draws, words)
            if (first := runs[0].training.method.seed) in range(2, given.seeds + 1):
                added = f"--seeds {given.seeds} adds seeds 2 to {given.seeds}"
                raise Failure(f"{added}, but {first} is the first one already")
        except click.ClickException as error:
            raise Failure(error.format_message()) from error
        for run in runs:
            print(json.dumps(run.as_data()))


if __name__ == "__main__":
    main()
