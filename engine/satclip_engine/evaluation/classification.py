"""Zero-shot scene classification and k-shot linear probes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PROBE_C = 31.6
PROBE_ITERATIONS = 1000
SHOTS = (1, 2, 5, 10, 15, 20)
SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True, eq=False)
class ClassificationScores:
    """Scores of images against one true class each.

    Attributes:
        class_names: C names.
        top1: Share of images whose best class is the true one.
        top5: Share with the true class among the best five (or among all, where there are fewer).
        recall: float64 (C,) share of the images of a class that were found; NaN where it has none.
        precision: float64 (C,) share of the images given to a class that belong to it; NaN where none was.
        confusion: int64 (C, C + 1), rows = reference, columns = predicted; the last column, no class, stays 0.
        top1_hits: bool (N,).
        top5_hits: bool (N,).
    """

    class_names: tuple[str, ...]
    top1: float
    top5: float
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    confusion: NDArray[np.int64]
    top1_hits: NDArray[np.bool_]
    top5_hits: NDArray[np.bool_]

    @property
    def mean_recall(self) -> float:
        """Mean over the classes that occur; equals top-1 where all classes have as many images."""
        return float(np.nanmean(self.recall))


def classification_scores(
    scores: NDArray[np.floating], truth: NDArray[np.integer], class_names: Sequence[str]
) -> ClassificationScores:
    """Score images by their class scores.

    Args:
        scores: (N, C), larger is better.
        truth: (N,) positions of the true classes.
        class_names: C names.

    Raises:
        ValueError: without images, or where scores, truth and names do not fit, or a score is NaN.
    """
    names = tuple(class_names)
    expected = np.asarray(truth).astype(np.int64)
    if not len(expected) or scores.shape != (len(expected), len(names)):
        raise ValueError(f"scores of shape {scores.shape} do not fit {len(expected)} images and {len(names)} classes")
    if np.isnan(scores).any() or expected.min() < 0 or expected.max() >= len(names):
        raise ValueError("a score is NaN, or a true class is none of the names")
    order = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    found = order == expected[:, None]
    confusion = np.bincount(expected * len(names) + order[:, 0], minlength=len(names) ** 2)
    confusion = confusion.reshape(len(names), len(names))
    hits = np.diag(confusion).astype(np.float64)
    return ClassificationScores(
        class_names=names,
        top1=float(found[:, 0].mean()),
        top5=float(found.any(1).mean()),
        recall=_share(hits, confusion.sum(1)),
        precision=_share(hits, confusion.sum(0)),
        confusion=np.pad(confusion, ((0, 0), (0, 1))).astype(np.int64),
        top1_hits=found[:, 0],
        top5_hits=found.any(1),
    )


@dataclass(frozen=True)
class ProbeScores:
    """Accuracy of a k-shot probe.

    Attributes:
        shots: Labelled images per class.
        accuracies: Top-1 on the test images, one per seed.
    """

    shots: int
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(np.mean(self.accuracies))

    @property
    def sd(self) -> float:
        """Sample standard deviation over seeds; NaN with one seed."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else float("nan")


def linear_probe(
    train_features: NDArray[np.floating],
    train_labels: NDArray[np.integer],
    test_features: NDArray[np.floating],
    test_labels: NDArray[np.integer],
    shots: Sequence[int] = SHOTS,
    seeds: Sequence[int] = SEEDS,
) -> tuple[ProbeScores, ...]:
    """Train logistic regressions on k images per class and score them on the test images.

    Features are made unit; C = 31.6, no search: CLIP's linear probe uses 0.316 on vectors about ten long, and the
    strength of the penalty scales with the square of the length. Each seed draws its own images.
    Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision (2021), appendix A.

    Args:
        train_features: (N, D).
        train_labels: (N,).
        test_features: (M, D).
        test_labels: (M,).
        shots: k; those beyond the images of the smallest class are left out.
        seeds: One repetition each.
    """
    train, test = _unit(train_features), _unit(test_features)
    smallest = int(np.unique(train_labels, return_counts=True)[1].min())
    return tuple(
        ProbeScores(
            k,
            tuple(
                _probe_accuracy(train, train_labels, test, test_labels, draw_shots(train_labels, k, s)) for s in seeds
            ),
        )
        for k in shots
        if k <= smallest
    )


def draw_shots(labels: NDArray[np.integer], shots: int, seed: int) -> NDArray[np.int64]:
    """Return int64 (C * shots,) positions of ``shots`` items per class, drawn without repetition.

    Draws of the same seed are nested: those of 2 shots are among those of 5.
    """
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:shots] for c in np.unique(labels)])


def _probe_accuracy(
    train: NDArray[np.float64],
    train_labels: NDArray[np.integer],
    test: NDArray[np.float64],
    test_labels: NDArray[np.integer],
    chosen: NDArray[np.int64],
) -> float:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(C=PROBE_C, max_iter=PROBE_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a probe stopped early is scored as it is
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # one shot of many classes
        probe.fit(train[chosen], train_labels[chosen])
    return float(probe.score(test, test_labels))


def _unit(features: NDArray[np.floating]) -> NDArray[np.float64]:
    rows = np.asarray(features, dtype=np.float64)
    unit: NDArray[np.float64] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _share(part: NDArray[np.float64], whole: NDArray[np.integer]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return share
