"""Convert alignments from transition ids to pdf ids, which count from 0."""

from asrser_io.tables import TableWriter, read_table
from kaldi_programs.common.hmm import read_transition_model
from kaldi_programs.common.program import log, program


@program("ali-to-pdf [options] <model> <alignments-rspecifier> <pdfs-wspecifier>", arguments=3)
def main(options, model_in, alignments, pdfs):
    model = read_transition_model(model_in)
    num_done = 0
    with TableWriter(pdfs, "int_vector") as writer:
        for key, alignment in read_table(alignments, "int_vector"):
            writer.write(key, model.id_to_pdf[model.check_ids(alignment, key)])
            num_done += 1
    log(f"Converted {num_done} alignments to pdf sequences.")
    return 0 if num_done else 1
