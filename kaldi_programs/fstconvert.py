"""Write an FST as another type: vector (to change) or constant (to decode with), as OpenFst's fstconvert does."""

from kaldi_programs.common.fst import read_fst, write_fst
from kaldi_programs.common.program import Option, program


@program(
    "fstconvert [options] [<in.fst> [<out.fst>]]",
    Option("fst-type", "vector", "type of the output", ("vector", "const")),
    arguments=(0, 2),
)
def main(options, in_fst="-", out_fst="-"):
    write_fst(read_fst(in_fst), out_fst, const=options.fst_type == "const")
