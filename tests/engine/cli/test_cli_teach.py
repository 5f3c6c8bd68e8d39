"""``satclip fit``, ``apply`` and ``samples export``: from a layer of samples to maps of other layers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from satclip_engine.cli.main import run

from tests.engine.helpers.tiny_model import write_tiny_model
from tests.engine.questions.teaching_scene import CLASSES, grounds, scattered

WIDTH, HEIGHT = 384, 256
TRUTH = np.minimum(np.arange(WIDTH) * 3 // WIDTH, 2)
CPU = ["--device", "cpu", "--precision", "fp32"]
Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own whose only model is a tiny random one, under the built-in model's name."""
    monkeypatch.setenv("SATCLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SATCLIP_RESOURCES", str(tmp_path / "resources"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    write_tiny_model(tmp_path / "resources" / "models" / "mini")
    return tmp_path / "home"


def write_layer(
    path: Path,
    shapes: Sequence[Any],
    names: Sequence[str | None],
    *,
    crs: str = "EPSG:32632",
    field: str = "cover",
    layer: str = "points",
    append: bool = False,
) -> Path:
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(np.array(shapes, dtype=object)),
        field_data=[np.array(names, dtype=object)],
        fields=[field],
        layer=layer,
        driver="GPKG",
        geometry_type="Unknown",
        crs=crs,
        append=append,
    )
    return path


def true_layer(path: Path, count: int = 30, **options: Any) -> Path:
    samples = scattered(count, WIDTH, HEIGHT)
    shapes = [shapely.Point(sample.geometry["coordinates"]) for sample in samples]
    return write_layer(path, shapes, [CLASSES.names[sample.label] for sample in samples], **options)


def fit(scene: Path, samples: Path, out: Path, *more: str) -> list[str]:
    return ["fit", str(scene), "--samples", str(samples), "--out", str(out), *CPU, *more]


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_layer_of_samples_maps_its_scene_and_another_in_real_processes(make_raster: Make, tmp_path: Path) -> None:
    def satclip(*arguments: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "satclip_engine", *arguments, "--json"]
        done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    scene = make_raster(data=grounds(WIDTH, HEIGHT))
    head = tmp_path / "heads" / "grounds"
    found = satclip(*fit(scene, true_layer(tmp_path / "samples.gpkg"), head, "--title", "Grounds"))
    assert (found["folder"], found["title"], found["attribute"]) == (str(head), "Grounds", "cover")
    assert found["method"] == found["fit"]["method"]
    # Without --classes: those of the field, in alphabetical order.
    assert [one["name"] for one in found["fit"]["classes"]] == ["forest", "road", "water"]
    assert [one["samples"] for one in found["fit"]["classes"]] == [10, 10, 10]
    assert min(one["f1"] for one in found["fit"]["classes"]) > 0.7
    assert found["learning_curve"][-1]["mean_f1"] > 0.7

    other = make_raster("other.tif", data=grounds(WIDTH, HEIGHT, seed=7))
    made = satclip("apply", str(other), "--head", str(head), "--out", str(tmp_path / "map"), *CPU)
    assert {artifact["role"] for artifact in made["artifacts"]} >= {"thematic", "probabilities", "run_card"}
    with rasterio.open(tmp_path / "map" / "thematic.tif") as product:
        codes = product.read(1)
    of_ground = np.array([3, 1, 2])  # water, forest, road in the alphabet's order, from 1
    assert (codes == of_ground[TRUTH]).mean() > 0.85
    card = json.loads((tmp_path / "map" / "run.json").read_text())
    assert card["request"]["head"] == str(head)
    assert (card["facts"]["head"]["title"], card["facts"]["head"]["method"]) == ("Grounds", found["method"])


def test_words_a_layer_among_several_and_a_head_as_samples(
    make_raster: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = make_raster(data=grounds(WIDTH, HEIGHT))
    samples = true_layer(tmp_path / "samples.gpkg")
    write_layer(samples, [shapely.Point(0, 0)], ["x"], layer="other", append=True)
    assert run(fit(scene, samples, tmp_path / "head")) == 2
    assert "points, other" in error_of(capsys)
    words = "Water: lake, river #0000FF; forest; building"
    assert run(fit(scene, samples, tmp_path / "head", "--layer", "points", "--classes", words)) == 0
    text = capsys.readouterr().out
    assert "Learnt 3 classes from 20 samples" in text
    assert "classes that were not asked for: road" in text
    assert '"building" has no samples' in text
    # The same head folder again, now with classes and samples of the head's own layer.
    assert run(fit(scene, tmp_path / "head" / "samples.gpkg", tmp_path / "head", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["attribute"] == "class"

    assert run(["apply", str(scene), "--head", str(tmp_path / "head"), "--out", str(tmp_path / "map"), *CPU]) == 0
    capsys.readouterr()
    assert run(["replay", str(tmp_path / "map" / "run.json"), "--out", str(tmp_path / "again")]) == 0
    same = [(tmp_path / folder / "thematic.tif").read_bytes() for folder in ("map", "again")]
    assert same[0] == same[1]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"crs": "EPSG:32633"}, 2, "No sample of samples.gpkg lies on the raster"),
        ({"crs": "EPSG:4326"}, 2, "are no degrees"),
        ({"names": [None] * 30}, 2, "has no class in the field"),
        ({"names": ["water"] * 30}, 2, "only the class 'water'"),
        ({"names": [f"id {number}" for number in range(30)], "classes": "water; forest"}, 2, "of a class asked for"),
        ({"attribute": "height"}, 2, "has no field 'height'"),
        ({"samples": "nowhere.gpkg"}, 2, "nowhere.gpkg"),
        ({"scene": "nowhere.tif"}, 2, "nowhere.tif"),
        ({"model": "none"}, 3, "none"),
    ],
)
def test_bad_input_is_one_line_with_a_remedy(
    change: dict[str, Any],
    code: int,
    words: str,
    make_raster: Make,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scene = Path(change.get("scene") or make_raster(data=grounds(WIDTH, HEIGHT)))
    drawn = scattered(30, WIDTH, HEIGHT)
    names = change.get("names", [CLASSES.names[sample.label] for sample in drawn])
    shapes = [shapely.Point(sample.geometry["coordinates"]) for sample in drawn]
    layer = write_layer(tmp_path / "samples.gpkg", shapes, names, crs=change.get("crs", "EPSG:32632"))
    options = [
        text for name in ("classes", "attribute", "model") if name in change for text in (f"--{name}", change[name])
    ]
    assert run(fit(scene, Path(change.get("samples", layer)), tmp_path / "head", *options)) == code
    assert words in error_of(capsys)
    assert not (tmp_path / "head").exists()


def test_a_head_of_another_model_or_none_is_refused(
    make_raster: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = make_raster(data=grounds(WIDTH, HEIGHT))
    asked = ["apply", str(scene), "--head", str(tmp_path / "head"), "--out", str(tmp_path / "map"), *CPU]
    assert run(asked) == 2
    assert "no saved head" in error_of(capsys)
    assert run(fit(scene, true_layer(tmp_path / "samples.gpkg"), tmp_path / "head")) == 0
    capsys.readouterr()
    other = write_tiny_model(tmp_path / "other", seed=1)
    assert run([*asked, "--model", str(other)]) == 2
    assert "other" in error_of(capsys)
    assert not (tmp_path / "map" / "thematic.tif").exists()
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "letter.txt").write_text("mine")
    assert run(fit(scene, tmp_path / "samples.gpkg", taken)) == 3
    assert "is not a saved head" in error_of(capsys)
    assert [path.name for path in taken.iterdir()] == ["letter.txt"]


def test_chips_and_masks_of_samples(make_raster: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = make_raster(data=grounds(WIDTH, HEIGHT))
    samples = true_layer(tmp_path / "samples.gpkg")
    asked = ["samples", "export", str(scene), "--samples", str(samples), "--out", str(tmp_path / "chips")]
    assert run([*asked, "--chip", "128", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["chips"] == 6
    assert found["labelled_px"] == {"forest": 10, "road": 10, "water": 10}
    assert len(list((tmp_path / "chips" / "masks").iterdir())) == 6
    assert run(asked) == 3
    assert "not an empty folder" in error_of(capsys)


def test_real_samples_on_a_real_scene(satclip_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = satclip_data / "s2_fewshot"
    scene = folder / "test.tif"
    assert run(fit(scene, folder / "ml_poly.shp", tmp_path / "head", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["attribute"] == "Type"
    assert all(one["samples"] for one in found["fit"]["classes"])
    # Its coordinates are metres, but it declares degrees.
    assert run(fit(scene, folder / "ml.gpkg", tmp_path / "other")) == 2
    assert "ml.gpkg" in error_of(capsys)
