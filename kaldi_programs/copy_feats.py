"""Copy feature matrices, from one form to another, as Kaldi's copy-feats does."""

from asrser_io.files import Failure
from asrser_io.tables import (
    TableWriter,
    compressed_matrix,
    is_rspecifier,
    read_object,
    read_table,
    write_object,
)
from kaldi_programs.common.program import Option, log, program


@program(
    "copy-feats [options] <feature-rspecifier> <feature-wspecifier>\n"
    "   or: copy-feats [options] <feature-rxfilename> <feature-wxfilename>",
    Option("binary", True, "write binary data (for a single file; a table says ark,t:)"),
    Option("compress", False, "write compressed matrices, which hold a byte or two for each number (tables only)"),
    Option("compression-method", 1, "1 automatic, 2 for speech features, 3 to 7 see values.py", ">= 1, <= 7"),
    Option("htk-in", False, "not supported"),
    Option("sphinx-in", False, "not supported"),
    Option("write-num-frames", "", "wspecifier for the number of frames of each utterance (tables only)"),
    arguments=2,
)
def main(options, source, destination):
    if options.htk_in or options.sphinx_in:
        raise Failure("--htk-in and --sphinx-in are not supported; Kaldi's own program reads such features")
    if not is_rspecifier(source):
        if options.compress or options.write_num_frames:
            raise Failure("--compress and --write-num-frames are for tables, not for single files")
        write_object(destination, read_object(source, "matrix"), "matrix", options.binary)
        log(f"Copied features from {source} to {destination}")
        return 0
    kind = compressed_matrix(options.compression_method) if options.compress else "matrix"
    with TableWriter(destination, kind) as writer, TableWriter(options.write_num_frames, "int") as lengths:
        for utterance, feats in read_table(source, "matrix"):
            writer.write(utterance, feats)
            lengths.write(utterance, len(feats))
    log(f"Copied {writer.count} feature matrices.")
    return 0 if writer.count else 1
