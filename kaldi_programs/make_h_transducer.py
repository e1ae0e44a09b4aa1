"""Make the transducer from transition-ids, without self-loops, to phones in context (H).

<ilabels> says what each label of a phone in context means, as fstcomposecontext writes it.
"""

from asrser_io.files import Failure
from asrser_io.streams import open_object
from asrser_io.values import read_int32, read_int_vector
from kaldi_programs.common.fst import wheel_errors_as_failures, write_fst, write_lines
from kaldi_programs.common.hmm import read_transition_model
from kaldi_programs.common.program import Option, program
from kaldi_programs.common.tree import read_tree


@program(
    "make-h-transducer [options] <ilabels> <tree> <model> [<H.fst>]",
    Option("disambig-syms-out", "", "file to write the disambiguation symbols on the input of H to"),
    Option("transition-scale", 1.0, "scale of the log transition probabilities, those of self-loops left out", ">= 0"),
    Option("nonterm-phones-offset", -1, "grammar FSTs are not supported: -1 only"),
    arguments=(3, 4),
)
def main(options, ilabels, tree, model, h_fst="-"):
    import kaldi_hmm_gmm as khg

    if options.nonterm_phones_offset >= 0:
        raise Failure("--nonterm-phones-offset: grammar FSTs are not supported; build this graph with Kaldi's programs")
    with open_object(ilabels) as (f, binary):
        windows = [read_int_vector(f, binary).tolist() for _ in range(read_int32(f, binary))]
    context_dependency, transition_model = read_tree(tree), read_transition_model(model)
    _check(windows, ilabels, context_dependency.context_width, tree)
    config = khg.HTransducerConfig(transition_scale=options.transition_scale)
    tree_object, model_object = context_dependency.to_wheel(), transition_model.to_wheel()
    with wheel_errors_as_failures(f"no HMMs for {ilabels} with {tree} and {model}"):
        h, disambig = khg.get_h_transducer(windows, tree_object, model_object, config)
    if options.disambig_syms_out:
        write_lines(map(str, disambig), options.disambig_syms_out)
    write_fst(h, h_fst)


def _check(windows: list[list[int]], ilabels: str, context_width: int, tree: str) -> None:
    if not windows or windows[0]:
        raise Failure(f"{ilabels}: the first label must be epsilon, with an empty context window")
    for window in windows[1:]:
        is_disambig = len(window) == 1 and window[0] <= 0
        if not is_disambig and len(window) != context_width:
            raise Failure(f"{ilabels}: a context window of {len(window)} phones; the tree {tree} has {context_width}")
