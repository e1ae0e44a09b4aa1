"""Align utterances to their graphs with equally long states: where training starts, before there is a model."""

from asrser_io.tables import RandomAccess, TableWriter, read_table
from kaldi_programs.common.fst import FST, wheel_errors_as_failures
from kaldi_programs.common.program import Option, log, program, warn


@program(
    "align-equal-compiled [options] <graphs-rspecifier> <features-rspecifier> <alignments-wspecifier>",
    Option("binary", True, "has no effect, as in Kaldi: the wspecifier says which"),
    arguments=3,
)
def main(options, graphs, features, alignments):
    import kaldifst

    feats_of = RandomAccess(features, "matrix")
    num_done = num_without_feats = num_err = 0
    with TableWriter(alignments, "int_vector") as writer:
        for key, graph in read_table(graphs, FST):
            feats = feats_of.get(key)
            if feats is None:
                warn(f"No features for utterance {key}")
                num_without_feats += 1
            elif len(feats) == 0:
                warn(f"Zero-length utterance: {key}")
                num_err += 1
            elif graph.start < 0:
                warn(f"Empty decoding graph for {key}")
                num_err += 1
            else:
                with wheel_errors_as_failures(f"cannot align {key} to its graph in {graphs}"):
                    aligned, path = kaldifst.equal_align(graph, len(feats), random_seed(key))
                if aligned:
                    writer.write(key, kaldifst.get_linear_symbol_sequence(path)[1])
                    num_done += 1
                else:
                    warn(f"AlignEqual: did not align utterance {key}: its {len(feats)} frames are too few")
                    num_err += 1
    if num_done and not num_without_feats and not num_err:
        log(f"Success: done {num_done} utterances.")
    else:
        warn(f"Computed {num_done} alignments; {num_without_feats} lacked features, {num_err} had other errors.")
    return 0 if num_done else 1


def random_seed(key: str) -> int:
    """Kaldi's hash of the key (StringHasher in util/stl-utils.h), as a 32-bit integer."""
    value = 0
    for byte in key.encode(errors="surrogateescape"):
        value = value * 7853 + (byte - 256 if byte > 127 else byte)
    return (value + 2**31) % 2**32 - 2**31
