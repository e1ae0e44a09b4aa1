"""Compile the graph of each transcript: which transition ids may follow one another, from tree, model and lexicon.

Without transition probabilities by default: they change with every iteration, and gmm-align-compiled adds them.
"""

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, read_table
from kaldi_programs.common.fst import FST, read_fst, read_int_list, to_wheel, wheel_errors_as_failures
from kaldi_programs.common.hmm import read_transition_model
from kaldi_programs.common.program import Option, log, program, warn
from kaldi_programs.common.tree import read_tree


@program(
    "compile-train-graphs [options] <tree> <model> <lexicon-fst> <transcriptions-rspecifier> <graphs-wspecifier>",
    Option("batch-size", 250, "has no effect here: Kaldi compiles so many graphs at a time", ">= 1"),
    Option("read-disambig-syms", "", "file with the phone ids of the disambiguation symbols in the lexicon"),
    Option("transition-scale", 0.0, "scale of the log transition probabilities, those of self-loops left out", ">= 0"),
    Option("self-loop-scale", 0.0, "scale of the self-loops' log-probabilities", ">= 0"),
    Option("reorder", True, "put the self-loop of a state behind its forward arc, for faster search"),
    Option("rm-eps", False, "remove most epsilons before minimisation (where there are disambiguation symbols)"),
    arguments=5,
)
def main(options, tree_in, model_in, lexicon_in, transcripts, graphs):
    tree, model = read_tree(tree_in), read_transition_model(model_in)
    if tree.num_pdfs() != model.num_pdfs:
        raise Failure(f"{tree_in} has {tree.num_pdfs()} pdfs, but {model_in} has {model.num_pdfs}: not of one training")
    # The compiler refers to these three, so they must live as long as it does.
    wheels = tree.to_wheel(), model.to_wheel(), to_wheel(read_fst(lexicon_in))
    compiler = training_graph_compiler(options, *wheels)
    num_done = num_failed = 0
    with TableWriter(graphs, FST) as writer:
        for key, words in read_table(transcripts, "int_vector"):
            try:
                writer.write(key, compiler.compile_graph_from_text(words.tolist()))
                num_done += 1
            except RuntimeError as error:
                reason = str(error).strip().splitlines()[-1]
                warn(f"Empty decoding graph for utterance {key}: a word that is not in {lexicon_in}? ({reason})")
                num_failed += 1
    log(f"compile-train-graphs: succeeded for {num_done} graphs, failed for {num_failed}")
    return 0 if num_done else 1


def training_graph_compiler(options, tree, model, lexicon):
    import kaldi_hmm_gmm as khg

    config = khg.TrainingGraphCompilerOptions(options.transition_scale, options.self_loop_scale, options.reorder)
    config.rm_eps = options.rm_eps
    disambig = read_int_list(options.read_disambig_syms) if options.read_disambig_syms else []
    with wheel_errors_as_failures(f"cannot compile graphs with the disambiguation symbols {disambig}"):
        return khg.TrainingGraphCompiler(model, tree, lexicon, disambig, config)
