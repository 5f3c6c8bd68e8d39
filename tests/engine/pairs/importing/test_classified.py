"""Images sorted by class, images with a text each, and taught samples with their masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
import shapely.geometry
from PIL import Image
from satclip_engine.pairs.images import PairImages
from satclip_engine.protocol import TEST, TRAIN, ClassSet, ClassSpec, Sample
from satclip_engine.raster.scene import open_scene
from satclip_engine.samples.chips import export_chips

from tests.engine.pairs.importing.pictures import imported, pictures, reasons


def test_folders_named_by_class(tmp_path: Path) -> None:
    pictures(tmp_path / "data", "DenseResidential/a.png", "DenseResidential/b.png", "forest/a.jpg", "readme/x.txt.png")
    made = imported(tmp_path / "data", tmp_path / "set")
    first = made.pair_set.pairs[0]
    assert "(folders)" in made.notes[0]
    assert (first.id, first.label) == ("DenseResidential/a.png", "dense residential")
    assert first.captions == ("a satellite image of dense residential",)
    assert made.pair_set.info.classes is not None
    assert made.pair_set.info.classes.names == ("dense residential", "forest", "readme")


def test_parts_with_folders_named_by_class(tmp_path: Path) -> None:
    pictures(tmp_path / "data", "train/forest/a.png", "train/lake/b.png", "test/lake/c.png")
    made = imported(tmp_path / "data", tmp_path / "set")
    assert [(pair.id, pair.split) for pair in made.pair_set.pairs] == [
        ("test/lake/c.png", TEST),
        ("train/forest/a.png", TRAIN),
        ("train/lake/b.png", TRAIN),
    ]


def test_images_with_a_text_file_each(tmp_path: Path) -> None:
    pictures(tmp_path / "data", "a.png", "deep/b.jpg", "c.png")
    (tmp_path / "data/a.txt").write_text("a river\nthrough a forest", encoding="utf-8")
    (tmp_path / "data/deep/b.txt").write_text("ein See", encoding="utf-8-sig")
    made = imported(tmp_path / "data", tmp_path / "set")
    assert "(texts)" in made.notes[0]
    assert {pair.id: pair.captions for pair in made.pair_set.pairs} == {
        "a.png": ("a river through a forest",),
        "deep/b.jpg": ("ein See",),
    }
    assert made.pair_set.pairs[0].image == str(tmp_path / "data/a.png")
    assert reasons(made) == {"c.png": "no caption"}


def test_taught_samples_come_back_with_masks_and_places(tmp_path: Path, make_raster: object) -> None:
    raster = make_raster("scene.tif", width=256, height=128, gsd=2.0)  # type: ignore[operator]
    classes = ClassSet((ClassSpec("water", ("river", "lake")), ClassSpec("forest")))
    with open_scene(raster) as scene:
        left, bottom, right, top = scene.grid.bounds
        middle = (left + right) / 2
        boxes = [(left, bottom, middle - 40, top), (middle + 40, bottom, middle + 60, top)]
        samples = tuple(
            Sample(str(label), label, shapely.geometry.mapping(shapely.box(*box))) for label, box in enumerate(boxes)
        )
        export_chips(tmp_path / "chips", scene, samples, classes, chip_px=128)
    made = imported(tmp_path / "chips", tmp_path / "set")
    water, forest = made.pair_set.pairs
    assert "(samples)" in made.notes[0]
    assert (water.label, water.captions) == ("water", ("a satellite image of river",))
    assert forest.label == "forest"
    assert water.gsd_m == pytest.approx(2.0, rel=0.01)
    assert water.lon is not None
    assert made.pair_set.info.classes == classes
    with PairImages(made.pair_set) as images:
        assert images.read(water).shape == (3, 128, 128)
        assert set(np.unique(images.read_mask(water))) == {0, 1}
        assert set(np.unique(images.read_mask(forest))) == {0, 2}


def test_masks_in_colours_become_codes_and_bad_ones_are_listed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    pictures(data / "images", "a.png", "b.png", "c.png", "d.png", "e.png")
    (data / "masks").mkdir()
    (data / "classes.txt").write_text("water #0000FF\nforest #00FF00\n!ignore #000000\n")
    colours = np.zeros((32, 32, 3), np.uint8)
    colours[:20, :, 2] = 255
    colours[20:25, :, 1] = 255
    Image.fromarray(colours).save(data / "masks/a.png")
    Image.fromarray(colours[:16]).save(data / "masks/b.png")
    Image.fromarray(np.zeros_like(colours)).save(data / "masks/c.png")
    (data / "masks/d.png").write_bytes(b"nothing")
    made = imported(data, tmp_path / "set")
    (pair,) = made.pair_set.pairs
    assert pair.captions == ("a satellite image of water", "a satellite image of water and forest")
    with PairImages(made.pair_set) as images:
        assert np.bincount(images.read_mask(pair).ravel()).tolist() == [7 * 32, 20 * 32, 5 * 32]
    told = reasons(made)
    assert told["b.png"] == "32 × 32 px, but its mask 32 × 16"
    assert told["c.png"] == "nothing is labelled"
    assert told["e.png"] == "it has no mask"
    assert set(told) == {"b.png", "c.png", "d.png", "e.png"}
