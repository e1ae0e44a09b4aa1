"""Print the dimension of the first feature matrix, or write that of each to a table, as Kaldi's feat-to-dim does."""

from itertools import chain

from asrser_io.files import Failure
from asrser_io.streams import open_output
from asrser_io.tables import TableWriter, is_wspecifier, read_table
from kaldi_programs.common.program import program


@program("feat-to-dim <feature-rspecifier> (<dim-wspecifier>|<dim-wxfilename>)", arguments=2)
def main(options, rspecifier, destination):
    table = read_table(rspecifier, "matrix")
    first = next(table, None)
    if first is None:
        raise Failure(f"no features in {rspecifier}")
    if not is_wspecifier(destination):
        # No further, as in Kaldi: it would take a pass over all features of a corpus, and what follows in a step reads
        # them anyway and refuses features of another dimension.
        with open_output(destination) as f:
            f.write(b"%d\n" % first[1].shape[1])
        return
    with TableWriter(destination, "int") as writer:
        for utterance, feats in chain([first], table):
            writer.write(utterance, feats.shape[1])
