#!/usr/bin/env python
"""Does reduced precision change the frame error rate more than the seed does? Trains with several seeds in each.

Takes a folder in which recipe/asr.sh has made stages 1 to 6, for example
  recipe/asr.sh --dir sample --stop-stage 6 timit ../shared/data/timit-sample
and says, for each precision, mean and standard deviation over seeds of the FER on dev, the best of all epochs as in any
training, and the frames per second. The runs lie in WORK/exp/precision, and continue where they were.

Usage: python bench/precision.py [--precisions fp32,bf16] [--seeds 5] [--config conf/quick/asr.conf] [--device auto]
                                 [--threads 0] [--json OUT] WORK
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from asrser_nn.commands.runs import training_of
from asrser_nn.runs import Run

ROOT = Path(__file__).resolve().parent.parent


def labels(work: Path, part: str) -> str:
    ali = f"{work}/exp/mono_ali_{part}"
    return f"ark:utils/ali_to_pdf.sh {ali} |"


def train(work: Path, precision: str, seeds: list[int], options: argparse.Namespace) -> list[list[dict[str, Any]]]:
    """The history of each training."""
    folder = work / "exp/precision" / precision
    folder.mkdir(parents=True, exist_ok=True)
    data = [word for part in ("train", "dev") for word in (f"{work}/data_fbank/asr/{part}", labels(work, part))]
    command = ["train", f"--config={options.config}", f"--precision={precision}", *data]
    runs = []
    for seed in seeds:
        directory = f"{folder}/{seed}"
        runs.append(Run(directory, "asr", None, None, training_of([*command, f"--seed={seed}", directory])))
    (folder / "runs").write_text("".join(json.dumps(run.as_data()) + "\n" for run in runs))
    how = [f"--device={options.device}", f"--threads={options.threads}", "--together=1"]
    words = ["bash", "-c", '. ./path.sh && asrser_nn grid "$@"', "grid", *how, str(folder / "runs")]
    subprocess.run(words, cwd=ROOT, check=True)
    return [json.loads((folder / str(seed) / "history.json").read_text()) for seed in seeds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--config", type=Path, default=ROOT / "conf/quick/asr.conf")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    work = options.work.resolve()
    if not (work / "exp/mono_ali_dev/final.mdl").exists():
        sys.exit(f"{work}/exp/mono_ali_dev: no alignment there; run recipe/asr.sh --dir {work} --stop-stage 6 first")
    seeds = list(range(1, options.seeds + 1))
    result = {}
    print(f"{'':6} {'FER, mean':>10} {'deviation':>10} {'frames/s':>9}   each seed")
    for precision in options.precisions.split(","):
        histories = train(work, precision, seeds, options)
        errors = [100 - max(epoch["dev_accuracy"] for epoch in history) for history in histories]
        speed = statistics.median(epoch["frames_per_second"] for history in histories for epoch in history)
        mean, deviation = statistics.mean(errors), statistics.stdev(errors)
        result[precision] = {"fer": errors, "mean": mean, "deviation": deviation, "frames_per_second": speed}
        each = " ".join(f"{error:.2f}" for error in errors)
        print(f"{precision:6} {mean:10.2f} {deviation:10.2f} {speed:9.0f}   {each}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"cores": os.cpu_count(), "precisions": result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
