"""Compute mel-frequency cepstral coefficients of recordings, as Kaldi's compute-mfcc-feats does."""

from kaldi_programs.features import (
    ENERGY_OPTIONS,
    FRAME_OPTIONS,
    MEL_OPTIONS,
    TABLE_OPTIONS,
    compute_table,
    set_fields,
    set_frame_and_mel_options,
)
from kaldi_programs.program import Failure, Option, program


@program(
    "compute-mfcc-feats [options] <wav-rspecifier> <feats-wspecifier>",
    *FRAME_OPTIONS,
    *MEL_OPTIONS,
    *ENERGY_OPTIONS,
    *TABLE_OPTIONS,
    Option("num-ceps", 13, "number of coefficients, C0 included"),
    Option("use-energy", True, "log-energy in place of C0"),
    Option("cepstral-lifter", 22.0, "scaling of the coefficients (0: none)"),
    Option("htk-compat", False, "energy or C0 last, C0 scaled by the square root of 2"),
    arguments=2,
)
def main(options, wav_rspecifier, feats_wspecifier):
    import kaldi_native_fbank

    if options.num_ceps > options.num_mel_bins:
        raise Failure(f"--num-ceps={options.num_ceps} is more than --num-mel-bins={options.num_mel_bins}")
    wheel_options = set_fields(
        kaldi_native_fbank.MfccOptions(),
        num_ceps=options.num_ceps,
        use_energy=options.use_energy,
        energy_floor=options.energy_floor,
        raw_energy=options.raw_energy,
        cepstral_lifter=options.cepstral_lifter,
        htk_compat=options.htk_compat,
    )
    set_frame_and_mel_options(wheel_options, options)
    return compute_table(
        options, wav_rspecifier, feats_wspecifier, lambda: kaldi_native_fbank.OnlineMfcc(wheel_options)
    )
