"""Score against the number of samples per class, over several draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from satclip_engine.evaluation.segmentation import confusion_matrix, segmentation_scores
from satclip_engine.harness.teaching.methods import METHODS
from satclip_engine.harness.teaching.pools import Int64, Pool
from satclip_engine.heads.examples import Bools

SHOTS = (1, 2, 5, 10, 15, 20)


@dataclass(frozen=True)
class Point:
    """One method with k samples per class.

    Attributes:
        pool: Name of the data set.
        method: Name.
        shots: k.
        mean: Of the score over the draws, in [0, 1].
        sd: Its standard deviation over the draws.
    """

    pool: str
    method: str
    shots: int
    mean: float
    sd: float


def draw(pool: Pool, shots: int, seed: int) -> tuple[Int64, Int64]:
    """Return rows to learn from, ``shots`` of each class, and rows to score, of other regions.

    Scenes are regions of their own, so that all that were not drawn are scored; of the parts of a tile one half, drawn
    anew, is learned from and the other scored. Draws with more shots contain those with fewer.
    """
    rng = np.random.default_rng(seed)
    half = half_of_regions(pool, rng)
    of_scenes = len(np.unique(pool.regions)) == len(pool.labels)
    order = rng.permutation(len(pool.labels))
    learned = order if of_scenes else order[half[order]]
    rows = np.concatenate(
        [learned[pool.labels[learned] == label][:shots] for label in range(len(pool.class_names))]
    ).astype(np.int64)
    scored = ~np.isin(np.arange(len(pool.labels)), rows) if of_scenes else ~half
    return rows, np.flatnonzero(scored)


def half_of_regions(pool: Pool, rng: np.random.Generator) -> Bools:
    """Return bool (N,): which things lie in a random half of the regions."""
    regions = rng.permutation(np.unique(pool.regions))
    return np.isin(pool.regions, regions[: (len(regions) + 1) // 2])


def score(pool: Pool, rows: Int64, answers: Int64) -> float:
    """Return the pool's metric of the answers to ``rows``, in [0, 1]."""
    if pool.metric == "top-1":
        return float((answers == pool.labels[rows]).mean())
    classes = len(pool.class_names)
    return segmentation_scores(confusion_matrix(pool.labels[rows], answers, classes)).mean_iou


def curves(pool: Pool, seeds: int, methods: Iterable[str], say: Callable[[str], None]) -> list[Point]:
    """Return one point per method and number of shots."""
    points = []
    for shots in SHOTS:
        found: dict[str, list[float]] = {method: [] for method in methods}
        for seed in range(seeds):
            rows, scored = draw(pool, shots, seed)
            for method, scores in found.items():
                scores.append(score(pool, scored, METHODS[method](pool, rows, scored, seed)))
        for method, scores in found.items():
            points.append(Point(pool.name, method, shots, float(np.mean(scores)), float(np.std(scores))))
            say(f"{pool.name}, {shots} shots, {method}: {100 * points[-1].mean:.1f} ± {100 * points[-1].sd:.1f}")
    return points
