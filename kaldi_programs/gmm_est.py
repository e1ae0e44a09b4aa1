"""Re-estimate a GMM-HMM from accumulated statistics (maximum likelihood), and split or drop Gaussians."""

from asrser_io.files import Failure
from asrser_io.streams import open_output
from asrser_io.values import write_vector
from kaldi_programs.common.gmm import (
    MEANS,
    TRANSITIONS,
    VARIANCES,
    WEIGHTS,
    RandGauss,
    read_accumulators,
    read_model,
    split_targets,
    update_gmms,
    write_model,
)
from kaldi_programs.common.program import Option, log, program

FLAGS = {"m": MEANS, "v": VARIANCES, "w": WEIGHTS, "t": TRANSITIONS}


@program(
    "gmm-est [options] <model-in> <stats-in> <model-out>",
    Option("binary", True, "write binary, not text"),
    Option("mix-up", 0, "split Gaussians until the model has this many", ">= 0"),
    Option("mix-down", 0, "merge Gaussians until the model has this many (before any are split)", ">= 0"),
    Option("min-count", 20.0, "the least frames per Gaussian when Gaussians are split or merged", ">= 0"),
    Option("power", 0.2, "Gaussians are shared out by the pdfs' frames to this power", ">= 0"),
    Option("perturb-factor", 0.01, "standard deviations that the halves of a split Gaussian are pushed apart", ">= 0"),
    Option("update-flags", "mvwt", "what to update: means, variances, weights, transitions"),
    Option("write-occs", "", "file to write the frames of each pdf to"),
    Option("transition-floor", 0.01, "the least transition probability", ">= 0, < 1"),
    Option("transition-min-count", 5.0, "the least frames of a state whose transitions are updated", ">= 0"),
    Option("share-for-pdfs", False, "states of one pdf have the same transition probabilities"),
    Option("min-gaussian-weight", 1.0e-05, "a Gaussian of less weight is removed", ">= 0, < 1"),
    Option("min-gaussian-occupancy", 10.0, "a Gaussian of fewer frames is removed", ">= 0"),
    Option("min-variance", 0.001, "the floor of the variances", ">= 0"),
    Option("remove-low-count-gaussians", True, "remove such Gaussians; otherwise leave them as they are"),
    arguments=3,
)
def main(options, model_in, stats_in, model_out):
    unknown = set(options.update_flags) - {*FLAGS, "a"}
    if unknown:
        raise Failure(f"--update-flags={options.update_flags}: {min(unknown)!r} is none of m, v, w, t and a")
    flags = sum(FLAGS[flag] for flag in set(options.update_flags.replace("a", "mvwt")))
    transitions, gmms = read_model(model_in)
    accumulators = read_accumulators(stats_in)
    try:
        if flags & TRANSITIONS:
            update_transitions(transitions, accumulators.transitions, options)
        gain, frames = update_gmms(
            gmms,
            accumulators,
            flags,
            min_occupancy=options.min_gaussian_occupancy,
            min_weight=options.min_gaussian_weight,
            min_variance=options.min_variance,
            remove_low_count=options.remove_low_count_gaussians,
        )
    except Failure as error:
        raise Failure(f"{model_in} with {stats_in}: {error}") from error
    log(f"GMM update: Overall {gain / frames:g} objective function improvement per frame over {frames:g} frames")
    log(
        f"GMM update: Overall avg like per frame = {accumulators.log_likelihood / accumulators.frames:g} "
        f"over {accumulators.frames:g} frames."
    )
    occupancies = accumulators.pdf_occupancies()
    if options.mix_down:
        mix_down(gmms, occupancies, options.mix_down, options.power, options.min_count)
    if options.mix_up:
        mix_up(gmms, occupancies, options.mix_up, options.power, options.min_count, options.perturb_factor)
    if options.write_occs:
        with open_output(options.write_occs) as file:
            write_vector(file, occupancies, binary=False)
    write_model(model_out, transitions, gmms, options.binary)
    log(f"Written model to {model_out}")


def update_transitions(transitions, counts, options):
    result = transitions.update(
        counts, options.transition_floor, options.transition_min_count, share_for_pdfs=options.share_for_pdfs
    )
    per_frame = result["gain"] / max(result["frames"], 1)
    log(
        f"TransitionModel::Update, objf change is {per_frame:g} per frame over {result['frames']:g} frames; "
        f"{result['floored']} probabilities floored, {result['skipped']} out of {result['groups']} "
        "transition-states skipped due to insuffient data (it is normal to have some skipped.)"
    )
    log(
        f"Transition model update: Overall {per_frame:g} log-like improvement per frame "
        f"over {result['frames']:g} frames."
    )


def mix_down(gmms, occupancies, num_gauss, power, min_count):
    before = gmms.num_gauss
    gmms.merge(occupancies, num_gauss, power, min_count)
    log(
        f"Merged {gmms.num_pdfs} states with target = {num_gauss}, power = {power:g} and min_count = {min_count:g}, "
        f"merged from {before} to {gmms.num_gauss}"
    )


def mix_up(gmms, occupancies, num_gauss, power, min_count, perturb_factor):
    before = gmms.num_gauss
    gmms.split(split_targets(occupancies, num_gauss, power, min_count), perturb_factor, RandGauss())
    log(
        f"Split {gmms.num_pdfs} states with target = {num_gauss}, power = {power:g}, "
        f"perturb_factor = {perturb_factor:g} and min_count = {min_count:g}, "
        f"split #Gauss from {before} to {gmms.num_gauss}"
    )
