#!/usr/bin/env python
"""Peak memory of a training on as many frames as a corpus has: python bench/training_memory.py [--frames 2500000]

Writes random features and labels of that size (2.5 million is the whole of IEMOCAP, 1.1 million TIMIT) into a folder
that is removed afterwards, trains the paper's network on them for some time, and says the largest resident size of that
process on the CPU: features and labels as they are read, windows of a minibatch, weights and optimiser together.
"""

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from kaldi_programs.tables import TableWriter

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=2_500_000, help="of train and dev together, a tenth for dev")
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=60, help="to train for, once the data are read")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train = write_part(folder, "train", args.frames * 9 // 10, args.classes)
        dev = write_part(folder, "dev", args.frames // 10, args.classes)
        command = [sys.executable, "-m", "asrser_nn", "train", "--device", "cpu", *train, *dev, str(folder / "run")]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(args.seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
        if process.returncode not in (0, 130):
            sys.exit(f"the training failed with status {process.returncode}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20  # from KiB
    print(f"{args.frames} frames of {NUM_COEFFICIENTS} coefficients: peak memory {peak:.2f} GiB after {args.seconds} s")


if __name__ == "__main__":
    main()
