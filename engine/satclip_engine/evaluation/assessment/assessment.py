"""What the assessment of one map says, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satclip_engine.evaluation.assessment.estimators import Accuracy

# Below so many points the normal interval is rough even of a rate of one half. Source: Cochran (1977), table 3.3.
_FEW_POINTS = 30


@dataclass(frozen=True, eq=False)
class Assessment:
    """The assessment of a map of K classes.

    Attributes:
        title: Of the map.
        class_names: (K,) in the order of codes; classes found only in the reference have no area.
        colours: (K,) ``#RRGGBB`` or "".
        areas: (K,) mapped area in m², or in pixels where the map has no CRS.
        in_metres: Whether areas are m².
        counts: (K, K) labelled points; rows = map, columns = reference.
        accuracy: Estimated from them.
        n_unlabelled: Points left out for want of a label.
        notes: Sentences that qualify the numbers.
        created_utc: ISO 8601.
        command: Repeats the assessment.
    """

    title: str
    class_names: tuple[str, ...]
    colours: tuple[str, ...]
    areas: NDArray[np.float64]
    in_metres: bool
    counts: NDArray[np.int64]
    accuracy: Accuracy
    n_unlabelled: int = 0
    notes: tuple[str, ...] = ()
    created_utc: str = ""
    command: str = ""

    @property
    def total_area(self) -> float:
        """Area of all classes, in the unit of ``areas``."""
        return float(self.areas.sum())


def cautions(
    class_names: tuple[str, ...], pixels: NDArray[np.int64], counts: NDArray[np.int64], n_unlabelled: int
) -> tuple[str, ...]:
    """Return what a reader must know about an error matrix before trusting estimates from it.

    Args:
        class_names: (K,) names.
        pixels: (K,) of each mapped class; 0 for classes of the reference alone.
        counts: (K, K) labelled points; rows = map, columns = reference.
        n_unlabelled: Points left out for want of a label.
    """
    points, right = counts.sum(axis=1), np.diag(counts)
    said: list[str] = []
    if n_unlabelled:
        said.append(
            f"{n_unlabelled} {_points(n_unlabelled)} left out for want of a label: the numbers hold if the map is "
            "right as often there as elsewhere."
        )
    for name, n_pixels, n, n_right in zip(class_names, pixels, points, right, strict=True):
        if n_pixels == 0:
            said.append(f"{name}: not in the map, found in the reference only.")
        elif n == 0:
            said.append(
                f"{name}: no labelled point, so the overall accuracy, areas and producer's accuracies are not known."
            )
        elif n >= n_pixels:
            said.append(f"{name}: all its {n} {'pixel' if n == 1 else 'pixels'} were labelled; it is known exactly.")
        elif n == 1:
            said.append(
                f"{name}: a single labelled point, so its variance is not defined and nothing that depends on it has "
                "an interval. Label at least two."
            )
        elif n_right in (0, n):
            # Source: the "rule of three", Hanley and Lippman-Hand (1983), JAMA 249, 1743-1745.
            said.append(
                f"{name}: all {n} points were {'right' if n_right else 'wrong'}, so the formula gives ± 0, which is "
                f"too sure; up to {min(1.0, 3 / n) * 100:.0f} % may be otherwise."
            )
        elif n < _FEW_POINTS:
            said.append(f"{name}: only {n} labelled points; its intervals are rough.")
    return tuple(said)


def _points(count: int) -> str:
    return "point was" if count == 1 else "points were"
