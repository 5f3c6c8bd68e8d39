"""The cells under points, lines and polygons, against a plain search."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from satclip_engine.features.layout import Layout
from satclip_engine.raster.grid import Grid
from satclip_engine.samples.cells import MAX_CELLS_PER_SAMPLE, CellFrame, cells_under
from satclip_engine.samples.shapes import repaired, simple_parts
from shapely.geometry import GeometryCollection, LineString, MultiPoint, MultiPolygon, Point, Polygon, box

CELL_PX = 16
# 40 x 30 cells and a bit: the last column and row are cut.
WIDTH_PX, HEIGHT_PX = 645, 485


def frame(transform: Affine | None = None) -> CellFrame:
    """Cells whose map coordinates are pixels, unless another transform is given."""
    layout = Layout(HEIGHT_PX, WIDTH_PX, CELL_PX, 4, 3)
    place = transform or Affine.identity()
    return CellFrame.of(layout, Grid("local" if transform is None else "x", place, WIDTH_PX, HEIGHT_PX))


def cells(shape: object, where: CellFrame | None = None) -> set[tuple[int, int]]:
    """(column, row) of the cells under one shape."""
    where = where or frame()
    (keys,) = cells_under(np.array([shape], dtype=object), where).keys
    assert len(set(keys.tolist())) == len(keys)
    return {(int(key) % where.layout.cols, int(key) // where.layout.cols) for key in keys}


def centres_inside(shape: object) -> set[tuple[int, int]]:
    found = set()
    for col in range(41):
        for row in range(31):
            x, y = (col + 0.5) * CELL_PX, (row + 0.5) * CELL_PX
            if x < WIDTH_PX and y < HEIGHT_PX and shape.contains(Point(x, y)):
                found.add((col, row))
    return found


def crossed(line: LineString) -> set[tuple[int, int]]:
    squares = {(c, r): box(c * 16, r * 16, c * 16 + 16, r * 16 + 16) for c in range(41) for r in range(31)}
    inside = line.intersection(box(0, 0, WIDTH_PX, HEIGHT_PX))
    return {place for place, square in squares.items() if inside.intersection(square).length > 1e-6}


def test_point_has_its_cell() -> None:
    assert cells(Point(33, 17)) == {(2, 1)}
    assert cells(Point(0, 0)) == {(0, 0)}
    assert cells(Point(644.9, 484.9)) == {(40, 30)}
    assert cells(MultiPoint([(1, 1), (2, 2), (100, 1), (-5, 1)])) == {(0, 0), (6, 0)}


@pytest.mark.parametrize(
    "place",
    [Point(-0.1, 5), Point(645, 5), Point(5, 485.01), box(-50, -50, -1, -1), LineString([(700, 0), (700, 400)])],
)
def test_outside_there_is_none(place: object) -> None:
    assert cells(place) == set()


@pytest.mark.parametrize(
    "polygon",
    [
        box(30, 40, 130, 90),
        box(-100, -50, 70, 60),
        Polygon(Point(150, 150).buffer(90).exterior, [Point(150, 150).buffer(50).exterior]),
        MultiPolygon([box(10, 10, 60, 60), box(600, 440, 700, 600)]),
    ],
    ids=["box", "over the corner", "hole", "two parts"],
)
def test_polygon_has_the_cells_whose_centre_is_inside(polygon: Polygon) -> None:
    expected = centres_inside(polygon)
    assert 10 < len(expected) <= MAX_CELLS_PER_SAMPLE
    assert cells(polygon) == expected


def test_line_has_the_cells_it_crosses() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        line = LineString(rng.uniform(-60, 700, (4, 2)))
        expected = crossed(line)
        found = cells(line)
        assert found <= expected
        assert len(found) == min(len(expected), MAX_CELLS_PER_SAMPLE)


def test_small_polygon_has_the_cell_under_its_middle() -> None:
    found = cells_under(np.array([box(1, 1, 3, 3), box(100, 100, 180, 180)]), frame())
    assert found.is_small.tolist() == [True, False]
    assert found.keys[0].tolist() == [0]
    assert cells(box(-10, 100, 2, 104)) == {(0, 6)}


def test_broken_and_mixed_shapes() -> None:
    bow_tie = Polygon([(0, 0), (160, 160), (160, 0), (0, 160)])
    (fixed,), count = repaired(np.array([bow_tie], dtype=object))
    assert count == 1
    assert cells(fixed) == centres_inside(fixed)
    nested = GeometryCollection(
        [Point(1, 1), GeometryCollection([box(32, 32, 64, 64), LineString([(0, 100), (30, 100)])])]
    )
    assert cells(nested) == {(0, 0), (2, 2), (2, 3), (3, 2), (3, 3), (0, 6), (1, 6)}
    parts, owners = simple_parts(np.array([Point(0, 0), nested], dtype=object))
    assert [part.geom_type for part in parts] == ["Point", "Point", "Polygon", "LineString"]
    assert owners.tolist() == [0, 1, 1, 1]


def test_many_cells_are_thinned_evenly_and_every_beginning_is_even() -> None:
    (keys,) = cells_under(np.array([box(-1e6, -1e6, 1e6, 1e6)]), frame()).keys
    assert len(keys) == MAX_CELLS_PER_SAMPLE
    for count in (16, 64, 200):
        cols, rows = keys[:count] % 41, keys[:count] // 41
        quarters = np.histogram2d(cols, rows, bins=2, range=[[0, 41], [0, 31]])[0]
        assert quarters.min() > 0.1 * count


def test_huge_polygon_is_burnt_like_the_small_ones_are_tested() -> None:
    layout = Layout(16 * 300, 16 * 300, CELL_PX, 4, 3)
    where = CellFrame.of(layout, Grid("x", Affine.identity(), 4800, 4800))
    ring = Point(2400, 2400).buffer(2300) - Point(2400, 2400).buffer(2200)
    (keys,) = cells_under(np.array([ring]), where).keys
    centres = shapely.points((keys % 300 + 0.5) * 16, (keys // 300 + 0.5) * 16)
    assert len(keys) == MAX_CELLS_PER_SAMPLE
    assert shapely.contains(ring, centres).all()


@pytest.mark.parametrize(
    "transform",
    [Affine(2, 0, 500, 0, -2, 900), Affine(-2, 0, 500, 0, 2, 900), Affine.translation(9, 9) @ Affine.rotation(30)],
)
def test_any_transform(transform: Affine) -> None:
    drawn = box(31, 41, 131, 91)
    on_map = shapely.transform(drawn, lambda xy: np.column_stack(transform @ tuple(xy.T)))
    assert cells(on_map, frame(transform)) == cells(drawn)


def test_nothing_and_many() -> None:
    assert cells_under(np.empty(0, dtype=object), frame()).keys == []
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 480, (100_000, 2))
    keys = cells_under(shapely.points(xy), frame()).keys
    assert [key.tolist() for key in keys] == (xy // 16 @ [1, 41]).astype(int)[:, None].tolist()
