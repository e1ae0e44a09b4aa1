#!/usr/bin/env python
"""How long each Kaldi program takes to start: python bench/startup.py [--repeats 5] [--json FILE]

Two columns in seconds, each the least of the repeats: `--help`, which is Python, our modules and numpy; and a call with
an empty table, which also loads the wheel that the program works with and, where it takes one, the model of
../shared/golden/dev. Programs that take no table have no second column. The target is 0.2 s or less, on a machine that
does nothing else.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT.parent / "shared" / "golden" / "dev"
TARGET = 0.2
MODEL, TREE, L, HCLG = (str(GOLDEN / name) for name in ("mono/final.mdl", "mono/tree", "lang/L.fst", "graph/HCLG.fst"))
NONE, NOWHERE = "ark:/dev/null", "ark:/dev/null"

WITHOUT_INPUT: dict[str, list[str]] = {
    "add-deltas": [NONE, NOWHERE],
    "ali-to-pdf": [MODEL, NONE, NOWHERE],
    "ali-to-phones": [MODEL, NONE, NOWHERE],
    "align-equal-compiled": [NONE, NONE, NOWHERE],
    "apply-cmvn": [NONE, NONE, NOWHERE],
    "compile-train-graphs": [TREE, MODEL, L, NONE, NOWHERE],
    "compute-cmvn-stats": [NONE, NOWHERE],
    "compute-fbank-feats": [NONE, NOWHERE],
    "compute-mfcc-feats": [NONE, NOWHERE],
    "compute-vad": [NONE, NOWHERE],
    "compute-wer": [NONE, NONE],
    "copy-feats": [NONE, NOWHERE],
    "copy-int-vector": [NONE, NOWHERE],
    "decode-faster-mapped": [MODEL, HCLG, NONE, NOWHERE],
    "extract-segments": [NONE, "/dev/null", NOWHERE],
    "feat-to-dim": [NONE, NOWHERE],
    "feat-to-len": [NONE],
    "gmm-acc-stats-ali": [MODEL, NONE, NONE, "/dev/null"],
    "gmm-align-compiled": [MODEL, NONE, NONE, NOWHERE],
    "gmm-boost-silence": ["1", MODEL, "/dev/null"],
    "gmm-copy": [MODEL, "/dev/null"],
    "gmm-decode-faster": [MODEL, HCLG, NONE, NOWHERE],
    "gmm-info": [MODEL],
    "subset-feats": [NONE, NOWHERE],
}


def programs() -> list[str]:
    with open(ROOT / "pyproject.toml", "rb") as file:
        scripts = tomllib.load(file)["project"]["scripts"]
    return sorted(name for name, where in scripts.items() if where.startswith("kaldi_programs."))


def seconds(command: list[str], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the figures here, too")
    options = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as path.sh has it
    bin_dir = Path(sysconfig.get_path("scripts"))
    table: dict[str, dict[str, float | None]] = {}
    print(f"{'program':24} {'--help':>8} {'no input':>9}")
    for name in programs():
        command = str(bin_dir / name)
        empty = WITHOUT_INPUT.get(name) if GOLDEN.is_dir() else None
        table[name] = {
            "help": seconds([command, "--help"], options.repeats),
            "no_input": seconds([command, *empty], options.repeats) if empty else None,
        }
        figures = [f"{value:.3f}" if value is not None else "-" for value in table[name].values()]
        print(f"{name:24} {figures[0]:>8} {figures[1]:>9}", flush=True)
    slowest = max((value or 0.0, name) for name, row in table.items() for value in row.values())
    print(f"slowest: {slowest[1]} {slowest[0]:.3f} s (target {TARGET} s)")
    if options.json:
        Path(options.json).write_text(json.dumps({"target": TARGET, "seconds": table}, indent=1) + "\n")
    return 0 if slowest[0] <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
