"""The labelled points: estimates against a map's known truth, and every way in which labels can be wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
from satclip_engine.errors import InputError
from satclip_engine.evaluation.assessment.assessment import Assessment
from satclip_engine.harness.assessment.assess import assess_map
from satclip_engine.harness.assessment.design import design_sample
from satclip_engine.protocol import DesignOptions

from tests.engine.harness.assessment_maps import (
    NAMES,
    blocks_map,
    label,
    name_classes,
    never_cancelled,
    no_progress,
    read_sample,
)

Labels = Callable[[int, dict[str, Any]], Any] | Sequence[Any]


@pytest.fixture
def thematic(make_raster: Callable[..., Path]) -> Path:
    return name_classes(make_raster("thematic.tif", data=blocks_map()[None], gsd=10.0, nodata=0), NAMES)


@pytest.fixture
def sample(thematic: Path, tmp_path: Path) -> Path:
    options = DesignOptions(total=150, min_per_class=30)
    design_sample(str(thematic), tmp_path / "points.gpkg", options, no_progress, never_cancelled)
    return tmp_path / "points.gpkg"


def assess(path: Path, points: Path) -> Assessment:
    return assess_map(str(path), points, no_progress, never_cancelled)


def refused(path: Path, points: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        assess(path, points)
    assert caught.value.remedy
    return caught.value


def test_a_perfect_map_is_perfect(thematic: Path, sample: Path) -> None:
    found = assess(thematic, label(sample, lambda _i, row: row["map_class"].upper()))
    assert found.accuracy.overall.values == pytest.approx([1.0])
    assert found.accuracy.shares.values == pytest.approx(found.areas / found.areas.sum())
    assert (found.counts.sum(), found.n_unlabelled, found.in_metres) == (150, 0, True)
    assert found.class_names == ("water", "forest", "crop")
    assert sum("too sure" in note for note in found.notes) == 3


def test_estimates_find_the_truth_of_a_wrong_map(thematic: Path, sample: Path) -> None:
    """In truth everything south of a line is crop: a part of the water, all of the crop, none of the forest."""
    fields = read_sample(sample)
    codes, middle = blocks_map(), 5_200_000 - 60 * 10
    truth = np.where((np.arange(120)[:, None] >= 60) & (codes > 0), 3, codes)
    found = assess(thematic, label(sample, lambda _i, row: "3" if row["y"] < middle else row["map_class"]))
    is_class = (codes > 0) & (codes < 4)
    true_shares = [(truth[is_class] == code).mean() for code in (1, 2, 3)]
    shares = found.accuracy.shares
    assert (np.abs(shares.values - true_shares) <= 1.96 * shares.standard_errors + 1e-3).all()
    assert found.counts[0].tolist()[1] == 0
    assert found.counts[0, 2] == ((fields["map_code"] == 1) & (fields["y"] < middle)).sum()
    assert found.accuracy.users.values[1] == 1


def test_empty_and_unsure_points_are_left_out_and_said(thematic: Path, sample: Path) -> None:
    blanks = {0: None, 1: "", 2: "  ", 3: "Unsure", 4: "skip", 5: "unknown"}
    found = assess(thematic, label(sample, lambda i, row: blanks.get(i, row["map_class"])))
    assert (found.n_unlabelled, found.counts.sum()) == (6, 144)
    assert any("6 points were left out" in note for note in found.notes)


def test_labels_may_be_codes_of_any_kind(thematic: Path, sample: Path) -> None:
    by_code = assess(thematic, label(sample, lambda _i, row: str(row["map_code"])))
    assert by_code.accuracy.overall.values == pytest.approx([1.0])


def test_a_label_of_the_legend_that_the_map_never_shows(thematic: Path, sample: Path) -> None:
    name_classes(thematic, {**NAMES, 4: "moor", 5: "heath", 6: "unknown"})
    # Code 4 is now a class and was no stratum: the points know other strata than the map has only by its area.
    found = assess(thematic, label(sample, lambda i, row: "heath" if i < 10 else row["map_class"]))
    assert found.class_names == ("water", "forest", "crop", "moor", "heath")
    assert np.isnan(found.accuracy.overall.values).all()
    assert any("moor: no labelled point" in note for note in found.notes)
    assert any("heath: not in the map" in note for note in found.notes)
    assert found.areas[4] == 0


def test_what_is_none_of_the_classes_is_an_error_of_the_map(thematic: Path, sample: Path) -> None:
    found = assess(thematic, label(sample, lambda i, row: "None of these" if i < 10 else row["map_class"]))
    assert found.class_names == ("water", "forest", "crop", "none of these")
    assert (found.counts[:, 3].sum(), found.n_unlabelled) == (10, 0)
    assert found.areas[3] == 0
    assert found.accuracy.overall.values[0] < 1
    assert found.accuracy.shares.values.sum() == pytest.approx(1)
    assert any("none of these: not in the map" in note for note in found.notes)


def test_a_single_point_leaves_no_interval(thematic: Path, sample: Path) -> None:
    kept = iter([True])
    found = assess(
        thematic,
        label(sample, lambda _i, row: row["map_class"] if row["map_code"] != 1 or next(kept, False) else None),
    )
    assert found.counts.sum(axis=1)[0] == 1
    assert np.isnan(found.accuracy.overall.standard_errors).all()
    assert found.accuracy.overall.values == pytest.approx([1.0])
    assert any("variance is not defined" in note for note in found.notes)


def test_labels_that_are_no_class_are_named(thematic: Path, sample: Path) -> None:
    error = refused(thematic, label(sample, lambda i, row: {0: "Moor", 1: "bog", 2: "9"}.get(i, row["map_class"])))
    assert error.code == "assess.unknown_labels"
    assert "Moor" in str(error)
    assert "water, forest, crop" in error.remedy
    assert error.params["labels"] == ["Moor", "bog", "9"]


def test_points_without_any_label_are_refused(thematic: Path, sample: Path) -> None:
    assert refused(thematic, sample).code == "assess.no_labels"


def test_points_of_another_map_are_refused(thematic: Path, sample: Path, make_raster: Callable[..., Path]) -> None:
    labelled = label(sample, lambda _i, row: row["map_class"])
    elsewhere = make_raster("elsewhere.tif", data=blocks_map()[None], gsd=10.0, origin=(700_000.0, 5_200_000.0))
    assert refused(elsewhere, labelled).code == "assess.other_map"
    swapped = blocks_map()
    swapped[swapped == 2] = 1
    assert refused(make_raster("swapped.tif", data=swapped[None], gsd=10.0), labelled).code == "assess.other_map"
    fields = read_sample(sample)
    rows, cols = (5_200_000 - fields["y"]) // 10, (fields["x"] - 600_000) // 10
    taken = set(zip(rows.astype(int).tolist(), cols.astype(int).tolist(), strict=True))
    grown = blocks_map()
    row, col = next((r, c) for r in range(20, 40) for c in range(20, 40) if (r, c) not in taken)
    grown[row, col] = 3  # not seen at any point, but the strata are others
    assert refused(make_raster("grown.tif", data=grown[None], gsd=10.0), labelled).code == "assess.other_map"


def test_a_file_that_is_no_sample_is_refused(thematic: Path, sample: Path, tmp_path: Path) -> None:
    assert refused(thematic, tmp_path / "none.gpkg").code == "assess.points_unreadable"
    assert refused(thematic, thematic).code == "assess.points_unreadable"
    meta, _, shapes, columns = pyogrio.raw.read(sample)
    bare = tmp_path / "bare.gpkg"
    pyogrio.raw.write(
        bare,
        geometry=shapes,
        field_data=[columns[0]],
        fields=["id"],
        driver="GPKG",
        geometry_type="Point",
        crs=meta["crs"],
    )
    error = refused(thematic, bare)
    assert error.code == "assess.points_fields"
    assert "map_code" in str(error)


def test_a_map_without_crs_counts_pixels(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    path = make_raster(data=blocks_map()[None], crs=None)
    options = DesignOptions(total=150, min_per_class=30)
    design_sample(str(path), tmp_path / "points.gpkg", options, no_progress, never_cancelled)
    assert read_sample(tmp_path / "points.gpkg")["y"].max() < 0  # as QGIS draws such a raster
    found = assess(path, label(tmp_path / "points.gpkg", lambda _i, row: row["map_class"]))
    assert found.in_metres is False
    assert found.areas.tolist() == [(blocks_map() == code).sum() for code in (1, 2, 3, 4)]
    assert any("areas are in pixels" in note for note in found.notes)
