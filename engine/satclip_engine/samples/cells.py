"""Which cells of a feature map lie under a sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.features import rasterize

from satclip_engine.features.layout import Layout
from satclip_engine.raster.grid import Grid
from satclip_engine.samples.crossing import crossed_cells
from satclip_engine.samples.shapes import Shapes, moved, simple_parts

# More cells of one object say little more: they look alike.
MAX_CELLS_PER_SAMPLE = 200

# Testing single cells beats burning the shape up to about this many (burning costs 2 ms however small).
_FEW_CANDIDATES = 16_384
_CANDIDATES_AT_ONCE = 1_000_000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CellFrame:
    """Where the cells of a layout lie in map coordinates.

    Attributes:
        layout: Cells over the working grid.
        to_cells: Map coordinates to (column, row) in cells; a cell is one unit wide and high.
    """

    layout: Layout
    to_cells: Affine

    @classmethod
    def of(cls, layout: Layout, working_grid: Grid) -> CellFrame:
        """Return the frame of ``layout``, which lies over ``working_grid``."""
        return cls(layout, Affine.scale(1 / layout.cell_px) @ ~working_grid.map_transform)

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of the raster in cells; the last cells may be cut."""
        return self.layout.width_px / self.layout.cell_px, self.layout.height_px / self.layout.cell_px


@dataclass(frozen=True)
class CellsUnder:
    """The cells under some shapes.

    Attributes:
        keys: For each shape the cells under it as ``row * layout.cols + column``, int64; empty outside the raster. At
            most ``MAX_CELLS_PER_SAMPLE``, in an order whose every beginning is spread evenly over the shape.
        is_small: (n,) bool: polygons without any cell's centre inside, which got the cell under their middle.
    """

    keys: list[Ints]
    is_small: npt.NDArray[np.bool_]


def cells_under(shapes: Shapes, frame: CellFrame) -> CellsUnder:
    """Return the cells under valid ``shapes`` (n,) in map coordinates.

    A polygon takes the cells whose centre lies inside, or the one under its middle where there is none; a line those
    it crosses; a point its own.
    """
    in_cells = moved(shapes, frame.to_cells)
    parts, owners = simple_parts(in_cells)
    dimensions = shapely.get_dimensions(parts)
    found = [
        _under_points(parts[dimensions == 0], owners[dimensions == 0], frame),
        _under_lines(parts[dimensions == 1], owners[dimensions == 1], frame),
        _under_polygons(parts[dimensions == 2], owners[dimensions == 2], frame),
    ]
    with_cells = np.zeros(len(shapes), dtype=bool)
    for part_owners, _ in found:
        with_cells[part_owners] = True
    small = _under_small_polygons(parts, owners, (dimensions == 2) & ~with_cells[owners], frame)
    is_small = np.zeros(len(shapes), dtype=bool)
    is_small[small[0]] = True
    found.append(small)
    all_owners = np.concatenate([part_owners for part_owners, _ in found])
    keys = np.concatenate([part_keys for _, part_keys in found])
    return CellsUnder(_by_owner(all_owners, keys, len(shapes), frame.layout.cols), is_small)


def _keys(owners: Ints, cols: Ints, rows: Ints, frame: CellFrame) -> tuple[Ints, Ints]:
    layout = frame.layout
    inside = (cols >= 0) & (cols < layout.cols) & (rows >= 0) & (rows < layout.rows)
    return owners[inside], (rows * layout.cols + cols)[inside]


def _under_points(points: Shapes, owners: Ints, frame: CellFrame) -> tuple[Ints, Ints]:
    xy = shapely.get_coordinates(points)
    inside = ((xy >= 0) & (xy < frame.extent)).all(axis=1)
    cells = np.floor(xy[inside]).astype(np.int64)
    return _keys(owners[inside], cells[:, 0], cells[:, 1], frame)


def _under_lines(lines: Shapes, owners: Ints, frame: CellFrame) -> tuple[Ints, Ints]:
    inside = np.asarray(shapely.clip_by_rect(lines, 0, 0, *frame.extent), dtype=object)
    pieces, line_of_piece = simple_parts(inside)
    piece_of_cell, cols, rows = crossed_cells(pieces)
    return _keys(owners[line_of_piece[piece_of_cell]], cols, rows, frame)


