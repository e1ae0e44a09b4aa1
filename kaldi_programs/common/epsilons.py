"""Epsilons that can go without adding arcs: an arc is joined with the one that follows it."""

import math
from collections.abc import Callable

from kaldi_programs.common.fst import Arc, Fst, from_lists, to_wheel


def log_plus(a: float, b: float) -> float:
    """The cost of the sum of two probabilities given as costs."""
    low, high = min(a, b), max(a, b)
    return low if high == math.inf else low - math.log1p(math.exp(low - high))


def remove_eps_local(
    fst: Fst, plus: Callable[[float, float], float] = min, reweight_plus: Callable[[float, float], float] = min
):
    """The FST, as an object of kaldifst, without its locally removable epsilons; it never grows.

    Two arcs in a row can become one when at most one of them has an input label and at most one an output label. That
    is done where the state between them has either one arc in (then each arc out that can be joined is, and the
    others stay behind the arc in) or one arc out. A final weight counts as an arc out, the start as an arc in.
    plus:          adds the costs of two ways to end in a state
    reweight_plus: adds the costs that leave a state; where only part of them is joined to the arc in, that arc and
                   the rest are reweighted so that these sums stay as they were
    The order of the work, and so of states and arcs, is that of fstext/remove-eps-local-inl.h in Kaldi.
    """
    arcs: list[list[Arc | None]] = [list(state) for state in fst.arc_lists()]  # None: removed
    finals = fst.finals.tolist()
    num_in = [0] * fst.num_states
    num_out = [len(state) + (final != math.inf) for state, final in zip(arcs, finals, strict=True)]
    for _, _, _, target in fst.arcs.tolist():
        num_in[target] += 1
    if fst.start >= 0:
        num_in[fst.start] += 1

    def add_final(s: int, cost: float) -> None:
        num_out[s] += finals[s] == math.inf
        finals[s] = plus(finals[s], cost)

    def remove_final(s: int) -> None:
        num_out[s] -= 1
        finals[s] = math.inf

    def add_arc(s: int, arc: Arc) -> None:
        num_out[s] += 1
        num_in[arc[3]] += 1
        arcs[s].append(arc)

    def remove_arc(s: int, position: int, target: int) -> None:
        num_out[s] -= 1
        num_in[target] -= 1
        arcs[s][position] = None

    def join_arcs_out(s: int, position: int, arc: Arc) -> None:
        """Nothing but `arc` leads to its next state."""
        middle = arc[3]
        removed, kept = math.inf, math.inf
        joined = []
        for i, follower in enumerate(arcs[middle]):
            if follower is None:
                continue
            both = _join(arc, follower)
            if both:
                removed = reweight_plus(removed, follower[2])
                joined.append(both)
                remove_arc(middle, i, follower[3])
            else:
                kept = reweight_plus(kept, follower[2])
        if finals[middle] != math.inf:
            if arc[:2] == (0, 0):
                removed = reweight_plus(removed, finals[middle])
                add_final(s, arc[2] + finals[middle])
                remove_final(middle)
            else:
                kept = reweight_plus(kept, finals[middle])
        if removed != math.inf and kept == math.inf:
            remove_arc(s, position, middle)
        elif removed != math.inf:
            moved = kept - reweight_plus(removed, kept)
            arcs[s][position] = (*arc[:2], arc[2] + moved, middle)
            arcs[middle] = [a and (*a[:2], a[2] - moved, a[3]) for a in arcs[middle]]
            finals[middle] -= moved
        for both in joined:
            add_arc(s, both)

    def join_only_arc_out(s: int, position: int, arc: Arc) -> None:
        """The next state of `arc` has one arc out or is final, not both."""
        middle = arc[3]
        is_only_way_in = num_in[middle] == 1
        if finals[middle] != math.inf:
            if arc[:2] != (0, 0):
                return
            add_final(s, arc[2] + finals[middle])
            if is_only_way_in:
                remove_final(middle)
        else:
            i, follower = next((i, a) for i, a in enumerate(arcs[middle]) if a)
            both = _join(arc, follower)
            if not both or follower[3] == middle:  # a loop that nothing leaves: no path goes through it
                return
            if is_only_way_in:
                remove_arc(middle, i, follower[3])
            add_arc(s, both)
        remove_arc(s, position, middle)

    for s in range(fst.num_states):
        position = 0
        while position < len(arcs[s]):  # joined arcs are appended and looked at in turn
            arc = arcs[s][position]
            if arc is not None and arc[3] != s:
                if num_in[arc[3]] == 1 and num_out[arc[3]] > 1:
                    join_arcs_out(s, position, arc)
                elif num_out[arc[3]] == 1:
                    join_only_arc_out(s, position, arc)
            position += 1

    import kaldifst

    left = to_wheel(from_lists(fst.start, finals, [[a for a in state if a] for state in arcs]))
    kaldifst.connect(left)
    return left


def _join(first: Arc, second: Arc) -> Arc | None:
    if (first[0] and second[0]) or (first[1] and second[1]):
        return None
    return first[0] or second[0], first[1] or second[1], first[2] + second[2], second[3]
