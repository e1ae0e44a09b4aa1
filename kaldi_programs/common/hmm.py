"""Kaldi's transition model: HMM topology, transition ids, and transition probabilities.

A transition state is one emitting HMM state of one phone with its pdf; each arc that leaves it is a transition id,
counted from 1. Alignments and graphs carry transition ids. The file format is that of hmm/hmm-topology.cc and
hmm/transition-model.cc in Kaldi, binary and text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from asrser_io.files import Failure
from asrser_io.streams import open_object
from asrser_io.text import is_count
from asrser_io.values import (
    expect_token,
    read_float,
    read_int32,
    read_int_vector,
    read_token,
    read_vector,
    write_float,
    write_int32,
    write_int_vector,
    write_token,
    write_vector,
)
from kaldi_programs.common.wheels import wheel_object

if TYPE_CHECKING:
    from kaldi_programs.common.tree import ContextDependency

NO_PDF = -1  # the pdf class of a state that emits nothing
MOST_PHONES = 1_000_000  # by far more than there are, even with word positions and contexts


class HmmState(NamedTuple):
    forward_pdf_class: int
    self_loop_pdf_class: int  # differs from forward_pdf_class in chain models only
    transitions: tuple[tuple[int, float], ...]  # (destination state, probability)


class Topology:
    def __init__(self, phone_to_entry: Sequence[int] | np.ndarray, entries: list[list[HmmState]]):
        """phone_to_entry: for each phone id from 0, an index into entries, or -1; entries: the states of an HMM."""
        self.phone_to_entry = [int(entry) for entry in phone_to_entry]
        self.entries = entries
        self.phones = [phone for phone, entry in enumerate(self.phone_to_entry) if entry >= 0]
        if not self.phones or not set(self.phone_to_entry) - {-1} == set(range(len(entries))):
            raise Failure("a topology whose phones and entries do not belong together")
        self.is_hmm = all(state.forward_pdf_class == state.self_loop_pdf_class for hmm in entries for state in hmm)
        for hmm in entries:
            _check_hmm(hmm)

    def hmm(self, phone: int) -> list[HmmState]:
        if not 0 < phone < len(self.phone_to_entry) or self.phone_to_entry[phone] < 0:
            raise Failure(f"phone {phone} is not in the topology")
        return self.entries[self.phone_to_entry[phone]]

    def num_pdf_classes(self, phone: int) -> int:
        return 1 + max(max(state.forward_pdf_class, state.self_loop_pdf_class) for state in self.hmm(phone))

    def write(self, file, binary: bool) -> None:
        write_token(file, "<Topology>", binary)
        if binary:
            self._write_binary(file)
        else:
            self._write_text(file)
        write_token(file, "</Topology>", binary)
        if not binary:
            file.write(b"\n")

    def _write_binary(self, file) -> None:
        write_int_vector(file, self.phones, True)
        write_int_vector(file, self.phone_to_entry, True)
        if not self.is_hmm:
            write_int32(file, -1, True)  # says that self-loop pdf classes follow
        write_int32(file, len(self.entries), True)
        for hmm in self.entries:
            write_int32(file, len(hmm), True)
            for state in hmm:
                write_int32(file, state.forward_pdf_class, True)
                if not self.is_hmm:
                    write_int32(file, state.self_loop_pdf_class, True)
                write_int32(file, len(state.transitions), True)
                for destination, probability in state.transitions:
                    write_int32(file, destination, True)
                    write_float(file, probability, True)

    def _write_text(self, file) -> None:
        file.write(b"\n")
        for index, hmm in enumerate(self.entries):
            phones = [phone for phone in self.phones if self.phone_to_entry[phone] == index]
            lines = ["<TopologyEntry> ", "<ForPhones> ", "".join(f"{phone} " for phone in phones), "</ForPhones> "]
            for number, state in enumerate(hmm):
                line = f"<State> {number} "
                if state.forward_pdf_class != NO_PDF and self.is_hmm:
                    line += f"<PdfClass> {state.forward_pdf_class} "
                elif state.forward_pdf_class != NO_PDF:
                    line += f"<ForwardPdfClass> {state.forward_pdf_class} "
                    line += f"<SelfLoopPdfClass> {state.self_loop_pdf_class} "
                for destination, probability in state.transitions:
                    line += f"<Transition> {destination} {probability:.7g} "
                lines.append(line + "</State> ")
            lines.append("</TopologyEntry> ")
            file.write("".join(line + "\n" for line in lines).encode())

    def to_wheel(self):
        """The same topology as an object of kaldi_hmm_gmm."""
        import io

        import kaldi_hmm_gmm as khg

        text = io.BytesIO()
        self.write(text, binary=False)
        topology = khg.HmmTopology()
        topology.read(text.getvalue().decode())
        return topology


def _check_hmm(hmm: list[HmmState]) -> None:
    last = len(hmm) - 1
    if last < 1 or hmm[last].transitions or hmm[last].forward_pdf_class != NO_PDF:
        raise Failure("a topology entry must end in a state that emits nothing and has no transitions")
    for number, state in enumerate(hmm[:last]):
        destinations = [destination for destination, _ in state.transitions]
        if not destinations or len(set(destinations)) < len(destinations):
            raise Failure(f"state {number} of the topology needs transitions, each to a state of its own")
        if not all(0 <= destination <= last for destination in destinations):
            raise Failure(f"state {number} of the topology has a transition to a state that is not there")
        if not all(0 < probability < np.inf for _, probability in state.transitions):
            raise Failure(f"state {number} of the topology has a transition of zero probability, or none: leave it out")
        if state.forward_pdf_class == NO_PDF and (last in destinations or number in destinations):
            raise Failure(f"state {number} of the topology emits nothing, so it cannot loop or end the phone")
    classes = {state[part] for state in hmm for part in (0, 1)} - {NO_PDF}
    if classes != set(range(len(classes))):
        raise Failure(f"an entry of the topology has the pdf classes {sorted(classes)}: expected 0, 1 and so on, all")


def read_topology(file, binary: bool) -> Topology:
    expect_token(file, "<Topology>", binary)
    return _read_topology_binary(file) if binary else _read_topology_text(file)


def _read_topology_binary(file) -> Topology:
    read_int_vector(file, True)  # the phones, which phone_to_entry says again
    phone_to_entry = read_int_vector(file, True)
    num_entries = read_int32(file, True)
    is_hmm = num_entries != -1
    if not is_hmm:
        num_entries = read_int32(file, True)
    entries = []
    for _ in range(num_entries):
        hmm = []
        for _ in range(read_int32(file, True)):
            forward = read_int32(file, True)
            self_loop = forward if is_hmm else read_int32(file, True)
            num_transitions = read_int32(file, True)
            transitions = tuple((read_int32(file, True), read_float(file, True)) for _ in range(num_transitions))
            hmm.append(HmmState(forward, self_loop, transitions))
        entries.append(hmm)
    expect_token(file, "</Topology>", True)
    return Topology(phone_to_entry, entries)


def _read_topology_text(file) -> Topology:
    phone_to_entry: dict[int, int] = {}
    entries: list[list[HmmState]] = []
    while (token := read_token(file, False)) != "</Topology>":
        _expect(token, "<TopologyEntry>")
        expect_token(file, "<ForPhones>", False)
        while (token := read_token(file, False)) != "</ForPhones>":
            if not is_count(token) or not 0 < int(token) <= MOST_PHONES:
                raise Failure(f"expected a phone id, 1 to {MOST_PHONES}, or </ForPhones>, found {token!r}")
            if int(token) in phone_to_entry:
                raise Failure(f"phone {token} appears twice in the topology")
            phone_to_entry[int(token)] = len(entries)
        hmm: list[HmmState] = []
        while (token := read_token(file, False)) != "</TopologyEntry>":
            _expect(token, "<State>")
            number = read_int32(file, False)
            if number != len(hmm):
                raise Failure(f"expected state {len(hmm)} of the topology entry, found state {number}")
            hmm.append(_read_state_text(file))
        entries.append(hmm)
    size = 1 + max(phone_to_entry, default=0)
    return Topology([phone_to_entry.get(phone, -1) for phone in range(size)], entries)


def _read_state_text(file) -> HmmState:
    """The rest of a state, after its number."""
    forward = self_loop = NO_PDF
    token = read_token(file, False)
    if token == "<PdfClass>":
        forward = self_loop = read_int32(file, False)
        token = read_token(file, False)
    elif token == "<ForwardPdfClass>":
        forward = read_int32(file, False)
        expect_token(file, "<SelfLoopPdfClass>", False)
        self_loop = read_int32(file, False)
        token = read_token(file, False)
    transitions = []
    while token == "<Transition>":
        transitions.append((read_int32(file, False), read_float(file, False)))
        token = read_token(file, False)
    _expect(token, "</State>")
    return HmmState(forward, self_loop, tuple(transitions))


def _expect(token: str, expected: str) -> None:
    if token != expected:
        raise Failure(f"expected {expected}, found {token!r}")


class TransitionModel:
    """Arrays over transition ids have an unused element 0, so that ids index them directly."""

    def __init__(self, topology: Topology, states: np.ndarray, log_probs: np.ndarray):
        """states: (transition states, 4) phone, HMM state, forward pdf, self-loop pdf; log_probs: (ids + 1,)."""
        self.topology = topology
        self.states = np.asarray(states, np.int32).reshape(-1, 4)
        if (self.states[:, 2] < 0).any():
            raise Failure("a transition state with a negative pdf id")
        self.log_probs = np.asarray(log_probs, np.float32)
        id_to_state, destinations, final = [0], [NO_PDF], [False]
        for index, (phone, hmm_state) in enumerate(self.states[:, :2].tolist()):
            hmm = topology.hmm(phone)
            if not 0 <= hmm_state < len(hmm):
                raise Failure(f"transition state {index + 1} is state {hmm_state} of phone {phone}, which is not there")
            for destination, _ in hmm[hmm_state].transitions:
                id_to_state.append(index + 1)
                destinations.append(destination)
                final.append(destination == len(hmm) - 1)
        self.id_to_state = np.array(id_to_state)
        self.destinations = np.array(destinations)  # by transition id: the HMM state it goes to
        self.is_final = np.array(final)  # by transition id: does it end the phone
        self.num_ids = len(self.id_to_state) - 1
        if self.num_ids == 0 or len(self.log_probs) != self.num_ids + 1:
            raise Failure(f"{len(self.log_probs)} log-probabilities for {self.num_ids} transition ids")
        state_of_id = self.states[self.id_to_state - 1]
        self.id_to_phone = state_of_id[:, 0]
        self.is_self_loop = self.destinations == state_of_id[:, 1]
        self.id_to_pdf = np.where(self.is_self_loop, state_of_id[:, 3], state_of_id[:, 2])
        for by_id in (self.id_to_phone, self.id_to_pdf, self.is_self_loop):
            by_id[0] = 0
        self.num_pdfs = 1 + int(self.states[:, 2:].max())

    @property
    def num_states(self) -> int:
        return len(self.states)

    def summary(self) -> str:
        """As hmm-info prints it."""
        return (
            f"number of phones {len(self.topology.phones)}\n"
            f"number of pdfs {self.num_pdfs}\n"
            f"number of transition-ids {self.num_ids}\n"
            f"number of transition-states {self.num_states}"
        )

    def ids_of_state(self, state: int) -> range:
        first, end = np.searchsorted(self.id_to_state, [state, state + 1])
        return range(int(first), int(end))

    def check_ids(self, alignment: np.ndarray, key: str) -> np.ndarray:
        """The alignment, once it is known that all its transition ids are this model's."""
        alignment = np.asarray(alignment)
        if alignment.size and not (alignment.min() > 0 and alignment.max() <= self.num_ids):
            wrong = alignment[(alignment <= 0) | (alignment > self.num_ids)][0]
            raise Failure(
                f"utterance {key} has transition id {wrong}, but the model has 1 to {self.num_ids}: "
                "is the alignment from another model?"
            )
        return alignment

    def pdfs_of_phones(self, phones: Sequence[int]) -> tuple[np.ndarray, bool]:
        """The pdfs of these phones, and whether no other phone has any of them."""
        of_phones = np.isin(self.states[:, 0], phones)
        pdfs = np.unique(self.states[of_phones, 2:])
        return pdfs, not np.isin(self.states[~of_phones, 2:], pdfs).any()

    def split_to_phones(self, alignment: np.ndarray) -> list[tuple[int, int]]:
        """The phones of an alignment with their lengths in frames."""
        alignment = np.asarray(alignment)
        if alignment.size == 0:
            return []
        phones = self.id_to_phone[alignment]
        ends = self.is_final[alignment]
        if self._self_loops_come_last(alignment):
            # The phone lasts as long as the self-loops that follow its final transition.
            ends = np.zeros(len(alignment), bool)
            moves = np.flatnonzero(~self.is_self_loop[alignment])
            next_moves = np.append(moves[1:], len(alignment))
            ends[next_moves[self.is_final[alignment[moves]]] - 1] = True
        ends[:-1] |= phones[1:] != phones[:-1]
        ends[-1] = True  # the last phone may lack its final transition where a search was cut short
        after_end = np.flatnonzero(ends) + 1
        lengths = np.diff(after_end, prepend=0)
        return list(zip(phones[after_end - lengths].tolist(), lengths.tolist(), strict=True))

    def _self_loops_come_last(self, alignment: np.ndarray) -> bool:
        """Whether the graph was built with `reorder`, which puts the self-loop of a state behind its forward arc."""
        loops = self.is_self_loop[alignment]
        states = self.id_to_state[alignment]
        at_change = np.flatnonzero((states[1:] != states[:-1]) & (loops[1:] | loops[:-1]))
        if at_change.size:
            return bool(loops[at_change[0]])
        return bool(loops[-1] and not loops[0])

    def update(self, counts: np.ndarray, floor: float, min_count: float, share_for_pdfs: bool) -> dict[str, float]:
        """Set each state's transition probabilities to the relative counts of its transitions.

        counts: (ids + 1,); floor: smallest probability; min_count: a state with less is left as it is.
        returns: the gain in log-likelihood, the frames it is over, how many probabilities were floored, how many
        groups of states were skipped (as TransitionModel::MleUpdate in Kaldi)
        """
        if len(counts) != self.num_ids + 1:
            raise Failure(f"transition counts for {len(counts) - 1} ids, but the model has {self.num_ids}")
        groups: dict[int, list[int]] = {}
        for state, (_, _, forward_pdf, self_loop_pdf) in enumerate(self.states.tolist(), start=1):
            for group in {forward_pdf, self_loop_pdf} if share_for_pdfs else {state}:
                groups.setdefault(group, []).append(state)
        gain, frames, num_floored, num_skipped = 0.0, 0.0, 0, 0
        for states in groups.values():
            ids = [list(self.ids_of_state(state)) for state in states]
            if len({len(of_state) for of_state in ids}) > 1:
                raise Failure("--share-for-pdfs needs states of one pdf to have equally many transitions")
            if len(ids[0]) == 1:
                continue
            group_counts = counts[ids].sum(axis=0)
            total = group_counts.sum()
            frames += total
            if total < min_count:
                num_skipped += 1
                continue
            probs = (group_counts / total).astype(np.float32)
            for _ in range(3):
                probs = np.maximum(probs * np.float32(1 / probs.sum()), np.float32(floor))
            num_floored += int((probs == np.float32(floor)).sum())
            if not (probs > 0).all():
                raise Failure(
                    "a transition without counts gets no probability: give a --transition-floor above 0 "
                    "(or are the statistics damaged?)"
                )
            log_probs = np.log(probs.astype(float)).astype(np.float32)
            gain += float(group_counts @ (log_probs - self.log_probs[ids[0]]))
            self.log_probs[ids] = log_probs
        return {"gain": gain, "frames": frames, "floored": num_floored, "skipped": num_skipped, "groups": len(groups)}

    def write(self, file, binary: bool) -> None:
        name = "Triples" if self.topology.is_hmm else "Tuples"
        numbers = self.states[:, :3] if self.topology.is_hmm else self.states
        newline = b"" if binary else b"\n"
        write_token(file, "<TransitionModel>", binary)
        file.write(newline)
        self.topology.write(file, binary)
        write_token(file, f"<{name}>", binary)
        write_int32(file, len(numbers), binary)
        file.write(newline)
        for row in numbers.tolist():
            for number in row:
                write_int32(file, number, binary)
            file.write(newline)
        write_token(file, f"</{name}>", binary)
        file.write(newline)
        write_token(file, "<LogProbs>", binary)
        file.write(newline)
        write_vector(file, self.log_probs, binary)
        write_token(file, "</LogProbs>", binary)
        file.write(newline)
        write_token(file, "</TransitionModel>", binary)
        file.write(newline)

    def to_wheel(self):
        """The same model as an object of kaldi_hmm_gmm."""
        from _kaldi_hmm_gmm import TransitionModelTuple

        state_to_id = [0, *np.searchsorted(self.id_to_state, np.arange(1, self.num_states + 2)).tolist()]
        self_loop_probs = np.zeros(self.num_states + 1, np.float32)
        # Through float64: the C library rounds expf and logf correctly, numpy's own float32 versions do not always.
        self_loop_probs[self.id_to_state[self.is_self_loop]] = np.exp(self.log_probs[self.is_self_loop].astype(float))
        return wheel_object(
            "TransitionModel",
            (
                [TransitionModelTuple(*state) for state in self.states.tolist()],
                self.topology.to_wheel(),
                state_to_id,
                self.id_to_state.tolist(),
                self.id_to_pdf.tolist(),
                self.num_pdfs,
                self.log_probs.tolist(),
                np.log(np.maximum(1 - self_loop_probs, np.float32(1e-10)).astype(float)).tolist(),
            ),
        )


