"""Bootstrap over images: 95 % intervals of a metric, and of the difference between two models.

Images are the units that are drawn, never pixels: pixels of an image resemble each other, and an interval over them
would be far too narrow.
Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), percentile interval, chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satclip_engine.evaluation.metrics import signed_points

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], float]

LEVEL = 0.95
FEW_IMAGES = 15
_CHUNK = 128


def caution(n_images: int) -> str:
    """Return a sentence on how far to trust an interval over so few images, or "" where there are enough."""
    if n_images < 2:
        return "One image alone gives no interval: how far the number would move with another is not known."
    if n_images < FEW_IMAGES:
        return f"With only {n_images} images the intervals are rough, and rather too narrow than too wide."
    return ""


def confidence_interval(
    per_image: NDArray[np.generic], statistic: Statistic, n: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile interval of ``statistic(sum over images)``.

    Args:
        per_image: (n_images, ...) what each image adds to the sum, e.g. its confusion matrix.
        statistic: Turns the sum over images, shape (...), into the metric.
        n: Resamples.
        seed: Of the draws.

    Returns:
        (low, high); NaN both where there are fewer than two images, or where all draws give the same value, as of
        five misses among five: such draws know nothing of the sixth image.
    """
    values = np.asarray(per_image, dtype=np.float64)
    unknown = float("nan"), float("nan")
    if len(values) < 2:
        return unknown
    low, high = _percentiles(_resampled(values, statistic, n, np.random.default_rng(seed)))
    return (low, high) if high > low else unknown


@dataclass(frozen=True)
class Difference:
    """The difference b - a of one metric between two models.

    Attributes:
        a: Metric of the first, over the images compared.
        b: Metric of the second.
        difference: b - a.
        low: Lower end of its 95 % interval; NaN with fewer than two images.
        high: Upper end.
        paired: Whether both were scored on the same images, and only these were compared.
        n_images: Images compared; of the smaller side where unpaired.
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    paired: bool
    n_images: int

    @property
    def decided(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0

    def sentence(self, metric: str, name_a: str, name_b: str) -> str:
        """Return the finding in words, in percentage points."""
        points = f"{abs(self.difference) * 100:.1f} points"
        if np.isnan(self.low):
            return f"{metric}: {name_b} differs from {name_a} by {points}; too few images for an interval."
        interval = f"95 % interval {signed_points(self.low)} to {signed_points(self.high)}"
        how = f"over the same {self.n_images} images" if self.paired else "over different images"
        if not self.decided:
            return f"{metric}: no difference that these images can show ({interval}, {how})."
        word = "better" if self.difference > 0 else "worse"
        doubt = ", too few to be sure" if self.n_images < FEW_IMAGES else ""
        return f"{metric}: {name_b} is {points} {word} than {name_a} ({interval}, {how}{doubt})."


def compare(
    ids_a: Sequence[str],
    per_image_a: NDArray[np.generic],
    ids_b: Sequence[str],
    per_image_b: NDArray[np.generic],
    statistic: Statistic,
    n: int = 1000,
    seed: int = 0,
) -> Difference:
    """Compare a metric of two models, paired by image id where both scored the same images.

    Paired: only the common images count, and both models are resampled together. With no image in common each side
    is resampled alone.

    Args:
        ids_a: (n_a,) image ids of the first model.
        per_image_a: (n_a, ...) what each image adds to the sum.
        ids_b: (n_b,) of the second.
        per_image_b: (n_b, ...).
        statistic: As in ``confidence_interval``.
        n: Resamples.
        seed: Of the draws.
    """
    a, b = np.asarray(per_image_a, dtype=np.float64), np.asarray(per_image_b, dtype=np.float64)
    position = {image: i for i, image in enumerate(ids_b)}
    common = [(i, position[image]) for i, image in enumerate(ids_a) if image in position]
    paired = bool(common)
    if paired:
        a, b = a[[i for i, _ in common]], b[[j for _, j in common]]
    value_a, value_b = statistic(a.sum(0)), statistic(b.sum(0))
    n_images = min(len(a), len(b))
    low = high = float("nan")
    if n_images >= 2:
        rng = np.random.default_rng(seed)
        if paired:
            both = np.stack([a.reshape(len(a), -1), b.reshape(len(b), -1)], axis=1)

            def difference(total: Floats) -> float:
                return statistic(total[1].reshape(b.shape[1:])) - statistic(total[0].reshape(a.shape[1:]))

            draws = _resampled(both, difference, n, rng)
        else:
            draws = _resampled(b, statistic, n, rng) - _resampled(a, statistic, n, rng)
        low, high = _percentiles(draws)
    return Difference(value_a, value_b, value_b - value_a, low, high, paired, n_images)


def _resampled(values: Floats, statistic: Statistic, n: int, rng: np.random.Generator) -> Floats:
    flat = values.reshape(len(values), -1)
    even = np.full(len(values), 1 / len(values))
    results: list[float] = []
    for start in range(0, n, _CHUNK):
        times_drawn = rng.multinomial(len(values), even, size=min(_CHUNK, n - start)).astype(np.float64)
        results += [statistic(total.reshape(values.shape[1:])) for total in times_drawn @ flat]
    return np.array(results)


def _percentiles(draws: Floats) -> tuple[float, float]:
    known = draws[~np.isnan(draws)]
    if known.size == 0:
        return float("nan"), float("nan")
    low, high = np.percentile(known, [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2])
    return float(low), float(high)
