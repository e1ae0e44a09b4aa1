"""Sort the arcs of each state by label, as OpenFst's fstarcsort does."""

from kaldi_programs.common.fst import read_fst, to_wheel, write_fst
from kaldi_programs.common.program import Option, program


@program(
    "fstarcsort [options] [<in.fst> [<out.fst>]]",
    Option("sort-type", "ilabel", "label to sort by", ("ilabel", "olabel")),
    arguments=(0, 2),
)
def main(options, in_fst="-", out_fst="-"):
    import kaldifst

    fst = to_wheel(read_fst(in_fst))
    kaldifst.arcsort(fst, sort_type=options.sort_type)
    write_fst(fst, out_fst)
