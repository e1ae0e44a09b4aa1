"""Merge equivalent states with labels and quantised weights taken as one symbol, so that no weight moves."""

from kaldi_programs.common.fst import read_fst, to_wheel, write_fst
from kaldi_programs.common.program import Option, program


@program(
    "fstminimizeencoded [options] [<in.fst> [<out.fst>]]",
    Option("delta", 1 / 1024, "weights are rounded to multiples of this", "> 0"),
    arguments=(0, 2),
)
def main(options, in_fst="-", out_fst="-"):
    import kaldifst

    fst = to_wheel(read_fst(in_fst))
    kaldifst.minimize_encoded(fst, delta=options.delta)
    write_fst(fst, out_fst)
