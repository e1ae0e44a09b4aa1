"""Add the self-loops and their probabilities to a graph of forward transitions (HCLGa to HCLG)."""

from asrser_io.files import Failure
from kaldi_programs.common.fst import read_fst, read_int_list, to_wheel, wheel_errors_as_failures, write_fst
from kaldi_programs.common.hmm import read_transition_model
from kaldi_programs.common.program import Option, program


@program(
    "add-self-loops [options] <model> [<in.fst> [<out.fst>]]",
    Option("self-loop-scale", 1.0, "scale of the log probabilities of self-loops, and of leaving them", ">= 0"),
    Option("disambig-syms", "", "file of disambiguation symbols on the input of <in.fst>"),
    Option("reorder", True, "put the self-loop behind the forward transition, which decodes faster"),
    arguments=(1, 3),
)
def main(options, model, in_fst="-", out_fst="-"):
    import kaldi_hmm_gmm as khg

    disambig = read_int_list(options.disambig_syms) if options.disambig_syms else []
    transition_model = read_transition_model(model)
    fst = read_fst(in_fst)
    if fst.start < 0:
        raise Failure(f"{in_fst}: an empty graph; do the words of the language model and of the lexicon differ?")
    largest = max(set(fst.arcs["ilabel"].tolist()) - set(disambig), default=0)
    if largest > transition_model.num_ids:
        raise Failure(
            f"{in_fst}: input label {largest}, but {model} has only {transition_model.num_ids} transition-ids; "
            "was the graph made with another model, or a disambiguation symbol not removed?"
        )
    model_object = transition_model.to_wheel()  # must outlive the call
    with wheel_errors_as_failures(f"cannot add self-loops to {in_fst}"):
        looped = khg.add_self_loops(
            self_loop_scale=options.self_loop_scale,
            disambig_syms=disambig,
            reorder=options.reorder,
            trans_model=model_object,
            ifst=to_wheel(fst),
        )
    write_fst(looped, out_fst)
