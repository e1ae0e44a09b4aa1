"""Compose with phonetic context: labels of phones become labels of phones in their context windows.

Also writes what each new label means: a list of integer vectors, the context window of a phone or minus the number of
a disambiguation symbol.
"""

from asrser_io.files import Failure
from asrser_io.streams import open_output
from asrser_io.values import write_int32, write_int_vector
from kaldi_programs.common.fst import read_fst, read_int_list, to_wheel, write_fst, write_lines
from kaldi_programs.common.program import Option, program, warn


@program(
    "fstcomposecontext [options] <ilabels-out> [<in.fst> [<out.fst>]]",
    Option("binary", True, "write <ilabels-out> in binary"),
    Option("read-disambig-syms", "", "file of disambiguation symbols on the input of <in.fst>"),
    Option("write-disambig-syms", "", "file to write the disambiguation symbols on the input of <out.fst> to"),
    Option("context-size", 3, "number of phones in the context window", ">= 1"),
    Option("central-position", 1, "position of the phone itself in the window, counted from 0", ">= 0"),
    Option("nonterm-phones-offset", -1, "grammar FSTs are not supported: -1 only"),
    arguments=(1, 3),
)
def main(options, ilabels_out, in_fst="-", out_fst="-"):
    import kaldifst

    if options.nonterm_phones_offset >= 0:
        raise Failure("--nonterm-phones-offset: grammar FSTs are not supported; build this graph with Kaldi's programs")
    if not 0 <= options.central_position < options.context_size:
        raise Failure(f"--central-position={options.central_position} is not in a window of {options.context_size}")
    if options.write_disambig_syms and not options.read_disambig_syms:
        raise Failure("--write-disambig-syms needs --read-disambig-syms")
    disambig = read_int_list(options.read_disambig_syms) if options.read_disambig_syms else []
    if not disambig:
        warn("no disambiguation symbols; that is probably an error in the language directory")
    fst = to_wheel(read_fst(in_fst))
    composed, ilabels = kaldifst.compose_context(disambig, options.context_size, options.central_position, fst)
    with open_output(ilabels_out) as f:
        if options.binary:
            f.write(b"\0B")
        write_int32(f, len(ilabels), options.binary)
        for window in ilabels:
            write_int_vector(f, window, options.binary)
    if options.write_disambig_syms:
        # A window of one number that is not a phone stands for a disambiguation symbol.
        write_lines([str(i) for i, w in enumerate(ilabels) if len(w) == 1 and w[0] <= 0], options.write_disambig_syms)
    write_fst(composed, out_fst)
