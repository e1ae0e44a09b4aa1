"""Print every transition of a model: its state, id, probability and, with an occupancy file, its pdf's count."""

import numpy as np

from asrser_io.files import Failure
from asrser_io.streams import open_object
from asrser_io.text import read_symbol_table
from asrser_io.values import read_vector
from kaldi_programs.common.hmm import TransitionModel, read_transition_model
from kaldi_programs.common.program import program


@program("show-transitions <phones-symbol-table> <model> [<occs-file>]", arguments=(2, 3))
def main(options, phones, model_in, occs_in=""):
    names = {number: name for name, number in read_symbol_table(phones).items()}
    model = read_transition_model(model_in)
    occupancies = None
    if occs_in:
        with open_object(occs_in) as (file, binary):
            occupancies = read_vector(file, binary)
        if len(occupancies) != model.num_pdfs:
            raise Failure(f"{occs_in} has {len(occupancies)} counts, but the model has {model.num_pdfs} pdfs")
    missing = [phone for phone in model.topology.phones if phone not in names]
    if missing:
        raise Failure(f"phone {missing[0]} of the model {model_in} is not in {phones}")
    print(described(model, names, occupancies), end="")


def described(model: TransitionModel, names: dict[int, str], occupancies: np.ndarray | None) -> str:
    text = []
    for state, (phone, hmm_state, forward_pdf, self_loop_pdf) in enumerate(model.states.tolist(), start=1):
        pdf = f"pdf = {forward_pdf}"
        if not model.topology.is_hmm:
            pdf = f"forward-pdf = {forward_pdf} self-loop-pdf = {self_loop_pdf}"
        text.append(f"Transition-state {state}: phone = {names[phone]} hmm-state = {hmm_state} {pdf}\n")
        for transition_id in model.ids_of_state(state):
            count = "" if occupancies is None else f" count of pdf = {occupancies[model.id_to_pdf[transition_id]]:g}"
            what = "self-loop"
            if not model.is_self_loop[transition_id]:
                what = f"{hmm_state} -> {model.destinations[transition_id]}"
            probability = np.exp(model.log_probs[transition_id])
            text.append(f" Transition-id = {transition_id} p = {probability:g}{count} [{what}]\n")
    return "".join(text)
