"""Let disambiguation symbols pass: a loop with each on every final state and every state with words on its arcs."""

from asrser_io.files import Failure
from kaldi_programs.common.fst import read_fst, read_int_list, to_wheel, write_fst
from kaldi_programs.common.program import program


@program("fstaddselfloops <in-symbols> <out-symbols> [<in.fst> [<out.fst>]]", arguments=(2, 4))
def main(options, in_symbols, out_symbols, in_fst="-", out_fst="-"):
    import kaldifst

    isymbols, osymbols = read_int_list(in_symbols), read_int_list(out_symbols)
    if len(isymbols) != len(osymbols):
        raise Failure(f"{len(isymbols)} symbols in {in_symbols}, {len(osymbols)} in {out_symbols}; expected as many")
    fst = to_wheel(read_fst(in_fst))
    kaldifst.add_self_loops(fst, isymbols, osymbols)
    write_fst(fst, out_fst)
