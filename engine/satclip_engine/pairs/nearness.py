"""Which pairs lie near others on the ground."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from satclip_engine.pairs.cut import LARGEST_CHIP_PX
from satclip_engine.protocol import Pair
from satclip_engine.raster.geodesy import WGS84_SEMI_MAJOR_M

# Of a chip's side: the centres of two that share a corner are 1.41 apart.
_TOUCHING = 1.5

Floats = npt.NDArray[np.float64]


def positions_m(pairs: Sequence[Pair]) -> Floats:
    """Return the places of pairs as points on a sphere, (n, 3) metres; NaN where a pair has none.

    Straight distances between them are those on the ground to a few parts in a thousand, up to 100 km.
    """
    degrees = [(np.nan, np.nan) if pair.lon is None or pair.lat is None else (pair.lon, pair.lat) for pair in pairs]
    lon, lat = np.radians(np.array(degrees, dtype=np.float64).reshape(-1, 2)).T
    unit = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    return np.asarray(WGS84_SEMI_MAJOR_M * unit, dtype=np.float64)


def within(pairs: Sequence[Pair], others: Sequence[Pair], distance_m: float) -> tuple[Pair, ...]:
    """Return those of ``pairs`` that lie within ``distance_m`` of one of ``others``; none without a place does."""
    here, there = positions_m(pairs), positions_m(others)
    there = there[np.isfinite(there).all(axis=1)]
    known = np.flatnonzero(np.isfinite(here).all(axis=1))
    if not len(there) or not len(known):
        return ()
    distances, _ = KDTree(there).query(here[known])
    return tuple(pairs[place] for place in known[distances <= distance_m].tolist())


def side_m(pairs: Sequence[Pair]) -> float | None:
    """Return the usual side of the pairs' chips in metres; None where nothing tells it.

    Of images without a window it is the usual distance to the next, if that is not more than a chip can have.
    """
    sides = [pair.window_px[2] * pair.gsd_m for pair in pairs if pair.window_px is not None and pair.gsd_m is not None]
    if sides:
        return float(np.median(sides))
    sampled = [pair.gsd_m for pair in pairs if pair.gsd_m is not None]
    places = positions_m(pairs)
    places = places[np.isfinite(places).all(axis=1)]
    if not sampled or len(places) < 2:
        return None
    spacing = float(np.median(KDTree(places).query(places, k=2)[0][:, 1]))
    return spacing if 0 < spacing <= LARGEST_CHIP_PX * float(np.median(sampled)) else None


def beside(pairs: Sequence[Pair], others: Sequence[Pair]) -> tuple[Pair, ...]:
    """Return those of ``pairs`` whose chip touches, or overlaps, one of ``others``, corners included."""
    side = side_m([*pairs, *others])
    return () if side is None else within(pairs, others, _TOUCHING * side)
