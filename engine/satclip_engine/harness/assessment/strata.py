"""The classes of a map as strata: how many pixels and what area each has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from satclip_engine.errors import SceneError
from satclip_engine.harness.assessment.class_map import ClassMap
from satclip_engine.protocol import ProgressUpdate

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Progress = Callable[[ProgressUpdate], None]
Check = Callable[[], None]

# More codes than any legend: such a raster holds quantities or identifiers.
MAX_CLASSES = 500
# Codes of a window that spread less than this are counted by their value, others by sorting, which is slower.
_MOST_SPREAD = 1 << 20


@dataclass(frozen=True, eq=False)
class Strata:
    """The classes of a map, by ascending code; nodata, 0 and unknown are none of them.

    Attributes:
        codes: (K,).
        pixels: (K,).
        areas_m2: (K,) true ground area; pixels where the map has no CRS.
        unknown_m2: Area of pixels that the map left undecided.
        window_areas_m2: (number of windows, K): of each piece of ``ClassMap.windows``.
    """

    codes: Counts
    pixels: Counts
    areas_m2: Floats
    unknown_m2: float
    window_areas_m2: Floats

    @property
    def weights(self) -> Floats:
        """(K,) share of each class in their common area."""
        return np.asarray(self.areas_m2 / self.areas_m2.sum())


def measure_strata(class_map: ClassMap, progress: Progress, check_cancelled: Check) -> Strata:
    """Count pixels and area of each class in one pass over the map.

    Raises:
        SceneError: if the file is damaged, holds no class, or too many codes to be a map of classes.
        CancelledError: if the user asked to stop.
    """
    windows = class_map.windows()
    found: list[dict[int, tuple[int, float]]] = []
    seen: set[int] = set()
    for number, window in enumerate(windows):
        check_cancelled()
        codes, is_mapped = class_map.read(window)
        counted = _count(codes, is_mapped, class_map.row_areas_m2(window)) if is_mapped.any() else {}
        found.append(counted)
        seen.update(counted)
        if len(seen) > MAX_CLASSES:
            raise _too_many(class_map)
        progress(ProgressUpdate("read", (number + 1) / len(windows)))
    unknown = class_map.legend.unknown_code
    kept = sorted(seen - {unknown})
    if not kept:
        raise SceneError(
            f"{class_map.path} has no pixel of any class: all are nodata, 0 or unknown.",
            remedy="Choose a classified map; 0 is never a class.",
            code="assess.no_classes",
            path=class_map.path,
        )
    nothing = (0, 0.0)
    pixels = np.array([[counted.get(code, nothing)[0] for code in kept] for counted in found], dtype=np.int64)
    areas = np.array([[counted.get(code, nothing)[1] for code in kept] for counted in found])
    unknown_m2 = 0.0 if unknown is None else sum(counted.get(unknown, nothing)[1] for counted in found)
    return Strata(np.array(kept, dtype=np.int64), pixels.sum(axis=0), areas.sum(axis=0), unknown_m2, areas)


def map_notes(class_map: ClassMap, strata: Strata) -> tuple[str, ...]:
    """Return sentences on what of a map the numbers hold for."""
    notes = []
    if strata.unknown_m2 > 0:
        share = strata.unknown_m2 / (strata.unknown_m2 + strata.areas_m2.sum())
        notes.append(
            f"{share * 100:.2g} % of the mapped area is “{class_map.legend.name(class_map.legend.unknown_code or 0)}”; "
            "it is left out, so the numbers hold for the rest only."
        )
    if not class_map.grid.has_crs:
        notes.append("The map has no coordinate reference system: areas are in pixels.")
    return tuple(notes)


def _count(
    codes: npt.NDArray[np.integer], is_mapped: npt.NDArray[np.bool_], row_areas_m2: Floats
) -> dict[int, tuple[int, float]]:
    """Return pixels and area by code of one window, (height, width), without a float per pixel."""
    mapped = codes if is_mapped.all() else codes[is_mapped]
    low, high = int(mapped.min()), int(mapped.max())
    if high - low < _MOST_SPREAD:
        values = np.flatnonzero(np.bincount(mapped.ravel().astype(np.int64) - low)) + low
        table = np.zeros(high - low + 1, dtype=np.int64)
        table[values - low] = np.arange(len(values))
        numbers = table[np.where(is_mapped, codes, low).astype(np.int64) - low]
    else:
        values = np.unique(mapped)
        numbers = np.searchsorted(values, codes).clip(max=len(values) - 1)
    if len(values) > MAX_CLASSES:
        return {int(value): (1, 1.0) for value in values}  # the caller refuses the map for them
    cells = numbers + len(values) * np.arange(len(codes))[:, None]
    by_row = np.bincount(cells[is_mapped], minlength=len(codes) * len(values)).reshape(len(codes), len(values))
    pixels, areas = by_row.sum(axis=0), row_areas_m2 @ by_row
    return {int(values[i]): (int(pixels[i]), float(areas[i])) for i in range(len(values))}


def _too_many(class_map: ClassMap) -> SceneError:
    return SceneError(
        f"{class_map.path} holds more than {MAX_CLASSES} different codes; that is not a map of classes.",
        remedy="Choose a classified map, not an image, an elevation model or a raster of identifiers.",
        code="assess.too_many_codes",
        path=class_map.path,
    )
