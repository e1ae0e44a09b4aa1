"""Objects of the wheels that hold Kaldi's C++, made from what was read from Kaldi's files."""

from typing import Any


def wheel_object(class_name: str, state: tuple) -> Any:
    """An object of kaldi_hmm_gmm made from its pickled state: that package cannot read Kaldi's files."""
    import kaldi_hmm_gmm as khg
    import kaldifst  # noqa: F401  its types must be known before kaldi_hmm_gmm returns a graph

    cls = getattr(khg, class_name)
    instance = cls.__new__(cls)
    instance.__setstate__(state)
    return instance
