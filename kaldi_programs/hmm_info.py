"""Print how many phones, pdfs, transition ids and transition states a model has."""

from kaldi_programs.common.hmm import TransitionModel, read_transition_model
from kaldi_programs.common.program import program


@program("hmm-info [options] <model>", arguments=1)
def main(options, model_in):
    print(summary(read_transition_model(model_in)))


def summary(model: TransitionModel) -> str:
    return (
        f"number of phones {len(model.topology.phones)}\n"
        f"number of pdfs {model.num_pdfs}\n"
        f"number of transition-ids {model.num_ids}\n"
        f"number of transition-states {model.num_states}"
    )
