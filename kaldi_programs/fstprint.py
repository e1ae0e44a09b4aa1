"""Write a transducer as text, as OpenFst's fstprint does."""

import math

from asrser_io.files import Failure
from asrser_io.text import read_symbol_table
from kaldi_programs.common.fst import Fst, read_fst, write_lines
from kaldi_programs.common.program import Option, program


@program(
    "fstprint [options] [<in.fst> [<text>]]",
    Option("acceptor", False, "print one label an arc"),
    Option("isymbols", "", "file of input symbols and their numbers"),
    Option("osymbols", "", "file of output symbols and their numbers"),
    Option("show-weight-one", False, "print costs of zero too"),
    arguments=(0, 2),
)
def main(options, in_fst="-", text="-"):
    fst = read_fst(in_fst)
    isymbols = read_symbol_table(options.isymbols) if options.isymbols else fst.isymbols
    osymbols = read_symbol_table(options.osymbols) if options.osymbols else fst.osymbols
    try:
        lines = print_text(fst, isymbols, osymbols, options.acceptor, options.show_weight_one)
    except KeyError as error:
        tables = " or ".join(filter(None, (options.isymbols, options.osymbols))) or "the tables stored in it"
        raise Failure(f"label {error} of {in_fst} has no symbol in {tables}; are they another lang's?") from None
    write_lines(lines, text)


def print_text(
    fst: Fst,
    isymbols: dict[str, int] | None = None,
    osymbols: dict[str, int] | None = None,
    acceptor: bool = False,
    show_weight_one: bool = False,
) -> list[str]:
    """The lines of the FST, the start state's first. Raises KeyError for a label that no symbol has."""
    inames = {number: symbol for symbol, number in isymbols.items()} if isymbols is not None else None
    onames = {number: symbol for symbol, number in osymbols.items()} if osymbols is not None else None
    if fst.start < 0:
        return []
    arcs, finals = fst.arc_lists(), fst.finals.tolist()
    lines = []
    for s in [fst.start] + [s for s in range(fst.num_states) if s != fst.start]:
        for ilabel, olabel, cost, target in arcs[s]:
            fields = [s, target, ilabel if inames is None else inames[ilabel]]
            if not acceptor:
                fields.append(olabel if onames is None else onames[olabel])
            if cost != 0 or show_weight_one:
                fields.append(_cost(cost))
            lines.append("\t".join(map(str, fields)))
        if finals[s] != math.inf or not arcs[s]:
            lines.append(f"{s}\t{_cost(finals[s])}" if finals[s] != 0 or show_weight_one else f"{s}")
    return lines


def _cost(cost: float) -> str:
    return "Infinity" if cost == math.inf else f"{cost:.9g}"