def _under_polygons(polygons: Shapes, owners: Ints, frame: CellFrame) -> tuple[Ints, Ints]:
    """Test the centres of the cells in each polygon's box; burn the few polygons whose box holds very many."""
    width, height = frame.extent
    left, top, right, bottom = shapely.bounds(polygons).reshape(-1, 4).T
    # Centres in the raster only: those of cells that its border cuts off may lie past it, and then nobody sees them.
    first_col = np.ceil(np.maximum(left, 0) - 0.5).astype(np.int64)
    first_row = np.ceil(np.maximum(top, 0) - 0.5).astype(np.int64)
    cols = np.maximum(np.floor(np.minimum(right, width) - 0.5).astype(np.int64) + 1 - first_col, 0)
    rows = np.maximum(np.floor(np.minimum(bottom, height) - 0.5).astype(np.int64) + 1 - first_row, 0)
    counts = cols * rows
    few = np.flatnonzero((counts > 0) & (counts <= _FEW_CANDIDATES))
    shapely.prepare(polygons[few])
    found = []
    for batch in np.split(few, np.flatnonzero(np.diff(np.cumsum(counts[few]) // _CANDIDATES_AT_ONCE)) + 1):
        polygon = np.repeat(batch, counts[batch])
        number = np.arange(len(polygon)) - np.repeat(np.cumsum(counts[batch]) - counts[batch], counts[batch])
        col = first_col[polygon] + number % np.maximum(cols[polygon], 1)
        row = first_row[polygon] + number // np.maximum(cols[polygon], 1)
        inside = shapely.contains_xy(polygons[polygon], col + 0.5, row + 0.5)
        found.append(_keys(owners[polygon[inside]], col[inside], row[inside], frame))
    for place in np.flatnonzero(counts > _FEW_CANDIDATES):
        corner = Affine.translation(first_col[place], first_row[place])
        burnt = rasterize([polygons[place]], (int(rows[place]), int(cols[place])), transform=corner, dtype="uint8")
        row, col = np.nonzero(burnt)
        found.append(_keys(np.full(len(row), owners[place]), col + first_col[place], row + first_row[place], frame))
    return np.concatenate([part for part, _ in found]), np.concatenate([keys for _, keys in found])


def _under_small_polygons(
    parts: Shapes, owners: Ints, chosen: npt.NDArray[np.bool_], frame: CellFrame
) -> tuple[Ints, Ints]:
    inside = shapely.intersection(parts[chosen], shapely.box(0, 0, *frame.extent))
    holds = shapely.area(inside) > 0
    return _under_points(shapely.point_on_surface(inside[holds]), owners[chosen][holds], frame)


def _by_owner(owners: Ints, keys: Ints, count: int, layout_cols: int) -> list[Ints]:
    order = np.lexsort((keys, owners))
    owners, keys = owners[order], keys[order]
    fresh = np.ones(len(keys), dtype=bool)
    fresh[1:] = (np.diff(owners) != 0) | (np.diff(keys) != 0)
    owners, keys = owners[fresh], keys[fresh]
    groups = np.split(keys, np.searchsorted(owners, np.arange(1, count)))[:count]
    return [_spread(group, layout_cols) if len(group) > 1 else group for group in groups]


def _spread(keys: Ints, layout_cols: int) -> Ints:
    """Return at most ``MAX_CELLS_PER_SAMPLE`` of ``keys``, every beginning of them spread evenly.

    Along a Z-order curve neighbours stay close, so that places taken evenly along it lie evenly in the plane; taken in
    van der Corput's order they do so however many are taken.

    Source: Morton (1966), "A computer oriented geodetic data base"; van der Corput (1935).
    """
    if len(keys) > _FEW_CANDIDATES:
        keys = keys[np.linspace(0, len(keys) - 1, _FEW_CANDIDATES).astype(np.int64)]
    along = np.argsort(_interleaved(keys % layout_cols) | (_interleaved(keys // layout_cols) << 1))
    bits = int(len(keys) - 1).bit_length()
    places = np.arange(2**bits)
    reversed_places = np.zeros_like(places)
    for bit in range(bits):
        reversed_places |= ((places >> bit) & 1) << (bits - 1 - bit)
    ranks, first = np.unique(reversed_places * len(keys) // 2**bits, return_index=True)
    return np.asarray(keys[along[ranks[np.argsort(first)[:MAX_CELLS_PER_SAMPLE]]]])


def _interleaved(values: Ints) -> Ints:
    """Return ``values`` (below 2³¹) with a zero bit before every bit."""
    spread = values.astype(np.int64)
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        spread = (spread | (spread << shift)) & mask
    return spread
