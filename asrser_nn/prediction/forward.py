"""From features to what a decoder wants, utterance by utterance."""

from collections.abc import Sequence

import numpy as np
import torch

from asrser_io.files import Failure
from asrser_nn.data.corpus import check_coefficients, corpus_of
from asrser_nn.data.tables import matrix_writer, read_feats, read_vector
from asrser_nn.network.constant_layers import hold_constant
from asrser_nn.network.convnet import ConvNet, log_posteriors
from asrser_nn.network.device import precision_context
from asrser_nn.network.model import Model


def log_priors(counts: np.ndarray, floor: float) -> np.ndarray:
    """log p(s) of each state from its frame counts in the training alignment; counts below `floor` are raised to it.

    A state that was never seen would otherwise be divided by zero.

    counts:  (states,), frames
    returns: (states,), natural log
    """
    floored = np.maximum(counts.astype(np.float64), floor)
    return np.log(floored / floored.sum())


def pseudo_log_likelihoods(log_posteriors: np.ndarray, log_priors: np.ndarray) -> np.ndarray:
    """Divide posteriors by priors, in the log domain: log p(s|x) - log p(s).

    By Bayes' rule this is log p(x|s) minus log p(x), which is the same for every state of a frame, so the best
    path is unchanged (Bourlard and Morgan, "Connectionist Speech Recognition", 1994).

    log_posteriors: (frames, states), natural log
    log_priors:     (states,), natural log, from the state counts of the training alignment
    returns:        (frames, states), natural log
    """
    return log_posteriors - log_priors


def read_counts(path: str, num_classes: int) -> np.ndarray:
    counts = read_vector(path)
    if len(counts) != num_classes:
        raise Failure(
            f"{path}: {len(counts)} counts, but the model has {num_classes} classes: priors of another model?"
        )
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise Failure(f"{path}: a count that is negative, infinite or no number; expected the frames of each class")
    if not counts.any():
        raise Failure(f"{path}: all counts are 0; expected the frames of each class")
    return counts


def utterance_log_posteriors(
    networks: Sequence[ConvNet], feats: np.ndarray, device: torch.device, in_common: int = 0
) -> list[np.ndarray]:
    """(frames, coefficients) raw filterbanks → (frames, classes) natural log posteriors of each network.

    The networks are on `device`.
    in_common: so many of their first layers are the same, as layers_in_common finds, and are computed once
    """
    scores = []
    for group in (networks,) if in_common else [[network] for network in networks]:
        utterance = corpus_of([("", feats, np.zeros(len(feats)))], group[0].shape.context).to(device)
        group[0].normalise(utterance.rows)
        utterance = hold_constant(group[0], utterance, 0, in_common, once=True)
        for network in group:
            parts = [part for _, part in log_posteriors(network, utterance, in_common)]
            scores.append(torch.cat(parts).cpu().numpy())
    return scores


def model_log_priors(model: Model, counts_file: str | None, floor: float) -> np.ndarray:
    """From a Kaldi vector of label counts, or else from those of the model's training set."""
    counts = read_counts(counts_file, len(model.class_names)) if counts_file else model.label_counts.numpy()
    return log_priors(counts, floor)


def forward_table(
    model: Model,
    feats_source: str,
    wspecifier: str,
    device: torch.device,
    precision: str,
    log_priors: np.ndarray | None,
) -> int:
    """Read raw filterbanks, write a matrix (frames, classes) per utterance, as they come. Returns how many.

    log_priors: to divide the posteriors by, or none
    """
    network = model.network.to(device)
    done = 0
    with matrix_writer(wspecifier) as writer, precision_context(device, precision):
        for key, feats in read_feats(feats_source):
            check_coefficients(f"{feats_source}: {key}", feats.shape[1], network.shape.num_coefficients)
            if not len(feats) or not np.isfinite(feats).all():
                holds = "numbers that are not finite" if len(feats) else "no frames"
                raise Failure(f"{feats_source}: {key} holds {holds}")
            (scores,) = utterance_log_posteriors([network], feats, device)
            if log_priors is not None:
                scores = pseudo_log_likelihoods(scores, log_priors)
            writer.write(key, scores.astype(np.float32))
            done += 1
        if not done:
            raise Failure(f"{feats_source}: no utterances in it")
    return done
