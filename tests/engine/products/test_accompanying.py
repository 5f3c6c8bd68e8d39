"""What accompanies the rasters: run card, styles, preview, and the list of products."""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from satclip_engine.errors import RunCardError
from satclip_engine.products.finish import finish_products
from satclip_engine.products.rasters import RasterProducts
from satclip_engine.products.run_card import load_run_card
from satclip_engine.products.staging import Staging
from satclip_engine.products.style import thematic_qml
from satclip_engine.protocol import Aoi, Artifact, Outputs, PolygonOptions, SegmentRequest, parse_classes
from satclip_engine.raster.aoi import locate_aoi
from satclip_engine.raster.scene import open_scene

from tests.engine.products.content import content_for, write_blocks

MakeRaster = Callable[..., Path]


def run(scene: Path, out: Path, classes: str = "water; forest", **options: object) -> tuple[Artifact, ...]:
    request = SegmentRequest(str(scene), parse_classes(classes), str(out), **options)  # type: ignore[arg-type]
    with open_scene(scene) as opened:
        grid = locate_aoi(request.aoi, opened.grid).grid
    with Staging(out, "job") as staging:
        content = content_for(staging.folder, grid, request.classes)
        with RasterProducts(staging.folder, grid, request.classes, request.outputs) as products:
            write_blocks(products, content)
        return finish_products(staging, request, {"device": "CPU"})


def test_every_product_is_listed_with_its_digest(make_raster: MakeRaster, tmp_path: Path) -> None:
    out = tmp_path / "out"
    artifacts = run(make_raster(width=400, height=350), out, outputs=Outputs(polygons=PolygonOptions()))
    assert {artifact.role for artifact in artifacts} == {
        "thematic", "category_names", "probabilities", "confidence", "polygons", "style", "preview", "run_card",
    }  # fmt: skip
    assert sorted(Path(artifact.path) for artifact in artifacts) == sorted(out.iterdir())
    for artifact in artifacts:
        content = Path(artifact.path).read_bytes()
        assert artifact.sha256 == hashlib.sha256(content).hexdigest()
        assert artifact.size_bytes == len(content)


def test_the_run_card_gives_the_request_back(make_raster: MakeRaster, tmp_path: Path) -> None:
    scene = make_raster(width=400, height=350)
    classes = "water: river, lake  #0000FF; 森林; été"
    run(scene, tmp_path / "out", classes)
    request = load_run_card(tmp_path / "out" / "run.json")
    assert request == SegmentRequest(str(scene), parse_classes(classes), str(tmp_path / "out"))
    card = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert card["facts"] == {"device": "CPU"}
    assert card["codes"] == {"0": "nodata", "1": "water", "2": "森林", "3": "été", "4": "unknown"}
    assert card["versions"]["rasterio"]
    assert {product["name"] for product in card["products"]} >= {"thematic.tif", "preview.png"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "run_card.missing"),
        ("{", "run_card.format"),
        ("[]", "run_card.format"),
        ('{"format": "satclip-run"}', "run_card.format"),
        ('{"format": "satclip-run", "format_version": 99, "question": "segment", "request": {}}', "run_card.version"),
        ('{"format": "satclip-run", "format_version": 1, "question": "segment", "request": {}}', "run_card.request"),
    ],
)
def test_a_card_that_cannot_be_replayed_is_refused(tmp_path: Path, content: str | None, code: str) -> None:
    path = tmp_path / "run.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RunCardError) as caught:
        load_run_card(path)
    assert caught.value.code == code
    assert caught.value.remedy


def test_styles_are_well_formed_and_name_every_class() -> None:
    classes = parse_classes('water & "ice"; <forest>  #00FF00; b')
    root = ElementTree.fromstring(thematic_qml(classes).split("\n", 1)[1])  # noqa: S314 - our own text
    entries = {e.get("value"): (e.get("label"), e.get("color")) for e in root.iter("paletteEntry")}
    assert entries["1"][0] == 'water & "ice"'
    assert entries["2"] == ("<forest>", "#00ff00")
    assert entries["4"][0] == "unknown"


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((400, 300), {}),
        ((300, 900), {"orientation": "south_up"}),
        ((1, 1), {}),
        ((3000, 12), {"crs": None}),
        ((700, 500), {"crs": "EPSG:4326", "gsd": 1e-4, "origin": (10.0, 60.0)}),
    ],
)
def test_the_preview_shows_image_map_and_legend(
    make_raster: MakeRaster, tmp_path: Path, size: tuple[int, int], options: dict[str, object]
) -> None:
    data = np.random.default_rng(0).integers(0, 255, (3, size[1], size[0]), dtype=np.uint8)
    run(make_raster(data=data, **options), tmp_path / "out", "water  #FF0000; 森林  #00FF00")
    with Image.open(tmp_path / "out" / "preview.png") as picture:
        assert picture.width <= 1600
        colours = {colour for _, colour in picture.convert("RGB").getcolors(2**24) or []}
    assert (255, 0, 0) in colours, "the legend has its colour even where the map has not"
    assert (0, 255, 0) in colours


def test_the_preview_of_two_hundred_classes_stays_readable(make_raster: MakeRaster, tmp_path: Path) -> None:
    run(make_raster(width=64, height=64), tmp_path / "out", "; ".join(f"class {i}" for i in range(200)))
    with Image.open(tmp_path / "out" / "preview.png") as picture:
        assert picture.height < 900


def test_an_area_of_interest_is_on_its_part_of_the_grid(make_raster: MakeRaster, tmp_path: Path) -> None:
    scene = make_raster(width=400, height=300)
    with open_scene(scene) as opened:
        corners = [opened.grid.transform @ corner for corner in [(50, 60), (250, 60), (250, 200), (50, 200), (50, 60)]]
    run(scene, tmp_path / "out", aoi=Aoi({"type": "Polygon", "coordinates": [corners]}))
    with open_scene(tmp_path / "out" / "confidence.tif", bands="1") as product:
        assert (product.grid.width, product.grid.height) == (200, 140)
        assert product.grid.transform @ (0, 0) == pytest.approx(corners[0])


def test_equal_runs_leave_equal_files(make_raster: MakeRaster, tmp_path: Path) -> None:
    scene = make_raster(width=600, height=520)
    options = {"outputs": Outputs(polygons=PolygonOptions(min_area_m2=20))}
    first, second = (run(scene, tmp_path / name, **options) for name in ("one", "two"))
    for one, two in zip(first, second, strict=True):
        assert one.role == "run_card" or one.sha256 == two.sha256, one.path
