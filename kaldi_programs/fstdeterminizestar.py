"""Remove epsilons and determinise in one step, as Kaldi's fstdeterminizestar does."""

from kaldi_programs.common.fst import read_fst, to_wheel, wheel_errors_as_failures, write_fst
from kaldi_programs.common.program import Option, program

OPENFST_DELTA = 1 / 1024  # weights closer than this count as equal (OpenFst's kDelta)


@program(
    "fstdeterminizestar [options] [<in.fst> [<out.fst>]]",
    Option("use-log", False, "determinise in the log semiring: add probabilities instead of taking the largest"),
    Option("delta", OPENFST_DELTA, "weights closer than this count as equal", ">= 0"),
    Option("max-states", -1, "give up at this many states; -1: never", ">= -1"),
    arguments=(0, 2),
)
def main(options, in_fst="-", out_fst="-"):
    import kaldifst

    fst = to_wheel(read_fst(in_fst))
    with wheel_errors_as_failures("cannot determinise"):
        kaldifst.determinize_star(fst, delta=options.delta, max_states=options.max_states, use_log=options.use_log)
    write_fst(fst, out_fst)
