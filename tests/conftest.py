"""Fixtures shared by all tests: the real speech and Kaldi's answers that lie beside the checkout."""

import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# `python` and the programs that tests start are those of the environment that runs the tests.
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
# Where the tests run in the background, Ctrl-C is ignored, and programs that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def shared(*parts: str) -> Path:
    path = ROOT.parent.joinpath("shared", *parts)
    if not path.is_dir():
        pytest.skip(f"no {path}: this test compares against real speech that is not part of the repository")
    return path


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def golden() -> Path:
    """What Kaldi itself answers on 16 sentences of TIMIT."""
    return shared("golden", "dev")


@pytest.fixture(scope="session")
def timit_sample() -> Path:
    return shared("data", "timit-sample")


@pytest.fixture(scope="session")
def emodb() -> Path:
    return shared("data", "emodb")
