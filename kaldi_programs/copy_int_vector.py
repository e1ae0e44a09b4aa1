"""Copy vectors of integers, such as alignments, from one form to another, as Kaldi's copy-int-vector does."""

from asrser_io.files import Failure
from asrser_io.streams import open_object, open_output
from asrser_io.tables import TableWriter, is_rspecifier, is_wspecifier, read_table
from asrser_io.values import read_int_vector, write_int_vector
from kaldi_programs.common.program import Option, log, program


@program(
    "copy-int-vector [options] (<rspecifier>|<rxfilename>) (<wspecifier>|<wxfilename>)",
    Option("binary", True, "write binary data (for a single file; a table says ark,t:)"),
    arguments=2,
)
def main(options, source, destination):
    if is_rspecifier(source) != is_wspecifier(destination):
        raise Failure(f"a table and a single file cannot be mixed: {source}, {destination}")
    if not is_rspecifier(source):
        with open_object(source) as (f, binary):
            vector = read_int_vector(f, binary)
        with open_output(destination, options.binary) as f:
            write_int_vector(f, vector, options.binary)
        log(f"Copied vector to {destination}")
        return 0
    with TableWriter(destination, "int_vector") as writer:
        for key, vector in read_table(source, "int_vector"):
            writer.write(key, vector)
    log(f"Copied {writer.count} vectors of int32.")
    return 0 if writer.count else 1
