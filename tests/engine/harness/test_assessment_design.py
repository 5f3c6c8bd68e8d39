"""The drawn sample: right strata, true areas, equal chances, and no map that is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from satclip_engine.errors import CancelledError, InputError, OptionError, OutputError, SceneError
from satclip_engine.harness.assessment import class_map as class_map_module
from satclip_engine.harness.assessment.class_map import ClassMap
from satclip_engine.harness.assessment.design import design_sample
from satclip_engine.harness.assessment.draw import draw_pixels
from satclip_engine.harness.assessment.plan import Design
from satclip_engine.harness.assessment.strata import Strata, measure_strata
from satclip_engine.protocol import DesignOptions

from tests.engine.harness.assessment_maps import (
    NAMES,
    blocks_map,
    name_classes,
    never_cancelled,
    no_progress,
    read_sample,
)

# Source: NIMA TR8350.2: surface of the WGS 84 ellipsoid.
EARTH_M2 = 510_065_621.724e6


def design(path: Path, out: Path, **options: object) -> Design:
    return design_sample(str(path), out, DesignOptions(**options), no_progress, never_cancelled)  # type: ignore[arg-type]


def strata_of(path: Path) -> Strata:
    with ClassMap(str(path)) as class_map:
        return measure_strata(class_map, no_progress, never_cancelled)


def test_points_lie_in_the_class_they_say(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    codes = blocks_map()
    path = name_classes(make_raster(data=codes[None], gsd=10.0, nodata=0), NAMES)
    made = design(path, tmp_path / "new" / "points.gpkg", total=120, min_per_class=30)
    assert made.class_names == ("water", "forest", "crop")
    assert made.points.sum() == 120
    assert made.points.min() == 30
    assert any("unknown" in note for note in made.notes)
    fields = read_sample(tmp_path / "new" / "points.gpkg")
    with rasterio.open(path) as raster:
        shown = np.array([value[0] for value in raster.sample(zip(fields["x"], fields["y"], strict=True))])
    assert (shown == fields["map_code"]).all()
    assert [NAMES[code] for code in fields["map_code"]] == fields["map_class"].tolist()
    assert fields["id"].tolist() == list(range(1, 121))
    assert all(value is None for value in fields["reference"])
    assert len(set(zip(fields["x"], fields["y"], strict=True))) == 120
    assert len(set(fields["map_code"][:15])) > 1  # in random order, not class by class
    for code in (1, 2, 3):
        of_class = fields["map_code"] == code
        assert set(fields["stratum_pixels"][of_class]) == {int((codes == code).sum())}
        assert set(fields["stratum_points"][of_class]) == {int(of_class.sum())}
    areas = {code: fields["stratum_area_m2"][fields["map_code"] == code][0] for code in (1, 2, 3)}
    assert areas[1] == pytest.approx((codes == 1).sum() * 100, rel=2e-3)  # the projection's scale
    meta, _, shapes, _ = pyogrio.raw.read(tmp_path / "new" / "points.gpkg")
    assert meta["crs"] == "EPSG:32632"
    assert shapely.get_x(shapely.from_wkb(shapes)) == pytest.approx(fields["x"])


def test_the_same_seed_draws_the_same_file(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    path = make_raster(data=blocks_map()[None])
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        design(path, tmp_path / f"{name}.gpkg", total=60, min_per_class=5, seed=seed)
    first, again, other = (read_sample(tmp_path / f"{name}.gpkg") for name in "abc")
    assert first["x"].tolist() == again["x"].tolist()
    assert first["x"].tolist() != other["x"].tolist()
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()


@pytest.mark.parametrize("options", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 16}])
def test_pieces_change_nothing(
    make_raster: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    path = make_raster(data=blocks_map()[None], gsd=10.0, **options)
    whole = strata_of(path)
    monkeypatch.setattr(class_map_module, "_MOST_SIDE_PX", 32)
    pieces = strata_of(path)
    assert len(pieces.window_areas_m2) > len(whole.window_areas_m2) == 1
    assert pieces.codes.tolist() == whole.codes.tolist()
    assert pieces.pixels.tolist() == whole.pixels.tolist()
    assert pieces.areas_m2 == pytest.approx(whole.areas_m2, rel=1e-5)  # a row has one area


@pytest.mark.parametrize("wanted", [20, 60])  # drawn by position, and from the list of all pixels
def test_every_pixel_has_the_same_chance(
    make_raster: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, wanted: int
) -> None:
    codes = np.full((14, 14), 2, dtype=np.uint8)
    codes[2:12, 2:12] = 1
    path = make_raster(data=codes[None], tiled=True, blockxsize=16, blockysize=16, crs=None)
    n_runs = 200
    hits = np.zeros((14, 14))
    with ClassMap(str(path)) as class_map:
        monkeypatch.setattr(class_map, "windows", lambda: list(class_map_module.block_windows(14, 14, 8)))
        strata = measure_strata(class_map, no_progress, never_cancelled)
        for seed in range(n_runs):
            drawn = draw_pixels(class_map, strata, np.array([wanted, 0]), seed, no_progress, never_cancelled)
            assert len(drawn[2]) == 0
            assert len({tuple(pixel) for pixel in drawn[1].tolist()}) == wanted
            hits[drawn[1][:, 1], drawn[1][:, 0]] += 1
    assert hits.sum() == hits[codes == 1].sum()
    share = wanted / 100
    spread = 4.5 * np.sqrt(n_runs * share * (1 - share))
    assert np.abs(hits[codes == 1] - n_runs * share).max() < spread


def test_areas_in_degrees_are_those_of_the_ellipsoid_and_chances_follow_them(
    make_raster: Callable[..., Path], tmp_path: Path
) -> None:
    codes = np.full((180, 360), 1, dtype=np.uint8)
    codes[:60] = 2  # north of 30 degrees
    path = make_raster(data=codes[None], crs="EPSG:4326", transform=Affine(1, 0, -180, 0, -1, 90))
    strata = strata_of(path)
    assert strata.areas_m2.sum() == pytest.approx(EARTH_M2, rel=3e-4)
    assert strata.weights[1] == pytest.approx(0.25, abs=0.002)  # a third of the pixels
    design(path, tmp_path / "points.gpkg", total=2000)
    fields = read_sample(tmp_path / "points.gpkg")
    southern = fields["y"][fields["map_code"] == 1]
    # From 30° to -90° two thirds of the area lie between the tropics' 30° parallels, but half of the pixels.
    assert (southern > -30).mean() == pytest.approx(2 / 3, abs=0.04)


def test_rare_classes_are_taken_whole(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    codes = np.ones((60, 60), dtype=np.uint8)
    codes[5, 5] = 9
    codes[10, 10:40] = 7
    made = design(make_raster(data=codes[None]), tmp_path / "points.gpkg", total=200, min_per_class=50)
    assert dict(zip(made.class_names, made.points.tolist(), strict=True)) == {
        "class 1": 169,
        "class 7": 30,
        "class 9": 1,
    }
    assert any("whole" in note for note in made.notes)


def test_any_integer_codes_and_names_kept_beside_the_file(make_raster: Callable[..., Path]) -> None:
    codes = np.full((20, 20), -32768, dtype=np.int32)
    codes[5:15] = 2_000_000
    codes[:2] = 0
    path = make_raster(data=codes[None])
    strata = strata_of(path)
    assert strata.codes.tolist() == [-32768, 2_000_000]
    assert strata.pixels.tolist() == [160, 200]
    names = "<CategoryNames><Category/><Category>A &amp; B</Category><Category>C</Category></CategoryNames>"
    companion = f'<PAMDataset><PAMRasterBand band="1">{names}</PAMRasterBand></PAMDataset>'
    other = make_raster("named.tif", data=np.ones((1, 8, 8), np.uint8))
    other.with_name("named.tif.aux.xml").write_text(companion)
    with ClassMap(str(other)) as class_map:
        assert class_map.legend.names == {1: "A & B", 2: "C"}


@pytest.mark.parametrize("nodata_kind", ["value", "alpha", "mask"])
def test_nodata_is_no_class(make_raster: Callable[..., Path], nodata_kind: str) -> None:
    invalid = np.zeros((40, 40), dtype=bool)
    invalid[:10] = True
    data = np.full((1, 40, 40), 5, dtype=np.uint8)
    strata = strata_of(make_raster(data=data, nodata_kind=nodata_kind, nodata=255, invalid=invalid))
    assert (strata.codes.tolist(), strata.pixels.tolist()) == ([5], [1200])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (np.ones((3, 9, 9), np.uint8), "assess.bands"),
        (np.ones((1, 9, 9), np.float32), "assess.not_codes"),
        (np.zeros((1, 9, 9), np.uint8), "assess.no_classes"),
        (np.arange(900, dtype=np.uint16).reshape(1, 30, 30), "assess.too_many_codes"),
    ],
)
def test_what_is_no_map_is_refused(
    make_raster: Callable[..., Path], tmp_path: Path, data: np.ndarray, code: str
) -> None:
    with pytest.raises(SceneError) as caught:
        design(make_raster(data=data), tmp_path / "points.gpkg")
    assert caught.value.code == code
    assert caught.value.remedy
    assert not (tmp_path / "points.gpkg").exists()


def test_labels_are_never_overwritten(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    path = make_raster(data=blocks_map()[None])
    design(path, tmp_path / "points.gpkg", total=60, min_per_class=5)
    before = (tmp_path / "points.gpkg").read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        design(path, tmp_path / "points.gpkg", total=60, min_per_class=5)
    with pytest.raises(OutputError, match="GeoPackage"):
        design(path, tmp_path / "points.shp")
    assert (tmp_path / "points.gpkg").read_bytes() == before


def test_options_that_do_not_fit_the_map_are_refused(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    path, out = make_raster(data=blocks_map()[None]), tmp_path / "points.gpkg"
    with pytest.raises(OptionError, match="4 classes with at least 50 points each need 200"):
        design(path, out, total=100)
    with pytest.raises(OptionError, match="no class 'moor'"):
        design(path, out, expected_by_class={"moor": 0.7})
    with pytest.raises(OptionError, match="between 0 and 1"):
        design(path, out, expected_by_class={"class 2": 70})
    assert not out.exists()


def test_expectations_by_class_change_the_size(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    path = name_classes(make_raster(data=np.repeat(blocks_map(600, 800)[None], 1, 0)), NAMES)
    usual = design(path, tmp_path / "a.gpkg")
    surer = design(path, tmp_path / "b.gpkg", expected_by_class={"Forest": 0.97, "3": 0.97})
    assert surer.points.sum() < usual.points.sum() / 2
    assert usual.overall_error == pytest.approx(0.01, abs=2e-4)
    few = design(path, tmp_path / "c.gpkg", standard_error=0.2)
    assert few.points.tolist() == [50, 50, 50]
    assert any("make 150" in note for note in few.notes)


def test_stopping_leaves_nothing(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    def stop() -> None:
        raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        design_sample(
            str(make_raster(data=blocks_map()[None])), tmp_path / "p.gpkg", DesignOptions(), no_progress, stop
        )
    assert not list(tmp_path.glob("*.gpkg"))


def test_a_missing_map_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        design(tmp_path / "none.tif", tmp_path / "points.gpkg")
