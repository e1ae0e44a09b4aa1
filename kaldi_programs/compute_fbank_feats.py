"""Compute log-mel filterbank features of recordings, as Kaldi's compute-fbank-feats does."""

from kaldi_programs.features import (
    ENERGY_OPTIONS,
    FRAME_OPTIONS,
    MEL_OPTIONS,
    TABLE_OPTIONS,
    compute_table,
    set_fields,
    set_frame_and_mel_options,
)
from kaldi_programs.program import Option, program


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
    import kaldi_native_fbank

    wheel_options = set_fields(
        kaldi_native_fbank.FbankOptions(),
        use_energy=options.use_energy,
        energy_floor=options.energy_floor,
        raw_energy=options.raw_energy,
        htk_compat=options.htk_compat,
        use_log_fbank=options.use_log_fbank,
        use_power=options.use_power,
    )
    set_frame_and_mel_options(wheel_options, options)
    return compute_table(
        options, wav_rspecifier, feats_wspecifier, lambda: kaldi_native_fbank.OnlineFbank(wheel_options)
    )
