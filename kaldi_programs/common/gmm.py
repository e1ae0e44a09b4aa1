"""Gaussian mixtures with diagonal covariances, one for each pdf: likelihoods, training, and Kaldi's files.

The Gaussians of all pdfs lie one below the other in the same arrays, so that whole models are updated at once. Formats
and update rules are those of gmm/am-diag-gmm.cc, gmm/diag-gmm.cc, gmm/mle-diag-gmm.cc and gmm/model-common.cc in Kaldi.
"""

from __future__ import annotations

import heapq
import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from asrser_io.files import Failure
from asrser_io.streams import open_object, open_output
from asrser_io.values import (
    expect_token,
    read_bytes,
    read_float,
    read_int32,
    read_matrix,
    read_token,
    read_vector,
    write_double,
    write_int32,
    write_matrix,
    write_token,
    write_vector,
)
from kaldi_programs.common.hmm import TransitionModel, parse_transition_model
from kaldi_programs.common.program import log, warn
from kaldi_programs.common.wheels import wheel_object

MEANS, VARIANCES, WEIGHTS, TRANSITIONS = 1, 2, 4, 8  # Kaldi's flags for what is accumulated and updated
ALL = MEANS | VARIANCES | WEIGHTS | TRANSITIONS


class AmDiagGmm:
    def __init__(self, sizes, weights: np.ndarray, means_invvars: np.ndarray, inv_vars: np.ndarray):
        """sizes: (pdfs,) Gaussians of each; weights: (Gaussians,); the others: (Gaussians, dimension), all float32."""
        self.sizes = np.asarray(sizes, np.int64)
        self.weights = np.asarray(weights, np.float32)
        self.means_invvars = np.asarray(means_invvars, np.float32)
        self.inv_vars = np.asarray(inv_vars, np.float32)
        self.compute_gconsts()

    @property
    def num_pdfs(self) -> int:
        return len(self.sizes)

    @property
    def num_gauss(self) -> int:
        return len(self.weights)

    @property
    def dim(self) -> int:
        return self.inv_vars.shape[1]

    def slices(self) -> list[slice]:
        """Where the Gaussians of each pdf lie in the arrays."""
        ends = np.cumsum(self.sizes).tolist()
        return [slice(end - size, end) for end, size in zip(ends, self.sizes.tolist(), strict=True)]

    def compute_gconsts(self) -> None:
        """The part of each Gaussian's log-likelihood that is the same for all frames.

        Summed one dimension after the other in float32, as Kaldi does, so that a model is written as Kaldi writes it.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            gconsts = _log(self.weights) + np.float32(-0.5 * math.log(2 * math.pi) * self.dim)
            half_log_inv_vars = 0.5 * _log(self.inv_vars).astype(np.float64)
            means_invvars = self.means_invvars.astype(np.float64)
            terms = half_log_inv_vars - 0.5 * means_invvars * means_invvars / self.inv_vars
            for term in terms.T:
                gconsts = (gconsts + term).astype(np.float32)
        if np.isnan(gconsts).any():
            pdf = int(np.searchsorted(np.cumsum(self.sizes), np.flatnonzero(np.isnan(gconsts))[0], side="right"))
            raise Failure(f"pdf {pdf} has a Gaussian whose weight or variance is negative or not a number")
        self.gconsts = np.where(gconsts == np.inf, -np.inf, gconsts).astype(np.float32)

    def posteriors(self, gaussians: slice, feats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Share of each Gaussian of a pdf in each frame, (frames, Gaussians), and the log-likelihoods (frames,)."""
        linear = feats @ self.means_invvars[gaussians].T
        scores = self.gconsts[gaussians] + linear - np.float32(0.5) * ((feats * feats) @ self.inv_vars[gaussians].T)
        highest = scores.max(axis=1, keepdims=True)
        likelihoods = np.exp(scores - highest)
        total = likelihoods.sum(axis=1, keepdims=True)
        return likelihoods / total, (highest + np.log(total))[:, 0]

    def frames_by_pdf(self, pdfs: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """For every pdf that occurs: where its Gaussians lie in the arrays, and the frames that have it."""
        frames = np.argsort(pdfs, kind="stable")
        ends = np.cumsum(np.bincount(pdfs, minlength=self.num_pdfs))
        for gaussians, of_pdf in zip(self.slices(), np.split(frames, ends[:-1]), strict=True):
            if of_pdf.size:
                yield gaussians, of_pdf

    def frame_log_likelihoods(self, feats: np.ndarray, pdfs: np.ndarray) -> np.ndarray:
        """(frames,) log-likelihood of each frame under its pdf; feats: (frames, dimension), pdfs: (frames,)."""
        log_likelihoods = np.empty(len(feats), np.float32)
        for gaussians, frames in self.frames_by_pdf(pdfs):
            log_likelihoods[frames] = self.posteriors(gaussians, feats[frames])[1]
        return log_likelihoods

    def pdf_log_likelihoods(self, feats: np.ndarray) -> np.ndarray:
        """(frames, pdfs) log-likelihoods; feats: (frames, dimension)."""
        return np.stack([self.posteriors(gaussians, feats)[1] for gaussians in self.slices()], axis=1)

    def check_dim(self, feats: np.ndarray, key: str) -> np.ndarray:
        if feats.shape[1] != self.dim:
            raise Failure(f"utterance {key} has features of dimension {feats.shape[1]}, but the model's is {self.dim}")
        return feats

    def keep(self, kept: np.ndarray) -> None:
        """Drop the Gaussians that are not kept (a bool for each), and make the others' weights sum to one again."""
        pdf_of_gaussian = np.repeat(np.arange(self.num_pdfs), self.sizes)
        touched = np.isin(pdf_of_gaussian, pdf_of_gaussian[~kept])
        sums = np.bincount(pdf_of_gaussian[kept], self.weights[kept], self.num_pdfs)
        self.weights = np.where(touched, self.weights / sums[pdf_of_gaussian], self.weights).astype(np.float32)[kept]
        self.sizes = np.bincount(pdf_of_gaussian[kept], minlength=self.num_pdfs)
        self.means_invvars, self.inv_vars = self.means_invvars[kept], self.inv_vars[kept]
        self.compute_gconsts()

    def split(self, targets: list[int], perturb_factor: float, gauss: Callable[[int], np.ndarray]) -> None:
        """Split the heaviest Gaussian of a pdf in two until it has its target number, pushing the halves apart.

        gauss: a function that draws n numbers from N(0, 1)
        """
        factor = np.float32(perturb_factor)
        num_new = sum(max(target - size, 0) for target, size in zip(targets, self.sizes.tolist(), strict=True))
        directions = iter(gauss(num_new * self.dim).reshape(-1, self.dim))
        parts = []
        for pdf, target in zip(self.slices(), targets, strict=True):
            weights = self.weights[pdf].tolist()
            means, inv_vars = list(self.means_invvars[pdf]), list(self.inv_vars[pdf])
            while len(weights) < target:
                heaviest = weights.index(max(weights))
                weights[heaviest] /= 2
                weights.append(weights[heaviest])
                # Means are stored times the inverse variance, which makes this a fraction of the standard deviation.
                offset = factor * (next(directions) * np.sqrt(inv_vars[heaviest]))
                means.append(means[heaviest] + offset)
                means[heaviest] = means[heaviest] - offset
                inv_vars.append(inv_vars[heaviest])
            parts.append((weights, means, inv_vars))
        self.sizes = np.array([len(weights) for weights, _, _ in parts])
        self.weights, self.means_invvars, self.inv_vars = (
            np.concatenate(of_pdfs).astype(np.float32) for of_pdfs in zip(*parts, strict=True)
        )
        self.compute_gconsts()

    def merge(self, pdf_occupancies: np.ndarray, num_gauss: int, power: float, min_count: float) -> None:
        """Merge the most alike Gaussians of each pdf, until it has its share of num_gauss (see split_targets)."""
        merged = self.to_wheel()
        merged.merge_by_count(pdf_occupancies, num_gauss, power, min_count)
        state = merged.__getstate__()
        self.sizes = np.array([len(weights) for weights in state[0::3]])
        self.weights, self.inv_vars, self.means_invvars = (np.concatenate(state[part::3]) for part in range(3))
        self.compute_gconsts()

    def perturb(self, perturb_factor: float, gauss: Callable[[int], np.ndarray]) -> None:
        """Move every mean by a random fraction of its standard deviation."""
        offsets = gauss(self.num_gauss * self.dim).reshape(-1, self.dim) * np.sqrt(self.inv_vars)
        self.means_invvars += np.float32(perturb_factor) * offsets.astype(np.float32)
        self.compute_gconsts()

    def write(self, file, binary: bool) -> None:
        newline = b"" if binary else b"\n"
        write_token(file, "<DIMENSION>", binary)
        write_int32(file, self.dim, binary)
        write_token(file, "<NUMPDFS>", binary)
        write_int32(file, self.num_pdfs, binary)
        for pdf in self.slices():
            write_token(file, "<DiagGMM>", binary)
            file.write(newline)
            write_token(file, "<GCONSTS>", binary)
            write_vector(file, self.gconsts[pdf], binary)
            write_token(file, "<WEIGHTS>", binary)
            write_vector(file, self.weights[pdf], binary)
            write_token(file, "<MEANS_INVVARS>", binary)
            write_matrix(file, self.means_invvars[pdf], binary)
            write_token(file, "<INV_VARS>", binary)
            write_matrix(file, self.inv_vars[pdf], binary)
            write_token(file, "</DiagGMM>", binary)
            file.write(newline)

    def to_wheel(self):
        """The same model as an object of kaldi_hmm_gmm."""
        state = []
        for pdf in self.slices():
            state += [self.weights[pdf], self.inv_vars[pdf], self.means_invvars[pdf]]
        return wheel_object("AmDiagGmm", tuple(state))


def _log(values: np.ndarray) -> np.ndarray:
    """The natural logarithm, correctly rounded to float32, on every processor the same."""
    return np.log(values.astype(np.float64)).astype(np.float32)


def parse_am_diag_gmm(file, binary: bool) -> AmDiagGmm:
    expect_token(file, "<DIMENSION>", binary)
    dim = read_int32(file, binary)
    expect_token(file, "<NUMPDFS>", binary)
    num_pdfs = read_int32(file, binary)
    if num_pdfs < 1 or dim < 1:
        raise Failure(f"a model of {num_pdfs} pdfs in {dim} dimensions, which none can be (damaged?)")
    gconsts, weights, means_invvars, inv_vars = [], [], [], []
    for pdf in range(num_pdfs):
        expect_token(file, "<DiagGMM>", binary)
        token = read_token(file, binary)
        if token == "<GCONSTS>":
            gconsts.append(read_vector(file, binary))
            token = read_token(file, binary)
        if token != "<WEIGHTS>":
            raise Failure(f"expected <WEIGHTS> of pdf {pdf}, found {token!r}")
        weights.append(read_vector(file, binary))
        expect_token(file, "<MEANS_INVVARS>", binary)
        means_invvars.append(read_matrix(file, binary))
        expect_token(file, "<INV_VARS>", binary)
        inv_vars.append(read_matrix(file, binary))
        expect_token(file, "</DiagGMM>", binary)
        shape = (len(weights[-1]), dim)
        if shape[0] < 1 or means_invvars[-1].shape != shape or inv_vars[-1].shape != shape:
            raise Failure(f"the weights, means and variances of pdf {pdf} do not have one shape")
    sizes = [len(of_pdf) for of_pdf in weights]
    gmms = AmDiagGmm(sizes, np.concatenate(weights), np.concatenate(means_invvars), np.concatenate(inv_vars))
    given = np.concatenate(gconsts) if gconsts else gmms.gconsts
    if given.shape == gmms.gconsts.shape:
        # They follow from the rest; kept where they differ by rounding only, so that a copy of a file is the same file.
        gmms.gconsts = np.where(np.isclose(given, gmms.gconsts, rtol=1e-5, atol=1e-4), given, gmms.gconsts)
    return gmms


def read_model(rxfilename: str) -> tuple[TransitionModel, AmDiagGmm]:
    with open_object(rxfilename) as (file, binary):
        transitions, gmms = parse_transition_model(file, binary), parse_am_diag_gmm(file, binary)
        if transitions.num_pdfs > gmms.num_pdfs:
            raise Failure(f"{transitions.num_pdfs} pdfs in the transition model, but only {gmms.num_pdfs} mixtures")
        return transitions, gmms


def write_model(wxfilename: str, transitions: TransitionModel, gmms: AmDiagGmm, binary: bool) -> None:
    with open_output(wxfilename, binary) as file:
        transitions.write(file, binary)
        gmms.write(file, binary)


@dataclass
class Accumulators:
    """What training keeps of the frames: counts of transitions, and moments of the features for each Gaussian."""

    transitions: np.ndarray  # (transition ids + 1,)
    sizes: np.ndarray  # (pdfs,) Gaussians of each
    occupancies: np.ndarray  # (Gaussians,)
    sums: np.ndarray  # (Gaussians, dimension) of features; (Gaussians, 0) where none were kept
    squares: np.ndarray  # (Gaussians, dimension) of squared features; (Gaussians, 0) where none were kept
    flags: int = ALL
    log_likelihood: float = 0.0
    frames: float = 0.0

    @classmethod
    def zero(cls, transitions: TransitionModel, gmms: AmDiagGmm) -> Accumulators:
        shape = gmms.inv_vars.shape
        counts = np.zeros(transitions.num_ids + 1)
        return cls(counts, gmms.sizes, np.zeros(len(gmms.weights)), np.zeros(shape), np.zeros(shape))

    def accumulate(
        self, transitions: TransitionModel, gmms: AmDiagGmm, feats: np.ndarray, alignment: np.ndarray
    ) -> np.ndarray:
        """Add frames (frames, dimension) with their transition ids; returns the log-likelihood of each frame."""
        self.transitions += np.bincount(alignment, minlength=len(self.transitions))
        log_likelihoods = np.empty(len(feats), np.float32)
        for gaussians, frames in gmms.frames_by_pdf(transitions.id_to_pdf[alignment]):
            x = feats[frames]
            posteriors, log_likelihoods[frames] = gmms.posteriors(gaussians, x)
            posteriors, x = posteriors.astype(np.float64), x.astype(np.float64)
            self.occupancies[gaussians] += posteriors.sum(axis=0)
            self.sums[gaussians] += posteriors.T @ x
            self.squares[gaussians] += posteriors.T @ (x * x)
        self.log_likelihood += float(log_likelihoods.sum(dtype=np.float64))
        self.frames += len(feats)
        return log_likelihoods

    def add(self, other: Accumulators) -> None:
        if len(self.transitions) != len(other.transitions) or self.flags != other.flags:
            raise Failure("statistics of different models cannot be added: other transition ids, or other flags")
        if not np.array_equal(self.sizes, other.sizes) or self.sums.shape != other.sums.shape:
            raise Failure("statistics of different models cannot be added: other numbers of Gaussians, or dimension")
        self.transitions = self.transitions + other.transitions
        self.occupancies = self.occupancies + other.occupancies
        self.sums = self.sums + other.sums
        self.squares = self.squares + other.squares
        self.log_likelihood += other.log_likelihood
        self.frames += other.frames

    def pdf_occupancies(self) -> np.ndarray:
        """(pdfs,) float32, the frames of each pdf."""
        return np.add.reduceat(self.occupancies, np.cumsum(self.sizes) - self.sizes).astype(np.float32)

    def write(self, file, binary: bool) -> None:
        write_vector(file, self.transitions, binary)
        write_token(file, "<NUMPDFS>", binary)
        write_int32(file, len(self.sizes), binary)
        starts = np.cumsum(self.sizes) - self.sizes
        for start, size in zip(starts.tolist(), self.sizes.tolist(), strict=True):
            pdf = slice(start, start + size)
            write_token(file, "<GMMACCS>", binary)
            write_token(file, "<VECSIZE>", binary)
            write_int32(file, self.sums.shape[1], binary)
            write_token(file, "<NUMCOMPONENTS>", binary)
            write_int32(file, size, binary)
            write_token(file, "<FLAGS>", binary)
            file.write(struct.pack("<bH", -2, self.flags) if binary else b"%d " % self.flags)
            write_token(file, "<OCCUPANCY>", binary)
            write_vector(file, self.occupancies[pdf].astype(np.float32), binary)
            write_token(file, "<MEANACCS>", binary)
            write_matrix(file, self.sums[pdf].astype(np.float32), binary)
            write_token(file, "<DIAGVARACCS>", binary)
            write_matrix(file, self.squares[pdf].astype(np.float32), binary)
            write_token(file, "</GMMACCS>", binary)
        write_token(file, "<total_like>", binary)
        write_double(file, self.log_likelihood, binary)
        write_token(file, "<total_frames>", binary)
        write_double(file, self.frames, binary)


def read_accumulators(rxfilename: str) -> Accumulators:
    with open_object(rxfilename) as (file, binary):
        transitions = read_vector(file, binary).astype(np.float64)
        expect_token(file, "<NUMPDFS>", binary)
        occupancies, sums, squares, flags = [], [], [], ALL
        for _ in range(read_int32(file, binary)):
            expect_token(file, "<GMMACCS>", binary)
            expect_token(file, "<VECSIZE>", binary)
            read_int32(file, binary)
            expect_token(file, "<NUMCOMPONENTS>", binary)
            read_int32(file, binary)
            expect_token(file, "<FLAGS>", binary)
            flags = struct.unpack("<bH", read_bytes(file, 3))[1] if binary else read_int32(file, binary)
            expect_token(file, "<OCCUPANCY>", binary)
            occupancies.append(read_vector(file, binary))
            expect_token(file, "<MEANACCS>", binary)
            sums.append(read_matrix(file, binary))
            expect_token(file, "<DIAGVARACCS>", binary)
            squares.append(read_matrix(file, binary))
            expect_token(file, "</GMMACCS>", binary)
        expect_token(file, "<total_like>", binary)
        log_likelihood = read_float(file, binary)
        expect_token(file, "<total_frames>", binary)
        frames = read_float(file, binary)
        sizes = np.array([len(of_pdf) for of_pdf in occupancies])
        if not len(sizes):
            raise Failure("statistics of no pdf at all")
        moments = [np.concatenate(parts).astype(np.float64) for parts in (occupancies, sums, squares)]
        if not all(np.isfinite(part).all() for part in (*moments, transitions, np.array([log_likelihood, frames]))):
            raise Failure("statistics that hold infinite values or values that are no numbers (damaged?)")
        if any((part < 0).any() for part in (transitions, moments[0], moments[2], np.array([frames]))):
            raise Failure("statistics with a negative count (damaged?)")
    return Accumulators(transitions, sizes, moments[0], moments[1], moments[2], flags, log_likelihood, frames)


def update_gmms(
    gmms: AmDiagGmm,
    accumulators: Accumulators,
    flags: int,
    min_occupancy: float,
    min_weight: float,
    min_variance: float,
    remove_low_count: bool,
) -> tuple[float, float]:
    """Maximum-likelihood update of the mixtures; returns the gain in log-likelihood and the frames it is over.

    min_occupancy, min_weight: a Gaussian with less is removed, or left as it is if remove_low_count is false or it is
    the last of its pdf; min_variance: the floor of each variance (as MleDiagGmmUpdate in Kaldi)
    """
    if not np.array_equal(gmms.sizes, accumulators.sizes) or gmms.inv_vars.shape != accumulators.sums.shape:
        theirs = f"{len(accumulators.sizes)} pdfs, {accumulators.sizes.sum()} Gaussians, {accumulators.sums.shape[1]}"
        ours = f"{gmms.num_pdfs} pdfs, {gmms.num_gauss} Gaussians, {gmms.dim} dimensions"
        raise Failure(f"the statistics are of another model, of {theirs} dimensions; this one has {ours}")
    if not accumulators.occupancies.sum() > 0:
        raise Failure("statistics of no frames: was nothing aligned?")
    if flags & ~TRANSITIONS & ~accumulators.flags:
        raise Failure("the statistics lack what --update-flags asks to update (of m, v, w)")
    before = _objective(gmms, accumulators)
    occupancies = accumulators.occupancies
    pdf_of_gaussian = np.repeat(np.arange(gmms.num_pdfs), gmms.sizes)
    pdf_occupancies = np.bincount(pdf_of_gaussian, occupancies, gmms.num_pdfs)
    of_pdf = pdf_occupancies[pdf_of_gaussian]
    shares = np.divide(occupancies, of_pdf, out=1 / gmms.sizes[pdf_of_gaussian], where=of_pdf > 0)
    enough = (occupancies > min_occupancy) & (shares > min_weight)
    removed = _low_counts(gmms, enough, occupancies, shares, remove_low_count)

    old_variances = 1 / gmms.inv_vars.astype(np.float64)
    old_means = gmms.means_invvars * old_variances
    counts = np.where(enough, occupancies, 1)[:, None]
    means = np.where(enough[:, None], accumulators.sums / counts, old_means)
    variances = accumulators.squares / counts - means**2
    if not flags & MEANS:
        variances += (means - old_means) ** 2
    floored = enough[:, None] & (variances < min_variance)
    variances = np.where(enough[:, None], np.maximum(variances, min_variance), old_variances)
    weights = np.where(enough, shares, np.where(removed, gmms.weights, np.maximum(shares, min_weight)))

    if flags & WEIGHTS:
        gmms.weights = weights.astype(np.float32)
    if flags & VARIANCES:
        gmms.inv_vars = (1 / variances.astype(np.float32)).astype(np.float32)
    if flags & (MEANS | VARIANCES):
        gmms.means_invvars = (means if flags & MEANS else old_means).astype(np.float32) * gmms.inv_vars
    gmms.compute_gconsts()
    gain = _objective(gmms, accumulators) - before
    if removed.any():
        gmms.keep(~removed)
    floored_gaussians = floored.any(axis=1).sum()
    log(f"{floored.sum()} variance elements floored in {floored_gaussians} Gaussians, out of {gmms.num_gauss}")
    if remove_low_count:
        log(
            f"Removed {removed.sum()} Gaussians due to counts < --min-gaussian-occupancy={min_occupancy:g} "
            "and --remove-low-count-gaussians=true"
        )
    return gain, float(pdf_occupancies.sum())


def _low_counts(
    gmms: AmDiagGmm, enough: np.ndarray, occupancies: np.ndarray, shares: np.ndarray, remove: bool
) -> np.ndarray:
    """Warn of the Gaussians that have not enough data; says of each whether to remove it: not the last of a pdf."""
    removed = ~enough & remove
    for pdf in gmms.slices():
        if removed[pdf].all():
            removed[pdf.stop - 1] = False
    for gaussian in np.flatnonzero(~enough):
        if removed[gaussian]:
            what = "Too little data - removing Gaussian"
        else:
            reason = "it is the last Gaussian" if remove else "remove-low-count-gaussians == false"
            what = f"Gaussian has too little data but not removing it because {reason}"
        warn(f"{what} (weight {shares[gaussian]:g}, occupation count {occupancies[gaussian]:g})")
    return removed


def _objective(gmms: AmDiagGmm, accumulators: Accumulators) -> float:
    """The log-likelihood of the accumulated frames, up to what is the same for all models."""
    occupied = accumulators.occupancies > 0  # a Gaussian of weight 0 has a gconst of -infinity
    constant = accumulators.occupancies[occupied] @ gmms.gconsts[occupied].astype(np.float64)
    linear = np.sum(accumulators.sums * gmms.means_invvars)
    return float(constant + linear - 0.5 * np.sum(accumulators.squares * gmms.inv_vars))


def split_targets(pdf_occupancies: np.ndarray, num_gauss: int, power: float, min_count: float) -> list[int]:
    """How many Gaussians each pdf shall have, so that there are num_gauss in all, shared out by occupancy ** power.

    min_count: no pdf gets more Gaussians than its occupancy divided by this (as GetSplitTargets in Kaldi)
    """
    targets = [1] * len(pdf_occupancies)
    shares = (pdf_occupancies.astype(np.float32) ** np.float32(power)).tolist()
    queue = [(-share, pdf) for pdf, share in enumerate(shares)]
    heapq.heapify(queue)
    total = len(targets)
    while total < num_gauss:
        _, pdf = heapq.heappop(queue)
        if shares[pdf] == 0:
            warn(f"Could not split up to {num_gauss} due to min-count = {min_count:g} (or no counts at all)")
            break
        if (targets[pdf] + 1) * min_count >= pdf_occupancies[pdf]:
            shares[pdf] = 0.0
        else:
            targets[pdf] += 1
            total += 1
        heapq.heappush(queue, (-shares[pdf] / (targets[pdf] + 1e-10), pdf))
    return targets


class RandGauss:
    """Kaldi's RandGauss over the C library's rand(): what a program of Kaldi draws in a fresh process."""

    def __init__(self):
        import ctypes

        self._libc = ctypes.CDLL(None)
        self._libc.srand(1)

    def __call__(self, count: int) -> np.ndarray:
        rand = self._libc.rand
        drawn = np.array([rand() for _ in range(2 * count)], np.float64).reshape(count, 2)
        uniform = ((drawn + 1.0) / (2**31 - 1 + 2.0)).astype(np.float32)
        radius = np.sqrt(np.float32(-2) * _log(uniform[:, 0]))
        return radius * np.cos((2 * math.pi * uniform[:, 1].astype(np.float64)).astype(np.float32))
