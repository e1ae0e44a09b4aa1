"""The best phones of a recording, by the Viterbi algorithm over a small loop of phone HMMs and a language model.

The loop comes from hmm.json beside a network, which steps/nnet/write_hmm.py makes:

    {"format": "asrser_nn phone loop", "version": 1, "num_pdfs": 144, "acoustic_scale": 0.5,
     "units": [{"phone": "aa", "pdfs": [3, 4, 5], "stay": […], "leave": […], "start": …, "next": […], "end": …}, …]}

A unit is a phone in a state of the language model, with a left-to-right HMM; a bigram has one unit for each phone.
pdfs are its states' columns of the network's output. All other numbers are natural log-probabilities, scaled as in the
decoding graph: stay and leave of each state; start: of beginning a recording with this unit; next: of each unit after
it, back-off included; end: of ending with it. null: impossible.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asrser_io.files import Failure, described
from asrser_io.text import is_word

FORMAT, VERSION = "asrser_nn phone loop", 1


@dataclass
class PhoneLoop:
    num_pdfs: int
    acoustic_scale: float  # weight of the network's scores against all numbers below
    phones: list[str]  # (units,)
    pdfs: np.ndarray  # (states,) int; the states of all units, one unit after the other
    stay: np.ndarray  # (states,)
    leave: np.ndarray  # (states,) for the state or unit that follows
    first: np.ndarray  # (units,) the index of each unit's first state
    start: np.ndarray  # (units,)
    next: np.ndarray  # (units, units) from row to column
    end: np.ndarray  # (units,)


def read_phone_loop(path: Path) -> PhoneLoop:
    def numbers(values: list) -> np.ndarray:
        if not all(isinstance(value, float | int | None) for value in values):
            raise TypeError(f"not only numbers: {values}"[:60])
        return np.array([-np.inf if value is None else value for value in values], float)

    try:
        content = json.loads(path.read_bytes())
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise ValueError(f"{content['format']}, version {content['version']}")
        units = content["units"]
        lengths = [len(unit["pdfs"]) for unit in units]
        loop = PhoneLoop(
            num_pdfs=int(content["num_pdfs"]),
            acoustic_scale=float(content["acoustic_scale"]),
            phones=[unit["phone"] for unit in units],
            pdfs=np.array([pdf for unit in units for pdf in unit["pdfs"]]),
            stay=numbers([value for unit in units for value in unit["stay"]]),
            leave=numbers([value for unit in units for value in unit["leave"]]),
            first=np.cumsum([0, *lengths[:-1]]),
            start=numbers([unit["start"] for unit in units]),
            next=np.array([numbers(unit["next"]) for unit in units]),
            end=numbers([unit["end"] for unit in units]),
        )
        states = (sum(lengths),)
        if not min(lengths) or not loop.pdfs.shape == loop.stay.shape == loop.leave.shape == states:
            raise ValueError("units whose pdfs, stay and leave differ in number")
        if loop.next.shape != (len(units), len(units)):
            raise ValueError(f"next for {loop.next.shape} units, but there are {len(units)}")
        if loop.pdfs.dtype.kind != "i" or not 0 <= loop.pdfs.min() <= loop.pdfs.max() < loop.num_pdfs:
            raise ValueError(f"pdfs that are not all integers from 0 to {loop.num_pdfs - 1}")
        for what, values in vars(loop).items():
            if what in ("stay", "leave", "start", "next", "end") and not (values < np.inf).all():
                raise ValueError(f"{what} with a number that is no log-probability")
        if not 0 < loop.acoustic_scale < np.inf:
            raise ValueError(f"an acoustic scale of {loop.acoustic_scale}")
        if not all(isinstance(phone, str) and is_word(phone) for phone in loop.phones):
            raise ValueError("phones that are not all words")
        return loop
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise Failure(
            f"{path}: not a phone loop of version {VERSION}, or a damaged one ({described(error)}); "
            "steps/nnet/write_hmm.py writes it anew"
        ) from error


def best_phones(loop: PhoneLoop, log_likelihoods: np.ndarray, acoustic_scale: float) -> list[tuple[str, int, int]]:
    """The path of the highest probability; nothing is pruned.

    log_likelihoods: (frames, pdfs), pseudo-log-likelihoods
    returns: (phone, first frame, frame after the last), one after the other. If no path can end (fewer frames than a
        phone has states), the best unfinished one.
    """
    scores = acoustic_scale * log_likelihoods[:, loop.pdfs].astype(float)  # (frames, states)
    num_frames, num_states = scores.shape
    last = np.append(loop.first[1:], num_states) - 1
    unit_of = np.searchsorted(loop.first, np.arange(num_states), side="right") - 1
    # Where a state's best path comes from: itself (0), the state before it (1), or, plus 2, another unit.
    came_from = np.zeros((num_frames, num_states), np.int32)
    score = np.full(num_states, -np.inf)
    score[loop.first] = loop.start + scores[0, loop.first]
    for frame in range(1, num_frames):
        leaving = score + loop.leave
        enter = np.empty(num_states)
        enter[1:] = leaving[:-1]
        between = leaving[last][:, None] + loop.next
        previous = between.argmax(axis=0)
        enter[loop.first] = between[previous, np.arange(len(previous))]
        step = np.ones(num_states, np.int32)
        step[loop.first] = previous + 2
        staying = score + loop.stay
        moves = enter > staying
        came_from[frame] = np.where(moves, step, 0)
        score = np.where(moves, enter, staying) + scores[frame]

    ending = score[last] + loop.leave[last] + loop.end
    state = int(last[ending.argmax()]) if np.isfinite(ending).any() else int(score.argmax())
    segments = []
    end = num_frames
    for frame in range(num_frames - 1, -1, -1):
        step_taken = int(came_from[frame, state])
        if frame == 0 or step_taken >= 2:
            segments.append((loop.phones[unit_of[state]], frame, end))
            end = frame
        if step_taken:
            state = state - 1 if step_taken == 1 else int(last[step_taken - 2])
    return segments[::-1]
