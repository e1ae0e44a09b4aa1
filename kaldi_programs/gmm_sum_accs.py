"""Add up the statistics that jobs of gmm-acc-stats-ali have accumulated with one model."""

from asrser_io.files import Failure
from asrser_io.streams import open_output
from kaldi_programs.common.gmm import read_accumulators
from kaldi_programs.common.program import Option, log, program


@program(
    "gmm-sum-accs [options] <stats-out> <stats-in1> <stats-in2> ...",
    Option("binary", True, "write binary, not text"),
    arguments=(2, None),
)
def main(options, stats_out, first, *others):
    total = read_accumulators(first)
    for stats_in in others:
        try:
            total.add(read_accumulators(stats_in))
        except Failure as error:
            raise Failure(f"adding {stats_in} to {first}: {error}") from error
    with open_output(stats_out, options.binary) as file:
        total.write(file, options.binary)
    log(
        f"Summed {1 + len(others)} stats, total count {total.frames:g}, "
        f"avg like/frame {total.log_likelihood / max(total.frames, 1):g}"
    )
    log(f"Total count of stats is {total.occupancies.sum():g}")
    log(f"Written stats to {stats_out}")
