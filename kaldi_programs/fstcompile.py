"""Read a transducer written as text, as OpenFst's fstcompile does.

Lines: `from to ilabel olabel [cost]` for an arc (with --acceptor one label), `state [cost]` for a final state. The
first line's state is the start; states are numbered as they appear.
"""

import math

from asrser_io.files import Failure
from asrser_io.streams import read_lines
from asrser_io.text import is_count, read_symbol_table, words_of
from kaldi_programs.common.fst import Arc, Fst, from_lists, write_fst
from kaldi_programs.common.program import Option, program

MOST = 2**31 - 2  # states or labels


@program(
    "fstcompile [options] [<text> [<out.fst>]]",
    Option("acceptor", False, "each arc has one label, for input and output"),
    Option("fst-type", "vector", "type of the output", ("vector", "const")),
    Option("isymbols", "", "file of input symbols and their numbers"),
    Option("osymbols", "", "file of output symbols and their numbers"),
    Option("keep-isymbols", False, "store the input symbols in the FST"),
    Option("keep-osymbols", False, "store the output symbols in the FST"),
    Option("keep-state-numbering", False, "keep the text's state numbers instead of numbering in order"),
    arguments=(0, 2),
)
def main(options, text="-", out_fst="-"):
    isymbols = read_symbol_table(options.isymbols) if options.isymbols else None
    osymbols = read_symbol_table(options.osymbols) if options.osymbols else None
    name = "standard input" if text in ("", "-") else text
    try:
        fst = compile_text(read_lines(text), name, isymbols, osymbols, options.acceptor, options.keep_state_numbering)
    except NoSuchSymbol as error:
        tables = " or ".join(filter(None, (options.isymbols, options.osymbols)))
        raise Failure(f"{error}; it is not in {tables}") from None
    fst.isymbols = isymbols if options.keep_isymbols else None
    fst.osymbols = osymbols if options.keep_osymbols else None
    write_fst(fst, out_fst, const=options.fst_type == "const")


class NoSuchSymbol(Failure):
    pass


def compile_text(
    lines: list[str],
    name: str,
    isymbols: dict[str, int] | None = None,
    osymbols: dict[str, int] | None = None,
    acceptor: bool = False,
    keep_state_numbering: bool = False,
) -> Fst:
    """The FST that the lines of the file called `name` describe. Raises Failure that names the line."""
    states: dict[str, int] = {}
    finals: list[float] = []
    arcs: list[list[Arc]] = []

    def natural(text: str) -> int:
        if not is_count(text) or int(text) > MOST:
            raise ValueError
        return int(text)

    def state(text: str) -> int:
        number = states.setdefault(text, natural(text) if keep_state_numbering else len(states))
        while number >= len(finals):
            finals.append(math.inf)
            arcs.append([])
        return number

    def label(text: str, symbols: dict[str, int] | None) -> int:
        return natural(text) if symbols is None else symbols[text]

    def weight(text: str) -> float:
        if not (cost := float(text)) > -math.inf:
            raise ValueError
        return cost

    num_labels = 1 if acceptor else 2
    for number, line in enumerate(lines, 1):
        fields, where = words_of(line), f"{name}, line {number}"
        try:
            if len(fields) in (1, 2):
                finals[state(fields[0])] = weight(fields[1]) if len(fields) == 2 else 0.0
            elif len(fields) in (2 + num_labels, 3 + num_labels):
                source, target = state(fields[0]), state(fields[1])
                labels = label(fields[2], isymbols), label(fields[1 + num_labels], isymbols if acceptor else osymbols)
                cost = weight(fields[2 + num_labels]) if len(fields) == 3 + num_labels else 0.0
                arcs[source].append((*labels, cost, target))
            elif fields:
                form = f"from to {'label' if acceptor else 'ilabel olabel'} [cost]"
                raise Failure(f"{where}: expected '{form}' or 'state [cost]', found: {line}")
        except KeyError as error:
            raise NoSuchSymbol(f"{where}: symbol {error} has no number: {line}") from None
        except ValueError:
            raise Failure(f"{where}: expected numbers, states and labels from 0 on, found: {line}") from None
    first = next((words_of(line)[0] for line in lines if words_of(line)), None)
    return from_lists(-1 if first is None else states[first], finals, arcs)
