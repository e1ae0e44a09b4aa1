"""Print the dimension of the first feature matrix, or write that of each to a table, as Kaldi's feat-to-dim does."""

from asrser_io.files import Failure
from asrser_io.streams import open_output
from asrser_io.tables import TableWriter, is_wspecifier, read_table
from kaldi_programs.common.program import program


@program("feat-to-dim <feature-rspecifier> (<dim-wspecifier>|<dim-wxfilename>)", arguments=2)
def main(options, rspecifier, destination):
    if not is_wspecifier(destination):
        first = next(read_table(rspecifier, "matrix"), None)
        if first is None:
            raise Failure(f"no features in {rspecifier}")
        with open_output(destination) as f:
            f.write(b"%d\n" % first[1].shape[1])
        return 0
    with TableWriter(destination, "int") as writer:
        for utterance, feats in read_table(rspecifier, "matrix"):
            writer.write(utterance, feats.shape[1])
    return 0 if writer.count else 1
