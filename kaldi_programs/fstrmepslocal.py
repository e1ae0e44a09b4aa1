"""Remove the epsilons that can go without adding arcs, by joining an arc with the one that follows it."""

from asrser_io.files import Failure
from kaldi_programs.common.epsilons import log_plus, remove_eps_local
from kaldi_programs.common.fst import read_fst, write_fst
from kaldi_programs.common.program import Option, program


@program(
    "fstrmepslocal [options] [<in.fst> [<out.fst>]]",
    Option("use-log", False, "keep the total probability of each string instead of its best path's"),
    Option("stochastic-in-log", True, "keep sums of probabilities at one as they are; false: largest probabilities"),
    arguments=(0, 2),
)
def main(options, in_fst="-", out_fst="-"):
    if options.use_log and not options.stochastic_in_log:
        raise Failure("--use-log=true needs --stochastic-in-log=true")
    fst = remove_eps_local(
        read_fst(in_fst),
        plus=log_plus if options.use_log else min,
        reweight_plus=log_plus if options.stochastic_in_log else min,
    )
    write_fst(fst, out_fst)