def initial_transition_model(tree: ContextDependency, topology: Topology) -> TransitionModel:
    """The transition model of a tree and a topology, with the topology's probabilities."""
    import kaldi_hmm_gmm as khg

    model = khg.TransitionModel(tree.to_wheel(), topology.to_wheel())
    states = [state.__getstate__() for state in model.tuples]
    return TransitionModel(topology, np.array(states), np.array(model.log_probs))


def read_transition_model(rxfilename: str) -> TransitionModel:
    """The transition model at the start of a model file."""
    with open_object(rxfilename) as (file, binary):
        return parse_transition_model(file, binary)


def parse_transition_model(file, binary: bool) -> TransitionModel:
    expect_token(file, "<TransitionModel>", binary)
    topology = read_topology(file, binary)
    token = read_token(file, binary)
    if token not in ("<Triples>", "<Tuples>"):
        raise Failure(f"expected <Triples> or <Tuples>, found {token!r}")
    width = 3 if token == "<Triples>" else 4
    states = [[read_int32(file, binary) for _ in range(width)] for _ in range(read_int32(file, binary))]
    expect_token(file, token.replace("<", "</"), binary)
    expect_token(file, "<LogProbs>", binary)
    log_probs = read_vector(file, binary)
    expect_token(file, "</LogProbs>", binary)
    expect_token(file, "</TransitionModel>", binary)
    if width == 3:
        states = [[*state, state[2]] for state in states]
    return TransitionModel(topology, np.array(states), log_probs)
