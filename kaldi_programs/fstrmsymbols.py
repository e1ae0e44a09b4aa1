"""Turn listed symbols into epsilon, remove the arcs that carry them, or make those arcs dearer."""

import math

import numpy as np

from asrser_io.files import Failure
from kaldi_programs.common.fst import Fst, read_fst, read_int_list, to_wheel, write_fst
from kaldi_programs.common.program import Option, program, warn


@program(
    "fstrmsymbols [options] <symbols> [<in.fst> [<out.fst>]]",
    Option("apply-to-output", False, "look at output labels instead of input labels"),
    Option("remove-from-output", False, "older name of --apply-to-output"),
    Option("remove-arcs", False, "remove the arcs instead of the symbols on them"),
    Option("penalty", -math.inf, "add this cost to the arcs instead of removing the symbols on them", ">= -inf"),
    arguments=(1, 3),
)
def main(options, symbols, in_fst="-", out_fst="-"):
    penalize = options.penalty != -math.inf
    if options.remove_arcs and penalize:
        raise Failure("--remove-arcs and --penalty exclude each other")
    fst = read_fst(in_fst)
    side = "olabel" if options.apply_to_output or options.remove_from_output else "ilabel"
    listed = np.isin(fst.arcs[side], read_int_list(symbols))
    fst.arcs = fst.arcs.copy()
    if options.remove_arcs:
        write_fst(_without_arcs(fst, listed), out_fst)
    else:
        if penalize:
            fst.arcs["weight"][listed] += options.penalty
        else:
            fst.arcs[side][listed] = 0
        write_fst(fst, out_fst)


def _without_arcs(fst: Fst, listed: np.ndarray):
    """The FST without the listed arcs and without the states that then lie on no path."""
    import kaldifst

    kept = np.bincount(fst.sources[~listed], minlength=fst.num_states)
    trimmed = to_wheel(Fst(fst.start, fst.finals, np.concatenate(([0], np.cumsum(kept))), fst.arcs[~listed]))
    kaldifst.connect(trimmed)
    if trimmed.num_states == 0:
        warn("no path is left: every path had one of the symbols")
    return trimmed
