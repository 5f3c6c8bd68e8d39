"""Advice: doubtful places, unlike each other and unlike the samples, one for each region, never on nodata."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.errors import HeadError
from satclip_engine.features.layout import CellBox
from satclip_engine.heads.examples import Examples
from satclip_engine.protocol import Advice, AdviceRequest, FitRequest
from satclip_engine.questions.advice import Doubts, most_helpful
from satclip_engine.questions.teach import TeachSession

from tests.engine.questions.teaching_scene import LEFT, TOP, Make, fit_request, grounds, point, scattered

# Of the small model: 4 cells of 16 px a window, two windows a region.
CELL_PX, WINDOW_CELLS, REGION_CELLS = 16, 4, 8
WIDTH, HEIGHT = 960, 640


@pytest.fixture
def session(config: Config) -> TeachSession:
    return TeachSession(config)


def taught(session: TeachSession, request: FitRequest) -> str:
    while (result := session.fit(request)).missing_fraction:
        assert session.encode_missing(lambda: False)
    return result.head_id


def ask(session: TeachSession, head_id: str, count: int = 8) -> Advice:
    return session.advise(AdviceRequest(head_id, (LEFT, TOP - HEIGHT, LEFT + WIDTH, TOP), count))


def cells_of(advice: Advice) -> np.ndarray:
    return np.array([((TOP - place.y) // CELL_PX, (place.x - LEFT) // CELL_PX) for place in advice.places])


def test_places_are_doubtful_spread_and_never_on_nodata(
    session: TeachSession, make_raster: Make, tiny_folder: Path
) -> None:
    invalid = np.zeros((HEIGHT, WIDTH), dtype=bool)
    invalid[:300, :400] = True
    scene = make_raster(data=grounds(WIDTH, HEIGHT), nodata_kind="mask", invalid=invalid)
    samples = tuple(one for one in scattered(60, WIDTH, HEIGHT) if one.geometry["coordinates"][0] > LEFT + 420)
    request = fit_request(scene, tiny_folder, (*samples, point(99, 0, 200, 500)))
    head_id = taught(session, request)
    advice = ask(session, head_id)
    cells = cells_of(advice)
    assert len(cells) == 8
    assert advice.known_fraction == 1
    apart = np.abs(cells[:, None] - cells[None]).max(axis=-1) + 1000 * np.eye(len(cells))
    assert apart.min() >= REGION_CELLS
    on_nodata = (cells[:, 0] < 300 // CELL_PX) & (cells[:, 1] < 400 // CELL_PX)
    assert not on_nodata.any()
    # Each is one of the most doubtful cells around it, though some regions are clear all over.
    margins = margin_map(session, request, head_id)
    for place, (row, col) in zip(advice.places, cells.astype(int).tolist(), strict=True):
        top, left = row // WINDOW_CELLS * WINDOW_CELLS, col // WINDOW_CELLS * WINDOW_CELLS
        around = margins[top : top + WINDOW_CELLS, left : left + WINDOW_CELLS]
        assert place.margin == pytest.approx(margins[row, col], abs=1e-5)
        assert (around < place.margin - 1e-6).sum() < 4
    assert all(place.first != place.second for place in advice.places)
    assert len(ask(session, head_id, count=2).places) == 2


def margin_map(session: TeachSession, request: FitRequest, head_id: str) -> np.ndarray:
    """Return (rows, cols) float32: how far apart the two best classes are; 1 where nothing is known."""
    source, feature_map = session.source(request.scene, request.features)
    head, scores = session.scores(source, feature_map, request.classes, request.text, head_id)
    cells = scores.read(CellBox(0, source.layout.rows, 0, source.layout.cols))
    top = (cells.logits * head.temperature).softmax(0).topk(2, dim=0).values
    return np.where((cells.known & cells.valid).numpy(), (top[0] - top[1]).numpy(), 1.0)


def test_a_strange_ground_is_asked_about_until_it_is_labelled(
    session: TeachSession, make_raster: Make, tiny_folder: Path
) -> None:
    data = grounds(WIDTH, HEIGHT)
    rows, cols = np.mgrid[:128, :128]
    data[:, 256:384, 96:224] = np.where((rows // 8 + cols // 8) % 2, 250, 5)  # a chess board on the water
    scene = make_raster(data=data)
    samples = tuple(one for one in scattered(45, WIDTH, HEIGHT) if not is_strange(one.geometry["coordinates"]))
    request = fit_request(scene, tiny_folder, samples)
    assert any(is_strange((place.x, place.y)) for place in ask(session, taught(session, request)).places)
    board = tuple(point(1000 + n, 2, 104 + 16 * (n % 8), 264 + 16 * (n // 8)) for n in range(64))
    told = ask(session, taught(session, replace(request, samples=(*samples, *board))))
    assert not any(is_strange((place.x, place.y)) for place in told.places[:3])


def is_strange(place: tuple[float, float]) -> bool:
    return 96 <= place[0] - LEFT < 224 and 256 <= TOP - place[1] < 384


@pytest.mark.parametrize("orientation", ["north_up", "south_up", "flipped", "rotated"])
def test_the_picture_shows_the_place(
    session: TeachSession, make_raster: Make, tiny_folder: Path, orientation: str
) -> None:
    scene = make_raster(data=grounds(WIDTH, HEIGHT), orientation=orientation)
    request = fit_request(scene, tiny_folder, ())
    source, _ = session.source(request.scene, request.features)
    transform = source.scene.grid.transform
    corners = [transform @ (col, row) for col, row in ((160, 320), (480, 320), (800, 320))]
    drawn = tuple(
        replace(point(label, label, 0, 0), geometry={"type": "Point", "coordinates": [*xy]})
        for label, xy in enumerate(corners)
    )
    head_id = taught(session, replace(request, samples=drawn))
    advice = session.advise(AdviceRequest(head_id, source.scene.grid.bounds))
    assert advice.places
    for place in advice.places:
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(place.thumbnail_png_base64))))
        assert picture.shape == (96, 96, 3)
        col, row = (int(value) for value in ~transform @ (place.x, place.y))
        truth = grounds(WIDTH, HEIGHT)[:, max(row - 4, 0) : row + 4, max(col - 4, 0) : col + 4].mean(axis=(1, 2))
        np.testing.assert_allclose(picture[44:52, 44:52].mean(axis=(0, 1)), truth, atol=12)
        left, bottom, right, top = place.bounds
        assert left < place.x < right
        assert bottom < place.y < top


def test_what_is_not_encoded_cannot_be_advised(session: TeachSession, make_raster: Make, tiny_folder: Path) -> None:
    width = 64 * CELL_PX * 4
    request = fit_request(make_raster(data=grounds(width, 64)), tiny_folder, ())
    head_id = session.fit(request).head_id
    bounds = (LEFT, TOP - 64, LEFT + width, TOP)
    assert session.advise(AdviceRequest(head_id, bounds)) == Advice((), 0.0)
    taught(session, replace(request, samples=(point(1, 0, 10, 10),)))
    advice = session.advise(AdviceRequest(session.fit(request).head_id, bounds))
    assert advice.known_fraction == 0.25
    assert advice.places
    assert max(place.x for place in advice.places) < LEFT + 64 * CELL_PX
    assert session.advise(AdviceRequest(head_id, (0.0, 0.0, 1.0, 1.0))) == Advice((), 0.0)
    with pytest.raises(HeadError) as refused:
        session.advise(AdviceRequest("gone", bounds))
    assert refused.value.code == "head.unknown"


def doubts(places: list[tuple[int, int]], margin: list[float]) -> Doubts:
    rows, cols = np.array(places).T
    zeros = np.zeros(len(places), dtype=np.int64)
    return Doubts(rows, cols, zeros, zeros + 1, np.array(margin, dtype=np.float32))


def examples(vectors: list[list[float]]) -> Examples:
    count = len(vectors)
    numbers = np.arange(count)
    return Examples(np.array(vectors, dtype=np.float32).reshape(count, 3), numbers * 0, numbers, numbers)


def test_the_greedy_rule() -> None:
    known, like_known, new, like_new = [1.0, 0, 0], [0.99, 0.1, 0], [0, 1.0, 0], [0, 0.99, 0.1]
    vectors = np.array([known, like_known, new, like_new, [0, 0, 1.0]], dtype=np.float32)
    far = [(0, 0), (0, 100), (100, 0), (100, 100), (200, 0)]
    equal = doubts(far, [0.1] * 5)
    # The sample itself is never asked about; what is like one, or like a place taken before, comes last.
    order = most_helpful(equal, vectors, examples([known]), count=9, region_cells=8)
    assert set(order[:2]) in ({2, 4}, {3, 4})
    assert 0 not in order
    # Of two as new, the more doubtful one.
    doubtful = doubts(far, [0.1, 0.1, 0.9, 0.2, 0.3])
    assert most_helpful(doubtful, vectors, examples([known]), count=1, region_cells=8) == (3,)
    # Two of one region: only one.
    close = doubts([(0, 0), (0, 100), (100, 0), (100, 7), (107, 3)], [0.1] * 5)
    assert len(set(most_helpful(close, vectors, examples([known]), count=9, region_cells=8)) & {2, 3, 4}) == 1
    assert len(most_helpful(equal, vectors, examples([]), count=3, region_cells=8)) == 3
