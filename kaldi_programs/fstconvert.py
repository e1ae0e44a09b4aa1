"""Write an FST as another type: vector (to change) or constant (to decode with), as OpenFst's fstconvert does."""

from asrser_io.files import Failure
from kaldi_programs.common.fst import read_fst, write_fst
from kaldi_programs.common.program import Option, program


@program(
    "fstconvert [options] [<in.fst> [<out.fst>]]",
    Option("fst-type", "vector", "vector or const"),
    arguments=(0, 2),
)
def main(options, in_fst="-", out_fst="-"):
    if options.fst_type not in ("vector", "const"):
        raise Failure(f"--fst-type={options.fst_type}: expected vector or const")
    write_fst(read_fst(in_fst), out_fst, const=options.fst_type == "const")
