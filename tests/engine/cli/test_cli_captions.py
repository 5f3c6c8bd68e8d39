"""``satclip captions build``, ``check``, ``split`` and ``show``: from a layer to a set that is fit for training."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyogrio.raw
import pytest
from satclip_engine.cli.main import run
from satclip_engine.pairs.pair_set import read_pair_set
from satclip_engine.protocol import SPLITS
from shapely.geometry import box

from tests.engine.samples.conftest import make_layer

__all__ = ["make_layer"]

Make = Callable[..., Path]
LEFT, TOP = 600_000.0, 5_200_000.0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATCLIP_HOME", str(tmp_path / "home"))


@pytest.fixture
def scene(make_raster: Make) -> Path:
    return make_raster(width=320, height=320, bands=4, dtype="uint16", gsd=10.0)


@pytest.fixture
def layer(make_layer: Make) -> Path:
    """Four strips of meadow, forest, water and meadow."""
    strips = [box(LEFT + 800 * n, TOP - 3200, LEFT + 800 * (n + 1), TOP) for n in range(4)]
    return make_layer(strips, cover=["meadow", "forest", "water", "meadow"])


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_training_set_in_real_processes(
    scene: Path, layer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "set")

    def satclip(*arguments: str) -> Any:
        command = [sys.executable, "-m", "satclip_engine", "captions", *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    made = satclip("build", str(scene), "--out", folder, "--layer", str(layer), "--attribute", "cover", "--chip", "32")
    assert (made["pairs"], made["labels"]) == (100, {"meadow": 50, "forest": 30, "water": 20})
    found = {one["code"] for one in satclip("check", folder)["findings"]}
    assert found == {"common", "not_held_out"}
    assert run(["captions", "split", folder, "--block", "640", "--json"]) == 0
    parts = said(capsys)["pairs"]
    assert sum(parts.values()) == 100
    assert all(parts[split] for split in SPLITS)
    places = pyogrio.raw.read(tmp_path / "set" / "places.geojson", columns=["split"])[3][0]
    assert {split: list(places).count(split) for split in SPLITS} == parts
    assert run(["captions", "check", folder, "--json"]) == 0
    assert {one["code"] for one in said(capsys)["findings"]} == {"common"}
    assert run(["captions", "show", folder, "--count", "3", "--json"]) == 0
    assert [len(pair["captions"]) > 1 for pair in said(capsys)["pairs"]] == [True] * 3


def test_words_codes_and_templates_of_the_user(
    scene: Path, make_layer: Make, make_raster: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crops = make_layer([box(LEFT, TOP - 3200, LEFT + 3200, TOP)], name="crops.gpkg", crop=["411"])
    (tmp_path / "templates.txt").write_text("a field of {crop} on {landcover}\n", encoding="utf-8")
    cover = make_raster("cover.tif", data=[[[7]]], crs="EPSG:32632", gsd=3200.0)
    options = ["--layer", str(crops), "--words", "411: winter wheat", "--templates", str(tmp_path / "templates.txt")]
    options += ["--landcover", str(cover), "--codes", "7: loess", "--chip", "160", "--title", "Wheat"]
    assert run(["captions", "build", str(scene), "--out", str(tmp_path / "set"), *options, "--json"]) == 0
    assert said(capsys)["labels"] == {"winter wheat": 4}
    assert run(["captions", "show", str(tmp_path / "set")]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Wheat: 4 pairs")
    assert "    a field of winter wheat on loess" in text


def test_findings_are_fixed_in_place(
    scene: Path, layer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    (tmp_path / "one-word.txt").write_text("{label}\n", encoding="utf-8")
    arguments = ["--layer", str(layer), "--chip", "32", "--templates", str(tmp_path / "one-word.txt")]
    assert run(["captions", "build", str(scene), "--out", str(folder), *arguments]) == 0
    capsys.readouterr()
    assert run(["captions", "check", str(folder), "--fix", "short"]) == 0
    assert "Fixed: 100 pairs with a caption of fewer than 3 words." in capsys.readouterr().out
    captions = {pair.captions for pair in read_pair_set(folder).pairs}
    assert captions == {(f"a satellite image of {name}",) for name in ("meadow", "forest", "water")}


def test_a_region_is_held_out(scene: Path, layer: Path, make_raster: Make, make_layer: Make, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    far = make_raster("far.tif", width=320, height=320, bands=4, dtype="uint16", gsd=10.0, origin=(LEFT, TOP + 500_000))
    strips = [box(LEFT, TOP + 496_800, LEFT + 3200, TOP + 500_000)]
    other = make_layer(strips, name="far.gpkg", cover=["forest"])
    for path, words, region in ((scene, layer, "A"), (far, other, "B")):
        arguments = ["--layer", str(words), "--attribute", "cover", "--chip", "32", "--region", region]
        assert run(["captions", "build", str(path), "--out", str(folder), *arguments]) == 0
    assert run(["captions", "split", str(folder), "--hold-out", "B"]) == 0
    assert {pair.region for pair in read_pair_set(folder).of_split("test")} == {"B"}
    assert {pair.region for pair in read_pair_set(folder).of_split("train")} == {"A"}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["check", "nowhere"], "no training set"),
        (["split", "nowhere"], "no training set"),
        (["build", "nowhere.tif", "--out", "set", "--indices"], "no file"),
        (["build", "SCENE", "--out", "set"], "nothing is known"),
        (["build", "SCENE", "--out", "set", "--landcover", "x.tif", "--codes", "wordcover"], "worldcover"),
        (["build", "SCENE", "--out", "set", "--layer", "a", "--layer", "b", "--attribute", "c"], "2 layers"),
        (["build", "SCENE", "--out", "set", "--templates", "none.txt"], "none.txt"),
    ],
)
def test_what_is_wrong_is_one_line(
    scene: Path, arguments: list[str], word: str, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["captions", *[str(scene) if part == "SCENE" else part for part in arguments]]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert word in lines[0]
