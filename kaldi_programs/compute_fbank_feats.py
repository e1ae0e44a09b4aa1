"""Compute log-mel filterbank features of recordings, as Kaldi's compute-fbank-feats does."""

import numpy as np

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
from kaldi_programs.common.spectra import log_floored


@program(
    "compute-fbank-feats [options] <wav-rspecifier> <feats-wspecifier>",
    *FRAME_OPTIONS,
    *MEL_OPTIONS,
    *ENERGY_OPTIONS,
    *TABLE_OPTIONS,
    Option("use-energy", False, "add a dimension with the log-energy"),
    Option("htk-compat", False, "energy last"),
    Option("use-log-fbank", True, "logarithm of the filterbank"),
    Option("use-power", True, "power spectrum; else magnitude"),
    arguments=2,
)
def main(options, wav_rspecifier, feats_wspecifier):
    spectra = spectrograph(options)
    filters = filterbank(options, spectra.points)

    def filterbanks(power: np.ndarray, log_energy: np.ndarray) -> np.ndarray:
        bins = (power if options.use_power else np.sqrt(power)) @ filters
        if options.use_log_fbank:
            bins = log_floored(bins)
        if not options.use_energy:
            return bins
        energy = floored_energy(log_energy, options.energy_floor)[:, None]
        return np.hstack([bins, energy] if options.htk_compat else [energy, bins])

    return compute_table(options, wav_rspecifier, feats_wspecifier, spectra, filterbanks)
