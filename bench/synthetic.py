"""What the benchmarks of the network share: synthetic data, the paper's method, and where a table was made."""

import argparse
import json
import math
import platform
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asrser_nn.data.corpus import Corpus, corpus_of
from asrser_nn.runs import Method

BATCH = 256
CLASSES = 144
METHOD = Method(
    batch_size=BATCH,
    learning_rate=1e-3,
    rmsprop_decay=0.99,
    rmsprop_epsilon=1e-8,
    l2=1e-3,
    max_epochs=1,
    patience=1,
    seed=1,
    precision="fp32",
)


def synthetic_corpus(num_frames: int, context: int = 15) -> Corpus:
    """Utterances of 300 frames, so many that there are num_frames or a few more; features and labels are random."""
    random = np.random.default_rng(0)
    utterances = []
    for i in range(math.ceil(num_frames / 300)):
        feats = random.standard_normal((300, 40), dtype=np.float32)
        utterances.append((f"u{i:05d}", feats, random.integers(CLASSES, size=300)))
    return corpus_of(utterances, context)


def option_parser(description: str | None) -> argparse.ArgumentParser:
    """With the options that all of them have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as many as torch takes")
    parser.add_argument("--json", help="write the figures here too")
    return parser


def clock(device: torch.device) -> float:
    """Seconds, when all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def machine(device: torch.device, precision: str) -> dict[str, Any]:
    return {
        "machine": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "precision": precision,
        "date": time.strftime("%Y-%m-%d"),
    }


def peak_memory(device: torch.device) -> dict[str, float]:
    """GiB since this process began, on the host and, for a GPU, there."""
    peak = {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}  # from KiB
    if device.type == "cuda":
        peak["device"] = torch.cuda.max_memory_allocated(device) / 2**30
    return peak


def report(result: dict[str, Any], json_path: str | None) -> None:
    """The last lines of every benchmark: where, with what memory; and all of it as JSON if that is wanted."""
    print(", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    print("peak memory:", ", ".join(f"{name} {gib:.2f} GiB" for name, gib in result["peak_memory_gib"].items()))
    if json_path:
        Path(json_path).write_text(json.dumps(result, indent=1) + "\n")
