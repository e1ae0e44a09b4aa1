#!/usr/bin/env python
"""Peak memory of a training on as many frames as a corpus has.

Writes random features and labels of that size (2.5 million frames is the whole of IEMOCAP, 1.1 million TIMIT) into a
folder that is removed afterwards, runs asrser_nn train on them on the CPU with its epoch cut short after some steps, so
through reading, normalising, steps, dev and checkpoint to final.pt, and says the largest resident size of that process.

Usage: python bench/training_memory.py [--frames 2500000] [--steps 20] [--json OUT]
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from asrser_io.tables import TableWriter

NUM_COEFFICIENTS = 40
MEAN_LENGTH = 450  # frames of an utterance of IEMOCAP


def write_part(folder: Path, part: str, num_frames: int, num_classes: int) -> list[str]:
    """Write features and labels; returns their rspecifiers."""
    rng = np.random.default_rng(0)
    feats, labels = (f"ark:{folder}/{part}.{kind}.ark" for kind in ("feats", "labels"))
    with TableWriter(feats, "matrix") as feats_writer, TableWriter(labels, "int_vector") as labels_writer:
        for number in range(num_frames // MEAN_LENGTH):
            length = int(rng.integers(MEAN_LENGTH // 2, MEAN_LENGTH * 3 // 2))
            feats_writer.write(f"{part}{number}", rng.standard_normal((length, NUM_COEFFICIENTS), dtype=np.float32))
            labels_writer.write(f"{part}{number}", rng.integers(0, num_classes, length, dtype=np.int32))
    return [feats, labels]


def train(arguments: list[str], steps: int) -> None:
    """asrser_nn train, for one epoch of so many minibatches."""
    from asrser_nn.__main__ import cli
    from asrser_nn.training import loop as training

    whole_epoch = training.train_epoch

    def short_epoch(learners: Any, corpora: Any, seed: int) -> Any:
        some = slice(steps * learners[0].method.batch_size)
        corpora = [replace(corpus, starts=corpus.starts[some], labels=corpus.labels[some]) for corpus in corpora]
        return whole_epoch(learners, corpora, seed)

    training.train_epoch = short_epoch
    cli(["train", "--device=cpu", "--max-epochs=1", *arguments], "asrser_nn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=2_500_000, help="of train and dev together, a tenth for dev")
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", help="write the figures here too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_part(folder, "train", options.frames * 9 // 10, options.classes)
        data += write_part(folder, "dev", options.frames // 10, options.classes)
        # A fresh process, so that what this one has used does not count
        process = multiprocessing.get_context("spawn").Process(
            target=train, args=([*data, str(folder / "run")], options.steps)
        )
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(f"the training failed with status {process.exitcode}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20  # from KiB
    print(f"{options.frames} frames of {NUM_COEFFICIENTS} coefficients: peak memory {peak:.2f} GiB")
    if options.json:
        Path(options.json).write_text(json.dumps({"frames": options.frames, "peak_memory_gib": round(peak, 3)}) + "\n")


if __name__ == "__main__":
    main()
