"""The features and labels of data directories or rspecifiers, and the matrices that asrser_nn writes."""

import os
from collections.abc import Iterator

import numpy as np

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, is_rspecifier, is_wspecifier, read_object, read_table


def read_feats(source: str) -> Iterator[tuple[str, np.ndarray]]:
    """(utterance, (frames, coefficients) float32, finite) of a data directory's feats.scp or of an rspecifier."""
    return _read(_rspecifier(source, "feats.scp"), "feats")


def read_labels(source: str) -> Iterator[tuple[str, np.ndarray]]:
    """(utterance, (frames,) int32) of a data directory's labels.scp or of an rspecifier of integer vectors."""
    return _read(_rspecifier(source, "labels.scp"), "int_vector")


def _rspecifier(source: str, script: str) -> str:
    if os.path.isdir(source):
        return f"scp:{source}/{script}"
    if not is_rspecifier(source):
        raise Failure(
            f"'{source}' is neither a data directory nor an rspecifier: "
            "expected a folder, scp:FILE, ark:FILE or 'ark:COMMAND |'"
        )
    return source


def _read(rspecifier: str, kind: str) -> Iterator[tuple[str, np.ndarray]]:
    """Failures name the table: a command may read several."""
    try:
        yield from read_table(rspecifier, kind)
    except Failure as error:
        raise Failure(f"{rspecifier}: {error}") from error


def read_vector(rxfilename: str) -> np.ndarray:
    """One Kaldi vector, (length,) float64: what analyze-counts writes, binary or text."""
    vector: np.ndarray = read_object(rxfilename, "double_vector")
    return vector


def matrix_writer(wspecifier: str) -> TableWriter:
    """Writes matrices to ark:FILE, ark,t:FILE, ark,scp:FILE,FILE, ark:- or 'ark:| COMMAND'."""
    if not is_wspecifier(wspecifier):
        raise Failure(
            f"'{wspecifier}' is no wspecifier: expected ark:FILE, ark,t:FILE, ark,scp:FILE,FILE or 'ark:| COMMAND'"
        )
    return TableWriter(wspecifier, "matrix")
