"""A random draw of pixels from each class of a map, without holding the map in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from satclip_engine.harness.assessment.class_map import ClassMap
from satclip_engine.harness.assessment.strata import Check, Counts, Floats, Progress, Strata
from satclip_engine.protocol import ProgressUpdate

# Of a class with less than so many pixels per point all pixels are listed; of others they are drawn by area.
_LISTED_PER_POINT = 4


def draw_pixels(
    class_map: ClassMap, strata: Strata, points: Counts, seed: int, progress: Progress, check_cancelled: Check
) -> dict[int, Counts]:
    """Draw pixels of each class at random, without replacement, each with a chance in proportion to its area.

    Where all pixels are equally large that is simple random sampling; in degrees it is what makes shares of points
    shares of area. Only pieces of the map that hold a drawn pixel are read.

    Args:
        class_map: The map that ``strata`` was measured on.
        strata: Its classes.
        points: (K,) pixels wanted of each; at most as many as there are.
        seed: Of the draw; the same seed draws the same pixels.
        progress: Called after each piece.
        check_cancelled: Called before each piece.

    Returns:
        By code, (points, 2) column and row of the drawn pixels in random order.

    Raises:
        SceneError: if the file is damaged.
        CancelledError: if the user asked to stop.
    """
    rng = np.random.default_rng(seed)
    wanted = [_Wanted.of(strata, k, int(n), rng) for k, n in enumerate(points)]
    windows = class_map.windows()
    needed = [number for number in range(len(windows)) if any(len(w.places[number]) or w.lists(number) for w in wanted)]
    for done, number in enumerate(needed):
        check_cancelled()
        window = windows[number]
        codes, is_mapped = class_map.read(window)
        row_areas_m2 = class_map.row_areas_m2(window)
        for one in wanted:
            if len(one.places[number]) or one.lists(number):
                one.take(number, window, is_mapped & (codes == one.code), row_areas_m2)
        progress(ProgressUpdate("read", (done + 1) / len(needed)))
    return {one.code: one.pixels(rng) for one in wanted}


@dataclass(frozen=True, eq=False)
class _Wanted:
    """The draw from one class: positions along its accumulated area, resolved to pixels window by window.

    Attributes:
        code: Of the class.
        count: Pixels wanted.
        areas_m2: (n_windows,) of the class in each window.
        is_listed: Whether all its pixels are gathered and drawn from at the end.
        order: By window, the numbers of the positions that lie in it; they are the order of the draw.
        places: By window, those positions in m² from the window's first pixel of the class.
        found: By number of the position, column, row and area; by order of the raster where all are listed.
    """

    code: int
    count: int
    areas_m2: Floats
    is_listed: bool
    order: list[Counts]
    places: list[Floats]
    found: dict[int, tuple[int, int, float]]

    @staticmethod
    def of(strata: Strata, k: int, count: int, rng: np.random.Generator) -> _Wanted:
        areas = strata.window_areas_m2[:, k]
        is_listed = int(strata.pixels[k]) < _LISTED_PER_POINT * count
        # Some positions meet the same pixel: of twice as many, enough remain where each has a quarter of a chance.
        n_positions = 0 if is_listed or count == 0 else 2 * count + 20
        ends = np.cumsum(areas)
        positions = rng.random(n_positions) * ends[-1]
        windows = np.minimum(np.searchsorted(ends, positions, side="right"), np.flatnonzero(areas > 0)[-1])
        order = [np.flatnonzero(windows == number) for number in range(len(areas))]
        places = [positions[numbers] - (ends[i] - areas[i]) for i, numbers in enumerate(order)]
        return _Wanted(int(strata.codes[k]), count, areas, is_listed, order, places, {})

    def lists(self, number: int) -> bool:
        return self.is_listed and self.areas_m2[number] > 0

    def take(self, number: int, window: Window, is_code: npt.NDArray[np.bool_], row_areas_m2: Floats) -> None:
        if self.is_listed:
            rows, cols = np.nonzero(is_code)
            keys: Sequence[int] = range(len(self.found), len(self.found) + len(rows))
        else:
            rows, cols = _pixels_at(self.places[number], is_code, row_areas_m2)
            keys = self.order[number].tolist()
        left, top = int(window.col_off), int(window.row_off)
        for key, row, col in zip(keys, rows.tolist(), cols.tolist(), strict=True):
            self.found[key] = (left + col, top + row, float(row_areas_m2[row]))

    def pixels(self, rng: np.random.Generator) -> Counts:
        listed = [self.found[key] for key in sorted(self.found)]
        if self.is_listed:
            chances = np.array([area for _, _, area in listed])
            drawn = rng.choice(len(listed), self.count, replace=False, p=chances / chances.sum())
            listed = [listed[i] for i in drawn]
        distinct = dict.fromkeys((col, row) for col, row, _ in listed)
        return np.array(list(distinct)[: self.count], dtype=np.int64).reshape(-1, 2)


def _pixels_at(places: Floats, is_code: npt.NDArray[np.bool_], row_areas_m2: Floats) -> tuple[Counts, Counts]:
    """Return rows and columns of the pixels of a class that lie at ``places`` (m²) along their accumulated area."""
    pixels = np.count_nonzero(is_code, axis=1)
    ends = np.cumsum(pixels * row_areas_m2)
    rows = np.minimum(np.searchsorted(ends, places, side="right"), np.flatnonzero(pixels)[-1])
    into_row = places - (ends[rows] - pixels[rows] * row_areas_m2[rows])
    nth = np.clip((into_row / row_areas_m2[rows]).astype(np.int64), 0, pixels[rows] - 1)
    cols = [int(np.flatnonzero(is_code[row])[n]) for row, n in zip(rows.tolist(), nth.tolist(), strict=True)]
    return rows, np.array(cols, dtype=np.int64)
