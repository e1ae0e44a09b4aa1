"""Move weights along the paths until the weights that leave each state sum to the same amount."""

import numpy as np

from kaldi_programs.common.fst import Fst, read_fst, write_fst
from kaldi_programs.common.program import Option, program, warn


@program(
    "fstpushspecial [options] [<in.fst> [<out.fst>]]",
    Option("delta", 1 / 1024, "largest difference between the sums of two states, in natural logs", ">= 0"),
    arguments=(0, 2),
)
def main(options, in_fst="-", out_fst="-"):
    fst = read_fst(in_fst)
    if fst.num_states and not push_special(fst, options.delta):
        warn("weights pushed 200 times without agreeing; the result is inaccurate")
    write_fst(fst, out_fst)


def push_special(fst: Fst, delta: float) -> bool:
    """Reweight `fst` in place; True if all states' sums came to lie within `delta` of each other.

    With P the matrix of summed probabilities from state to state, a final weight counting as an arc back to the start,
    and v its dominant eigenvector, every row of p_ij v_j / v_i has the same sum (Hannemann and Povey, "Combining
    forward and backward search in decoding", ICASSP 2013). v is found by the power method, on P + 0.1 I so that it also
    converges for a chain of states, whose eigenvalues all have the same magnitude.
    """
    n, targets = fst.num_states, fst.arcs["nextstate"]
    sources = np.concatenate((fst.sources, np.arange(n)))
    next_states = np.concatenate((targets, np.full(n, fst.start)))
    probabilities = np.exp(-np.concatenate((fst.arcs["weight"], fst.finals)).astype(np.float64))

    v = np.full(n, 1 / np.sqrt(n))
    converged = False
    for iteration in range(200):
        new_v = np.bincount(sources, probabilities * v[next_states], minlength=n) + 0.1 * v
        v = new_v / np.linalg.norm(new_v)
        if iteration > 0 and iteration % 5 == 0:
            sums = np.bincount(sources, probabilities * v[next_states], minlength=n) / v
            converged = bool(np.log(sums.max() / sums.min()) <= delta)
            if converged:
                break
    potentials = -np.log(v)
    fst.arcs = fst.arcs.copy()
    fst.arcs["weight"] = fst.arcs["weight"] + (potentials[targets] - potentials[fst.sources])
    fst.finals = fst.finals + (potentials[fst.start] - potentials).astype(np.float32)
    return converged
