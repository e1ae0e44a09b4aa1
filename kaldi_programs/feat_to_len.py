"""Print how many frames a table of features has, or write the number of each utterance, as Kaldi's feat-to-len does."""

from asrser_io.tables import TableWriter, read_table
from kaldi_programs.common.program import program


@program("feat-to-len <feature-rspecifier> [<len-wspecifier>]", arguments=(1, 2))
def main(options, rspecifier, wspecifier=""):
    frames = 0
    with TableWriter(wspecifier, "int") as writer:
        for utterance, feats in read_table(rspecifier, "matrix"):
            writer.write(utterance, len(feats))
            frames += len(feats)
    if not wspecifier:
        print(frames)
    return 0 if writer.count else 1
