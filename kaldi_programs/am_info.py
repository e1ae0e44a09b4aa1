"""Print the numbers of phones, pdfs, transition-ids and transition states of a model."""

from kaldi_programs.hmm import read_transition_model
from kaldi_programs.program import program


@program("am-info [options] <model>", arguments=1)
def main(options, model):
    transition_model = read_transition_model(model)
    print(f"number of phones {len(transition_model.topology.phones)}")
    print(f"number of pdfs {transition_model.num_pdfs}")
    print(f"number of transition-ids {transition_model.num_ids}")
    print(f"number of transition-states {transition_model.num_states}")
