"""Do the weights that leave each state sum to one? Prints the extreme sums as costs; status 0 if both are near 0."""

import numpy as np

from kaldi_programs.common.fst import Fst, read_fst
from kaldi_programs.common.program import Option, program


@program(
    "fstisstochastic [options] [<in.fst>]",
    Option("delta", 0.01, "largest cost, either way, that counts as a sum of one", ">= 0"),
    Option("test-in-log", True, "sum probabilities; false: take the largest, as the tropical semiring does"),
    arguments=(0, 1),
    answers_by_status=True,
)
def main(options, in_fst="-"):
    costs = total_costs(read_fst(in_fst), options.test_in_log)
    low, high = (costs.min(), costs.max()) if len(costs) else (0.0, 0.0)
    # As in Kaldi, the smaller sum comes first where probabilities are summed, the larger otherwise.
    print(f"{high:g} {low:g}" if options.test_in_log else f"{low:g} {high:g}")
    return 0 if max(abs(low), abs(high)) <= options.delta else 1


def total_costs(fst: Fst, in_log: bool) -> np.ndarray:
    """The summed weight of each state's arcs and its final weight, (states,) float64, as costs."""
    finals, weights = fst.finals.astype(np.float64), fst.arcs["weight"].astype(np.float64)
    if in_log:
        sums = np.exp(-finals) + np.bincount(fst.sources, np.exp(-weights), minlength=fst.num_states)
        with np.errstate(divide="ignore"):
            return 0 - np.log(sums)  # not -log: that makes -0 of a sum of one
    np.minimum.at(finals, fst.sources, weights)
    return finals
