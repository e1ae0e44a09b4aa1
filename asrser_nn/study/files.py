"""What these programs have written, read back: whatever is wrong with it, the file is named. Does not import torch."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asrser_io.files import Failure, described
from asrser_io.text import read_lines, rows
from asrser_nn.study.measures import Counts


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Failure(f"{path}: this is no JSON ({error}); remove it and run its stage again") from error


@contextmanager
def as_written(files: str | Path) -> Iterator[None]:
    """Around the use of what these programs have written: whatever is wrong with it, the files are."""
    try:
        yield
    except (AttributeError, LookupError, StopIteration, TypeError, ValueError, OverflowError) as error:
        raise Failure(
            f"{files}: damaged, or of another version ({described(error)}); remove it and run its stage again"
        ) from error


def phone_errors(per_utt: Path) -> Counts:
    """From lines '<utt> <spk> <errors> <phones> …'."""
    counts: Counts = defaultdict(lambda: [[0, 0]])
    lines = rows(read_lines(per_utt), per_utt, "<utt> <spk> <errors> <phones> …")
    with as_written(per_utt):
        for _, (_, speaker, errors, phones, *_) in lines:
            counts[speaker] = [[counts[speaker][0][0] + int(errors), counts[speaker][0][1] + int(phones)]]
        if not counts:
            raise ValueError("there is no utterance in it")
    return dict(counts)
