"""Convert alignments from transition ids to phones: one per phone, one per frame, with lengths, or as a CTM file."""

import numpy as np

from asrser_io.files import Failure
from asrser_io.streams import open_output
from asrser_io.tables import TableWriter, read_table
from kaldi_programs.common.hmm import read_transition_model
from kaldi_programs.common.program import Option, log, program


@program(
    "ali-to-phones [options] <model> <alignments-rspecifier> <phones-wspecifier|ctm-wxfilename>",
    Option("ctm-output", False, "write a CTM file: key, channel 1, start and length in seconds, phone"),
    Option("frame-shift", 0.01, "seconds from one frame to the next, for the times of the CTM file", "> 0"),
    Option("per-frame", False, "write a phone for every frame, not for every phone"),
    Option("write-lengths", False, "write every phone with its number of frames"),
    arguments=3,
)
def main(options, model_in, alignments, output):
    if options.ctm_output + options.per_frame + options.write_lengths > 1:
        raise Failure("--ctm-output, --per-frame and --write-lengths exclude each other")
    model = read_transition_model(model_in)
    num_done = 0

    def segmented():
        nonlocal num_done
        for key, alignment in read_table(alignments, "int_vector"):
            yield key, model.split_to_phones(model.check_ids(alignment, key))
            num_done += 1

    if options.ctm_output:
        with open_output(output) as file:
            for key, segments in segmented():
                file.write(ctm_lines(key, segments, options.frame_shift).encode(errors="surrogateescape"))
    elif options.write_lengths:
        with TableWriter(output, "int_pairs") as writer:
            for key, segments in segmented():
                writer.write(key, segments)
    else:
        with TableWriter(output, "int_vector") as writer:
            for key, segments in segmented():
                phones = [phone for phone, length in segments for _ in range(length if options.per_frame else 1)]
                writer.write(key, phones)
    log(f"Done {num_done} utterances.")
    return 0 if num_done else 1


def ctm_lines(key: str, segments: list[tuple[int, int]], frame_shift: float) -> str:
    """One line a phone. Times are float32 sums, as Kaldi's, whose 0.01 is a little less and so gets three digits."""
    shift = np.float32(frame_shift)
    digits = 2 if float(shift) >= 0.01 else 3
    lines, start = [], np.float32(0)
    for phone, length in segments:
        duration = shift * np.float32(length)
        lines.append(f"{key} 1 {start:.{digits}f} {duration:.{digits}f} {phone}\n")
        start += duration
    return "".join(lines)
