"""The study behind teaching: draws that never score what they learned from, methods that learn, tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from satclip_engine.harness.datasets import IGNORED
from satclip_engine.harness.teaching.clicks import POLICIES, ClickCurve, clicks_to, simulate
from satclip_engine.harness.teaching.curves import Point, curves, draw, score
from satclip_engine.harness.teaching.methods import METHODS
from satclip_engine.harness.teaching.page import clicks_table, page
from satclip_engine.harness.teaching.pools import Pool, colour_statistics, majority
from satclip_engine.heads.text_head import TextHead

CLASSES = ("water", "forest", "road")


@pytest.fixture
def pool() -> Pool:
    """Ninety things of three classes in six regions; features and colours both tell them apart, words do not quite."""
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(3), 30)
    centres = np.linalg.qr(rng.normal(size=(8, 8)))[0][:3]
    vectors = centres[labels] + rng.normal(0, 0.15, (90, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    words = torch.nn.functional.normalize(torch.from_numpy(centres + rng.normal(0, 0.3, (3, 8))).float(), dim=-1)
    return Pool(
        name="made",
        metric="top-1",
        class_names=CLASSES,
        words=TextHead(words, torch.arange(3), CLASSES, 10.0, 0.0),
        vectors=vectors.astype(np.float32),
        window_vectors=None,
        labels=labels.astype(np.int64),
        places=np.arange(90),
        regions=np.arange(90) // 15,
        cells=np.stack([np.arange(90) // 10, np.arange(90) % 10], axis=1),
        raw=(labels[:, None, None] * 80 + rng.normal(0, 10, (90, 4, 3))).astype(np.float32),
    )


def test_of_parts_of_a_tile_one_half_is_learned_from_and_the_other_scored(pool: Pool) -> None:
    rows, scored = draw(pool, 4, seed=1)
    assert np.bincount(pool.labels[rows]).tolist() == [4, 4, 4]
    assert not set(pool.regions[rows]) & set(pool.regions[scored])
    assert set(draw(pool, 2, seed=1)[0]) < set(rows)
    assert set(draw(pool, 4, seed=2)[0]) != set(rows)


def test_of_scenes_all_that_were_not_drawn_are_scored(pool: Pool) -> None:
    scenes = replace(pool, regions=np.arange(90))
    rows, scored = draw(scenes, 5, seed=0)
    assert len(rows) == 15
    assert sorted([*rows, *scored]) == list(range(90))


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_learns_what_is_easy(pool: Pool, method: str) -> None:
    rows, scored = draw(pool, 5, seed=0)
    found = METHODS[method](pool, rows, scored, 0)
    assert score(pool, scored, found) > 0.9


def test_the_score_of_cells_counts_classes_not_cells(pool: Pool) -> None:
    cells = replace(pool, metric="mean IoU")
    rows = np.arange(90)
    assert score(cells, rows, cells.labels) == 1.0
    assert score(cells, rows, np.zeros(90, np.int64)) == pytest.approx(1 / 9)
    assert score(pool, rows, np.zeros(90, np.int64)) == pytest.approx(1 / 3)


def test_curves_are_means_over_the_draws(pool: Pool) -> None:
    (point,) = [one for one in curves(pool, 3, ["words alone"], lambda _line: None) if one.shots == 2]
    expected = []
    for seed in range(3):
        rows, scored = draw(pool, 2, seed)
        expected.append(score(pool, scored, METHODS["words alone"](pool, rows, scored, seed)))
    assert point.mean == pytest.approx(np.mean(expected))
    assert point.sd == pytest.approx(np.std(expected))


def test_the_page_has_a_row_per_method_and_a_column_per_number_of_samples() -> None:
    points = [Point("aid", "probe", 1, 0.5, 0.02), Point("aid", "probe", 5, 0.75, 0.011)]
    assert page(points).splitlines()[-3:] == [
        "| samples per class | 1 | 5 |",
        "|---|---:|---:|",
        "| probe | 50.0 ± 2.0 | 75.0 ± 1.1 |",
    ]


def test_a_cell_needs_one_class_on_more_than_half_of_it() -> None:
    assert majority(np.array([[1, 1], [1, 0]], np.int16)) == 1
    assert majority(np.array([[1, 1], [0, IGNORED]], np.int16)) == IGNORED
    assert majority(np.full((2, 2), IGNORED, np.int16)) == IGNORED


def test_colour_statistics_are_mean_deviation_and_histogram() -> None:
    image = np.zeros((3, 4, 4), np.uint8)
    image[0] = 255
    found = colour_statistics(image)
    assert found.shape == (30,)
    assert found[:6].tolist() == [255, 0, 0, 0, 0, 0]
    assert found[6:14].tolist() == [0, 0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("policy", list(POLICIES))
def test_clicks_teach_wherever_they_fall(pool: Pool, policy: str) -> None:
    curve = simulate(replace(pool, metric="mean IoU"), policy, seeds=2, budget=12)
    assert len(curve.scores) == 13
    assert curve.scores[-1] >= curve.scores[0]
    assert simulate(replace(pool, metric="mean IoU"), policy, seeds=2, budget=12) == curve


def test_clicks_to_a_share_are_counted_to_where_it_is_reached_for_good() -> None:
    assert clicks_to(np.array([0.2, 0.5, 0.4, 0.46, 0.5])) == 3
    assert clicks_to(np.array([0.5, 0.5])) == 0


def test_the_table_of_clicks() -> None:
    curve = ClickCurve("anywhere", tuple(0.5 + 0.001 * i for i in range(61)), 7.5)
    assert clicks_table("made", [curve]).splitlines()[-1] == (
        "| anywhere | 50.0 | 50.5 | 51.0 | 52.0 | 54.0 | 56.0 | 7.5 |"
    )
