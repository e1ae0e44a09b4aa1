"""Make the flat start of monophone training: every pdf one Gaussian with the mean and variance of the features."""

import numpy as np

from asrser_io.files import Failure
from asrser_io.streams import open_object, open_output, read_lines
from asrser_io.tables import read_table
from asrser_io.text import is_count, words_of
from kaldi_programs.common import tree as trees
from kaldi_programs.common.gmm import AmDiagGmm, RandGauss, write_model
from kaldi_programs.common.hmm import Topology, initial_transition_model, read_topology
from kaldi_programs.common.program import Option, program


@program(
    "gmm-init-mono [options] <topology-in> <dim> <model-out> <tree-out>",
    Option("binary", True, "write binary, not text"),
    Option("train-feats", "", "rspecifier of features that give mean and variance (otherwise both are 1)"),
    Option("shared-phones", "", "file with a list of phones a line, which share their pdfs"),
    Option("perturb-factor", 0.0, "move each mean by so many standard deviations, times a number from N(0, 1)", ">= 0"),
    arguments=4,
)
def main(options, topology_in, dim_text, model_out, tree_out):
    if not (is_count(dim_text) and 0 < int(dim_text) < 10000):
        raise Failure(f"expected the dimension of the features, 1 to 9999, found {dim_text!r}")
    dim = int(dim_text)
    with open_object(topology_in) as (file, binary):
        topology = read_topology(file, binary)
    mean, inv_var = np.ones(dim, np.float32), np.ones(dim, np.float32)
    if options.train_feats:
        mean, inv_var = global_gaussian(options.train_feats, dim)
    phone_sets = [[phone] for phone in topology.phones]
    if options.shared_phones:
        phone_sets = read_phone_sets(options.shared_phones, topology)
    tree = trees.monophone_tree(phone_sets, topology)
    num_pdfs = tree.num_pdfs()
    gmms = AmDiagGmm(
        np.ones(num_pdfs), np.ones(num_pdfs), np.tile(mean * inv_var, (num_pdfs, 1)), np.tile(inv_var, (num_pdfs, 1))
    )
    if options.perturb_factor:
        gmms.perturb(options.perturb_factor, RandGauss())
    write_model(model_out, initial_transition_model(tree, topology), gmms, options.binary)
    with open_output(tree_out, options.binary) as file:
        tree.write(file, options.binary)


def global_gaussian(rspecifier: str, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and inverse variance over all frames, (dim,) float32 each."""
    count, total, squares = 0, np.zeros(dim), np.zeros(dim)
    for key, feats in read_table(rspecifier, "double_matrix"):
        if feats.shape[1] != dim:
            raise Failure(f"utterance {key} has features of dimension {feats.shape[1]}, expected {dim}")
        if not np.isfinite(feats).all():
            raise Failure(f"utterance {key} has a feature that is infinite or no number")
        count += len(feats)
        total += feats.sum(axis=0)
        squares += np.square(feats).sum(axis=0)
    if count == 0:
        raise Failure(f"no features were seen in {rspecifier}")
    mean = total / count
    variance = squares / count - mean * mean
    if not variance.min() > 0:
        raise Failure(f"{rspecifier}: dimension {variance.argmin()} of the features is the same in all frames")
    return mean.astype(np.float32), (1 / variance).astype(np.float32)


def read_phone_sets(rxfilename: str, topology: Topology) -> list[list[int]]:
    try:
        phone_sets = [sorted(int(phone) for phone in words_of(line)) for line in read_lines(rxfilename)]
    except ValueError as error:
        raise Failure(f"{rxfilename}: expected phone ids, {error}") from None
    phones = sorted(phone for phone_set in phone_sets for phone in phone_set)
    if phones != topology.phones or not all(phone_sets):
        differing = sorted(set(phones).symmetric_difference(topology.phones))
        reason = f"phone {differing[0]} is in only one of the two" if differing else "a line is empty or repeats one"
        raise Failure(f"{rxfilename}: expected each phone of the topology once, but {reason}")
    return phone_sets
