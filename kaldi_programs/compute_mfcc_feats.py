"""Compute mel-frequency cepstral coefficients of recordings, as Kaldi's compute-mfcc-feats does."""

import numpy as np

from asrser_io.files import Failure
from kaldi_programs.common.features import (
    ENERGY_OPTIONS,
    FRAME_OPTIONS,
    MEL_OPTIONS,
    TABLE_OPTIONS,
    compute_table,
    filterbank,
    floored_energy,
    spectrograph,
)
from kaldi_programs.common.program import Option, program
from kaldi_programs.common.spectra import cosine_transform, log_floored


@program(
    "compute-mfcc-feats [options] <wav-rspecifier> <feats-wspecifier>",
    *FRAME_OPTIONS,
    *MEL_OPTIONS,
    *ENERGY_OPTIONS,
    *TABLE_OPTIONS,
    Option("num-ceps", 13, "number of coefficients, C0 included", ">= 1"),
    Option("use-energy", True, "log-energy in place of C0"),
    Option("cepstral-lifter", 22.0, "scaling of the coefficients (0: none)", ">= 0"),
    Option("htk-compat", False, "energy or C0 last, C0 scaled by the square root of 2"),
    arguments=2,
)
def main(options, wav_rspecifier, feats_wspecifier):
    if options.num_ceps > options.num_mel_bins:
        raise Failure(f"--num-ceps={options.num_ceps} is more than --num-mel-bins={options.num_mel_bins}")
    spectra = spectrograph(options)
    filters = filterbank(options, spectra.points)
    transform = cosine_transform(options.num_mel_bins, options.num_ceps, options.cepstral_lifter)

    def cepstra(power: np.ndarray, log_energy: np.ndarray) -> np.ndarray:
        result = log_floored(power @ filters) @ transform
        if options.use_energy:
            result[:, 0] = floored_energy(log_energy, options.energy_floor)
        if options.htk_compat:
            if not options.use_energy:
                result[:, 0] *= np.float32(np.sqrt(2))
            result = np.roll(result, -1, axis=1)
        return result

    return compute_table(options, wav_rspecifier, feats_wspecifier, spectra, cepstra)
