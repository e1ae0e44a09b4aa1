"""What a network is computed on: device, threads, precision of products, memory."""

import contextlib
from typing import Any

import torch

from asrser_io.files import Failure
from asrser_nn.network import waiting


def set_threads(threads: int) -> None:
    """0 leaves the choice to torch. Several wait for each other as suits the machine."""
    if threads:
        torch.set_num_threads(threads)
    if torch.get_num_threads() > 1:
        waiting.watch()


def pick_device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise Failure("--device cuda: torch finds no GPU here; use --device cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def precision_context(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """tf32 changes how a GPU multiplies; bf16 multiplies in bfloat16, with weights and sums still in float32."""
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def own_stream(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """On a GPU, what one thread asks for runs beside what others ask for only in a stream of its own."""
    return torch.cuda.stream(torch.cuda.Stream(device)) if device.type == "cuda" else contextlib.nullcontext()


def free_memory(device: torch.device) -> int:
    """Bytes that can be had on a device now."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        with open("/proc/meminfo") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return 2**31  # not Linux: assume a small machine
