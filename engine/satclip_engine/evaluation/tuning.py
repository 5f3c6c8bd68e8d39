"""Tuned scores of a label map, by cross-validation over images: what wording and thresholds could still give.

The tuned numbers are per-class offsets on log-probabilities and one least probability. They are fitted on the other
folds and scored on the held-out one, so no pixel is scored with numbers that its own image helped to choose. Tuned
figures say how much a user with some labelled images could gain; the untuned ones say what a user gets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satclip_engine.evaluation.offsets import decide, fit_offsets, fit_threshold, log_probabilities
from satclip_engine.evaluation.segmentation import SegmentationScores, confusion_matrix, segmentation_scores

MAX_FIT_PIXELS = 500_000


@dataclass(frozen=True, eq=False)
class PixelSample:
    """Pixels drawn from one image.

    Attributes:
        image_id: Folds are made of whole images.
        probabilities: float (n, K) class probabilities of the untuned map.
        reference: int (n,) class positions; pixels outside 0..K-1 are dropped.
        weight: Pixels of the image that each drawn one stands for, so that large images count as much as they do
            in the untuned scores.
    """

    image_id: str
    probabilities: NDArray[np.floating]
    reference: NDArray[np.integer]
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class TunedScores:
    """What tuning gave, every sampled pixel scored once, and the untuned map on the same pixels.

    Attributes:
        scores: Tuned.
        confusion: int64 (K, K + 1), rows = reference, columns = map.
        per_image: int64 (n_images, K, K + 1) in the order of ``image_ids``.
        image_ids: Of the samples, as given.
        offsets: float64 (folds, K) on log-probabilities, mean zero.
        thresholds: float64 (folds,) least probability; 0 = none.
        folds: image ids held out in each fold.
        untuned: Scores of the plain arg-max on the same pixels.
    """

    scores: SegmentationScores
    confusion: NDArray[np.int64]
    per_image: NDArray[np.int64]
    image_ids: tuple[str, ...]
    offsets: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    folds: tuple[tuple[str, ...], ...]
    untuned: SegmentationScores

    def sentence(self) -> str:
        """Return what was tuned, for a report's notes."""
        threshold = " and one least probability for falling to the background" if self.thresholds.any() else ""
        return (
            f"Tuned: one offset per class on log-probabilities{threshold}, fitted by coordinate ascent on mIoU with "
            f"{len(self.folds)}-fold cross-validation over images; each pixel is scored with numbers that its own "
            "image did not help to choose, though neighbouring images may lie in different folds. "
            "Untuned: none of this."
        )


def cross_validated_offsets(
    samples: Sequence[PixelSample], n_classes: int, folds: int = 5, seed: int = 0, background: int | None = None
) -> TunedScores:
    """Tune per-class offsets, and a threshold where there is a background class, and score them on held-out images.

    Args:
        samples: One per image, at least two.
        n_classes: K.
        folds: Parts of the images; as many as images where there are fewer.
        seed: Of the shuffle into folds.
        background: Position of the class that takes pixels below the tuned threshold, or None: no threshold.

    Raises:
        ValueError: with fewer than two images, or probabilities that do not have K columns.
    """
    if len(samples) < 2:
        raise ValueError("cross-validation needs at least two images")
    parts = [_known(sample, n_classes) for sample in samples]
    order = np.random.default_rng(seed).permutation(len(parts))
    held_out = [np.sort(part).tolist() for part in np.array_split(order, min(folds, len(parts)))]
    per_image = np.zeros((len(parts), n_classes, n_classes + 1))
    offsets = np.zeros((len(held_out), n_classes))
    thresholds = np.zeros(len(held_out))
    for fold, out in enumerate(held_out):
        fitting = _joined([part for i, part in enumerate(parts) if i not in out])
        offsets[fold] = fit_offsets(fitting.logits, fitting.reference, fitting.weights)
        if background is not None:
            thresholds[fold] = fit_threshold(
                fitting.logits, fitting.reference, fitting.weights, offsets[fold], background
            )
        for i in out:
            mapped = decide(parts[i].logits, offsets[fold], thresholds[fold], background)
            per_image[i] = samples[i].weight * confusion_matrix(parts[i].reference, mapped, n_classes)
    untuned = sum(
        sample.weight * confusion_matrix(part.reference, part.logits.argmax(1), n_classes)
        for sample, part in zip(samples, parts, strict=True)
    )
    counts = np.rint(per_image).astype(np.int64)
    confusion = counts.sum(0)
    return TunedScores(
        scores=segmentation_scores(confusion),
        confusion=confusion,
        per_image=counts,
        image_ids=tuple(sample.image_id for sample in samples),
        offsets=offsets,
        thresholds=thresholds,
        folds=tuple(tuple(samples[i].image_id for i in out) for out in held_out),
        untuned=segmentation_scores(np.rint(untuned).astype(np.int64)),
    )


@dataclass(frozen=True, eq=False)
class _Pixels:
    logits: NDArray[np.float32]
    reference: NDArray[np.int64]
    weights: NDArray[np.float64]


def _known(sample: PixelSample, n_classes: int) -> _Pixels:
    probabilities = np.asarray(sample.probabilities)
    reference = np.asarray(sample.reference).astype(np.int64)
    if probabilities.shape != (len(reference), n_classes):
        raise ValueError(
            f"{probabilities.shape} probabilities do not fit {len(reference)} pixels of {n_classes} classes"
        )
    known = (reference >= 0) & (reference < n_classes)
    weights = np.full(int(known.sum()), sample.weight)
    return _Pixels(log_probabilities(probabilities[known]), reference[known], weights)


def _joined(parts: Sequence[_Pixels]) -> _Pixels:
    """Return the pixels of all parts, thinned evenly to about ``MAX_FIT_PIXELS``: more change no fitted number."""
    step = max(1, round(sum(len(part.reference) for part in parts) / MAX_FIT_PIXELS))
    return _Pixels(
        np.concatenate([part.logits[::step] for part in parts]),
        np.concatenate([part.reference[::step] for part in parts]),
        np.concatenate([part.weights[::step] for part in parts]),
    )
