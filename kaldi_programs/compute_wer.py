"""Count the errors of hypotheses against references: substitutions, deletions and insertions of the best alignment."""

from asrser_io.files import Failure
from asrser_io.tables import random_access, read_table
from kaldi_programs.common.program import Option, program


@program(
    "compute-wer [options] <ref-rspecifier> <hyp-rspecifier>",
    Option("mode", "strict", "without a hypothesis: an error, left out, or empty", ("strict", "present", "all")),
    Option("text", False, "has no effect: words and numbers are both compared as text"),
    arguments=2,
)
def main(options, ref_rspecifier, hyp_rspecifier):
    from kaldialign import edit_distance

    total = {"ins": 0, "del": 0, "sub": 0}
    num_words = num_sentences = sentence_errors = num_absent = 0
    hypotheses = random_access(hyp_rspecifier, "token_vector")
    for key, ref in read_table(ref_rspecifier, "token_vector"):
        hyp = []
        if key in hypotheses:
            hyp = hypotheses[key]
        elif options.mode == "strict":
            raise Failure(f"no hypothesis for {key} in {hyp_rspecifier}; --mode=present leaves such utterances out")
        else:
            num_absent += 1
            if options.mode == "present":
                continue
        errors = edit_distance(ref, hyp)
        for kind in total:
            total[kind] += errors[kind]
        num_words += len(ref)
        num_sentences += 1
        sentence_errors += list(ref) != list(hyp)
    if num_words == 0:
        raise Failure(f"nothing to score: no words in {ref_rspecifier}, or none of its utterances in {hyp_rspecifier}")
    word_errors = sum(total.values())
    partial = " [PARTIAL]" if num_absent else ""
    print(
        f"%WER {100 * word_errors / num_words:.2f} [ {word_errors} / {num_words}, {total['ins']} ins, "
        f"{total['del']} del, {total['sub']} sub ]{partial}"
    )
    print(f"%SER {100 * sentence_errors / num_sentences:.2f} [ {sentence_errors} / {num_sentences} ]")
    print(f"Scored {num_sentences} sentences, {num_absent} not present in hyp.")
