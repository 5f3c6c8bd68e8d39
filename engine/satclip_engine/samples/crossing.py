"""Which unit squares lines cross, exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from satclip_engine.samples.shapes import Shapes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SHORTEST_STEP = 1e-9


def crossed_cells(lines: Shapes) -> tuple[Ints, Ints, Ints]:
    """Return the unit squares that ``lines`` (n,) cross: (line, column, row), each (m,) int64; squares may repeat.

    Every segment is cut where it meets a line of the lattice; the middle of each piece says its square.
    """
    xy, line_of_vertex = shapely.get_coordinates(lines, return_index=True)
    starts = np.flatnonzero(np.diff(line_of_vertex) == 0) if len(xy) else np.empty(0, np.int64)
    begin, step = xy[starts], xy[starts + 1] - xy[starts]
    segments = np.arange(len(starts))
    cuts = [(segments, np.zeros(len(starts))), (segments, np.ones(len(starts)))]
    cuts += [_cuts(begin[:, axis], step[:, axis]) for axis in (0, 1)]
    segment = np.concatenate([which for which, _ in cuts])
    along = np.concatenate([where for _, where in cuts])
    order = np.lexsort((along, segment))
    segment, along = segment[order], along[order]
    # A segment without length still lies in a square: its two ends, 0 and 1, make the one piece.
    pieces = np.flatnonzero((np.diff(segment) == 0) & (np.diff(along) > _SHORTEST_STEP))
    middle = (along[pieces] + along[pieces + 1]) / 2
    piece_of = segment[pieces]
    cells = np.floor(begin[piece_of] + middle[:, None] * step[piece_of]).astype(np.int64)
    return line_of_vertex[starts[piece_of]].astype(np.int64), cells[:, 0], cells[:, 1]


def _cuts(begin: Floats, step: Floats) -> tuple[Ints, Floats]:
    """Return (segment, share of its length) where segments meet whole coordinates of one axis."""
    low, high = np.minimum(begin, begin + step), np.maximum(begin, begin + step)
    first = np.ceil(low).astype(np.int64)
    counts = np.where(step == 0, 0, np.maximum(np.floor(high).astype(np.int64) - first + 1, 0))
    segment = np.repeat(np.arange(len(begin)), counts)
    whole = first[segment] + np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)
    return segment, np.clip((whole - begin[segment]) / step[segment], 0.0, 1.0)
