"""From an audio file to its phones with times and its emotion over time, with trained networks and nothing else.

Emotions stand for the classes of utterances that a network tells apart; they may be genders or dialects as well.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from asrser_io.files import Failure
from asrser_nn.data.audio import RATE, read_audio
from asrser_nn.data.corpus import check_coefficients
from asrser_nn.data.filterbank import LENGTH, NUM_BINS, SHIFT_SECONDS, log_mel
from asrser_nn.network.device import precision_context
from asrser_nn.network.model import Model, load_model
from asrser_nn.network.sharing import layers_in_common
from asrser_nn.prediction.forward import log_priors, pseudo_log_likelihoods, utterance_log_posteriors
from asrser_nn.prediction.viterbi import PhoneLoop, best_phones, read_phone_loop

WHAT = {"--batchnorm": "BatchNorm statistics", "--normalisation": "normalisation"}


@dataclass
class Segment:
    start: float  # seconds
    end: float
    label: str
    probability: float | None = None  # mean over its frames


@dataclass
class Classification:
    """What classes a recording is of, over time and as a whole."""

    unit: str  # what a class is: emotion
    classes: list[str]  # silence among them, if the network knows it
    silence: str | None
    over_time: np.ndarray  # (frames, classes) posteriors, averaged over a window around each frame
    segments: list[Segment]
    decision: str | None  # None: no speech was found
    shares: dict[str, float]  # of each class but silence, from mean log posteriors as `decision`; they sum to 1


@dataclass
class Prediction:
    path: Path
    samples: np.ndarray  # (n,) float32 at RATE, 16-bit units
    phones: list[Segment] | None = None
    classification: Classification | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    @property
    def has_speech(self) -> bool:
        """False for digital silence (not one 16-bit step of signal), and where the network of emotions hears only
        silence."""
        return self.samples.std() >= 1 and not (self.classification and self.classification.decision is None)


def smoothed(posteriors: np.ndarray, width: int) -> np.ndarray:
    """The mean over `width` frames around each frame, over fewer at the ends. (frames, classes) → the same"""
    half = width // 2
    sums = np.cumsum(np.pad(posteriors.astype(float), ((1, 0), (0, 0))), axis=0)
    frames = np.arange(len(posteriors))
    begin, end = np.maximum(frames - half, 0), np.minimum(frames + half + 1, len(posteriors))
    return (sums[end] - sums[begin]) / (end - begin)[:, None]


def decide(log_posteriors: np.ndarray, classes: list[str], silence: str | None) -> tuple[str | None, dict[str, float]]:
    """The class of a whole recording, as `evaluate` decides: by mean log posterior over the frames with speech.

    Speech is where the network does not hear silence. evaluate can take the silence of the labels, which are not there
    for a new recording.

    log_posteriors: (frames, classes), natural log
    returns: the class, and for each the geometric mean of its posteriors, scaled so that they sum to one; None and
        nothing where no frame has speech
    """
    audible = [i for i, name in enumerate(classes) if name != silence]
    spoken = np.isin(log_posteriors.argmax(axis=1), audible)
    if not spoken.any():
        return None, {}
    means = log_posteriors[spoken].astype(float).mean(axis=0)[audible]
    shares = np.exp(means - means.max())
    shares /= shares.sum()
    by_name = {classes[i]: share for i, share in zip(audible, shares.tolist(), strict=True)}
    return max(by_name, key=by_name.__getitem__), by_name


def classify(
    log_posteriors: np.ndarray, unit: str, classes: list[str], silence: str | None, window: float
) -> Classification:
    """window: seconds that posteriors are averaged over"""
    over_time = smoothed(np.exp(log_posteriors), round(window / SHIFT_SECONDS))
    best = over_time.argmax(axis=1)
    bounds = [0, *(np.flatnonzero(best[1:] != best[:-1]) + 1).tolist(), len(best)]
    segments = [
        Segment(a * SHIFT_SECONDS, b * SHIFT_SECONDS, classes[best[a]], float(over_time[a:b, best[a]].mean()))
        for a, b in zip(bounds[:-1], bounds[1:], strict=True)
    ]
    return Classification(unit, classes, silence, over_time, segments, *decide(log_posteriors, classes, silence))


class Predictor:
    def __init__(
        self,
        asr: str | None,
        ser: str | None,
        device: torch.device,
        precision: str = "fp32",
        acoustic_scale: float | None = None,
        window: float = 0.5,
        silence_class: str | None = None,
        unit: str = "emotion",
    ):
        """asr, ser: run directories; acoustic_scale: None for the one in hmm.json, which was best on dev; unit: what a
        class of ser is

        What the networks do in common, as those of a hybrid do, is computed once.
        """
        if not asr and not ser:
            raise Failure("give --asr MODEL for phones, --ser MODEL for emotions, or --model HYBRID for both")
        self.device, self.precision, self.window, self.unit = device, precision, window, unit
        self.asr = self._load(asr) if asr else None
        self.ser = self._load(ser) if ser else None
        if self.ser and has_states(self.ser):
            raise Failure(
                f"--ser {ser}: its {len(self.ser.class_names)} classes have numbers, as states of phones have, and no "
                "names of emotions; a network of phone states is for --asr"
            )
        if self.asr and asr:
            if not has_states(self.asr):
                raise Failure(
                    f"--asr {asr}: its classes are {', '.join(self.asr.class_names)}, not numbers of phone states; "
                    "a network of emotions is for --ser"
                )
            self.loop = read_loop_of(self.asr, Path(asr))
            self.acoustic_scale = self.loop.acoustic_scale if acoustic_scale is None else acoustic_scale
        if self.ser:
            classes = self.ser.class_names
            if silence_class is not None and silence_class not in classes:
                raise Failure(f"--silence-class={silence_class}: the classes of {ser} are {', '.join(classes)}")
            self.silence = silence_class or ("silence" if "silence" in classes else None)
        both = [model.network for model in (self.asr, self.ser) if model]
        self.in_common = layers_in_common(both) if len(both) > 1 else 0

    def _load(self, path: str) -> Model:
        model = load_model(path)
        check_coefficients(f"{path}: predict computes filterbanks of", NUM_BINS, model.network.shape.num_coefficients)
        model.network.to(self.device)
        return model

    def __call__(self, path: Path) -> Prediction:
        samples, warning = read_audio(path)
        feats = log_mel(samples)
        if not len(feats):
            raise Failure(
                f"{path}: {len(samples) / RATE:.6g} s of audio ({len(samples)} samples at {RATE} Hz), at least "
                f"{LENGTH / RATE:g} s ({LENGTH} samples) are needed"
            )
        result = Prediction(path, samples, warnings=[warning] * bool(warning))
        networks = [model.network for model in (self.asr, self.ser) if model]
        with precision_context(self.device, self.precision):
            found = iter(utterance_log_posteriors(networks, feats, self.device, self.in_common))
        if self.asr:
            scores = pseudo_log_likelihoods(next(found), log_priors(self.asr.label_counts.numpy(), 1.0))
            result.phones = [
                Segment(first * SHIFT_SECONDS, end * SHIFT_SECONDS, phone)
                for phone, first, end in best_phones(self.loop, scores, self.acoustic_scale)
            ]
        if self.ser:
            classes = self.ser.class_names
            result.classification = classify(next(found), self.unit, classes, self.silence, self.window)
            if not result.has_speech:
                result.classification.decision, result.classification.shares = None, {}
        for segments in (result.phones, result.classification and result.classification.segments):
            if segments:  # the last frames are up to 25 ms before the end
                segments[-1].end = result.seconds
        return result


def has_states(model: Model) -> bool:
    """Whether the classes are numbered, as the states (pdfs) of phone HMMs are: what train calls them without names."""
    return model.class_names == [str(i) for i in range(len(model.class_names))]


def networks_of_hybrid(path: str) -> tuple[str, str]:
    """The run directories of phone states and of emotions in that of a hybrid."""
    tasks = {str(found.parent): load_model(found.parent) for found in sorted(Path(path).glob("*/final.pt"))}
    asr = [name for name, model in tasks.items() if has_states(model)]
    ser = [name for name in tasks if name not in asr]
    if len(asr) != 1 or len(ser) != 1:
        names = ", ".join(Path(name).name for name in tasks) or "there are none"
        raise Failure(
            f"--model {path}: expected a network of phone states and one of emotions in folders of it, as asrser_nn "
            f"multitask leaves them, found: {names}; for single networks there are --asr and --ser"
        )
    return asr[0], ser[0]


def why_apart(path: str) -> str:
    """Of a network of a hybrid that has nothing in common with the others."""
    config = load_model(path).config
    if config.get("--shared-layers") == "0":
        return "--shared-layers was 0"
    own = [name for name in ("--batchnorm", "--normalisation") if config.get(name) == "own"]
    return f"each has its own {' and '.join(WHAT[name] for name in own)}" if own else "they were trained apart"


def read_loop_of(model: Model, directory: Path) -> PhoneLoop:
    """The hmm.json beside a network."""
    path = (directory if directory.is_dir() else directory.parent) / "hmm.json"
    if not path.is_file():
        raise Failure(
            f"{path}: no such file, so no phones can be found. Stage 8 of the recipe writes it, and for other "
            "monophone models steps/nnet/write_hmm.py. With --ser alone, emotions can be had without it"
        )
    loop = read_phone_loop(path)
    if loop.num_pdfs != len(model.class_names):
        raise Failure(f"{path}: {loop.num_pdfs} states, but the network has {len(model.class_names)}: another model's?")
    return loop
