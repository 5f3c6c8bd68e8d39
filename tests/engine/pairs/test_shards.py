"""Training sets as webdataset shards: other readers find what they look for, and our own gets the same pairs back."""

from __future__ import annotations

import json
import tarfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from satclip_engine.errors import CancelledError, DiskFullError, OptionError, OutputError, PairsError
from satclip_engine.pairs import shards
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import PairSet, write_pair_set
from satclip_engine.pairs.shards import Shards, export_pairs
from satclip_engine.protocol import (
    TEST,
    UNUSED,
    VALIDATION,
    Box,
    ClassSet,
    ClassSpec,
    ExportPairsRequest,
    Pair,
    PairRaster,
    PairSetInfo,
)
from satclip_engine.raster.scene import open_scene

from tests.engine.pairs.importing.pictures import imported, picture_bytes, pictures, tarred

Make = Callable[..., Path]
CLASSES = ClassSet((ClassSpec("lake", ("a lake",), "#112233"), ClassSpec("wood")))


def exported(folder: Path, out: Path, per_shard: int = 1000) -> Shards:
    request = ExportPairsRequest(str(folder), str(out), per_shard)
    return export_pairs(request, progress=lambda _: None, check_cancelled=lambda: None)


def samples(shard: Path) -> dict[str, dict[str, bytes]]:
    """Read a shard as webdataset does: files in a row whose names are equal up to the first dot are one sample."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    with tarfile.open(shard) as tar:
        for member in tar:
            key, _, suffix = member.name.partition(".")
            assert suffix not in found[key]
            found[key][suffix] = tar.extractfile(member).read()
    return found


@pytest.fixture
def full_set(tmp_path: Path, make_raster: Make) -> PairSet:
    """Windows, a JPEG and a PNG, with all that a pair can have."""
    folder = tmp_path / "set"
    pictures(folder, "images/a.b.jpg", "images/b.png", "photos/1.jpg", "photos/2.png")
    codes = np.random.default_rng(0).integers(0, 3, (32, 32), dtype=np.uint8)
    (folder / "masks").mkdir()
    Image.fromarray(codes).save(folder / "masks/b.png")
    scene = make_raster(width=96, height=48, dtype="uint16")
    with open_scene(scene) as opened:
        raster = PairRaster(str(scene), fingerprint=opened.fingerprint)
    place = {"lon": 10.123456789, "lat": -46.5, "gsd_m": 1.25}
    pairs = (
        Pair("w0", str(scene), ("a lake", "wide water"), (0, 0, 48, 48), label="lake", split=TEST, **place),
        Pair("w1", str(scene), ("ein See",), (48, 0, 48, 48), ("A long caption.",), region="Bonn", **place),
        Pair("A/a.b.jpg", "images/a.b.jpg", (), long_captions=("Only a long one.",), split=VALIDATION),
        Pair("b", "images/b.png", ("two things",), mask="masks/b.png", boxes=(Box((1.5, 2, 9, 30), "ship"),)),
        Pair("unused", str(scene), ("nothing",), (10, 10, 32, 32), split=UNUSED),
        Pair("photos", str(scene), window_px=(5, 5, 40, 40), photos=("photos/1.jpg", "photos/2.png")),
    )
    made = PairSet(folder, PairSetInfo("All", CLASSES, (raster,), "CC0", ("Cut.",)), pairs)
    write_pair_set(made)
    return made


def test_all_that_a_set_knows_comes_back(full_set: PairSet, tmp_path: Path) -> None:
    made = exported(full_set.folder, tmp_path / "shards", per_shard=2)
    assert made.skipped == ()
    assert made.sizes == {
        "train-000000.tar": 2,
        "train-000001.tar": 1,
        "validation-000000.tar": 1,
        "test-000000.tar": 1,
        "unused-000000.tar": 1,
    }
    assert json.loads((made.folder / "sizes.json").read_text()) == made.sizes
    # What open_clip asks of a sample: an image by one of four suffixes, and a text.
    held = samples(made.folder / "validation-000000.tar")["000002"]
    assert held["jpg"] == (full_set.folder / "images/a.b.jpg").read_bytes()
    assert held["txt"] == b"Only a long one."
    train = samples(made.folder / "train-000000.tar")
    assert [sorted(files) for files in train.values()] == [["json", "png", "txt"], ["json", "mask.png", "png", "txt"]]
    assert train["000001"]["txt"].decode() == "ein See"

    back = imported(made.folder, tmp_path / "back")
    assert (back.skipped, back.pair_set.info.classes, back.pair_set.info.licence) == ((), CLASSES, "CC0")
    found = {pair.id: pair for pair in back.pair_set.pairs}
    places = {"image": "", "window_px": None, "mask": "", "photos": ()}
    assert {name: replace(pair, **places) for name, pair in found.items()} == {
        pair.id: replace(pair, **places) for pair in full_set.pairs
    }
    with PairImages(full_set) as before, PairImages(back.pair_set) as after:
        for pair in full_set.pairs:
            np.testing.assert_array_equal(after.read(found[pair.id]), before.read(pair))
        np.testing.assert_array_equal(after.read_mask(found["b"]), before.read_mask(full_set.pairs[3]))
    photos = [(back.pair_set.folder / name).read_bytes() for name in found["photos"].photos]
    assert photos == [(full_set.folder / name).read_bytes() for name in full_set.pairs[-1].photos]


def test_four_bands_stay_four(make_raster: Make, tmp_path: Path) -> None:
    scene = make_raster(width=64, height=64, bands=4, dtype="uint8")
    raster = PairRaster(str(scene), "3,2,1,4", "none")
    info = PairSetInfo(rasters=(raster,), bands=("red", "green", "blue", "nir"))
    before = PairSet(tmp_path / "set", info, (Pair("a", str(scene), ("a wood",), (8, 0, 32, 32)),))
    write_pair_set(before)
    made = exported(before.folder, tmp_path / "shards")
    assert sorted(samples(made.folder / "train-000000.tar")["000000"]) == ["json", "tif", "txt"]
    back = imported(made.folder, tmp_path / "back").pair_set
    assert back.info.bands == info.bands
    with PairImages(before) as one, PairImages(back) as other:
        np.testing.assert_array_equal(other.read(back.pairs[0]), one.read(before.pairs[0]))


def test_what_cannot_be_read_is_left_out_and_named(full_set: PairSet, tmp_path: Path) -> None:
    (full_set.folder / "images/b.png").write_bytes(picture_bytes(1)[:100])
    (full_set.folder / "photos/2.png").unlink()
    made = exported(full_set.folder, tmp_path / "shards")
    assert [item.name for item in made.skipped] == ["b", "photos"]
    assert (made.folder / "skipped.txt").read_text().count("\n") == 2
    assert sum(made.sizes.values()) == 4
    write_pair_set(replace(full_set, pairs=full_set.pairs[3:4]))
    with pytest.raises(PairsError, match=r"No pair of set can be read\. The first: images/b\.png"):
        exported(full_set.folder, tmp_path / "none")
    assert not list(tmp_path.glob("none*"))


def test_what_cannot_be_written_leaves_nothing(
    full_set: PairSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OptionError):
        exported(full_set.folder, tmp_path / "shards", per_shard=0)
    with pytest.raises(OutputError):
        exported(full_set.folder, full_set.folder)

    def stop_when_a_shard_is_there() -> None:
        if list(tmp_path.glob("shards*/*.tar")):
            raise CancelledError("Stopped.")

    request = ExportPairsRequest(str(full_set.folder), str(tmp_path / "shards"))
    with pytest.raises(CancelledError):
        export_pairs(request, progress=lambda _: None, check_cancelled=stop_when_a_shard_is_there)
    monkeypatch.setattr(shards.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 20_000}))
    with pytest.raises(DiskFullError):
        exported(full_set.folder, tmp_path / "shards")
    assert not list(tmp_path.glob("shards*"))


def test_masks_count_nothing_without_their_classes(tmp_path: Path) -> None:
    tarred(tmp_path / "a.tar", {"1.png": picture_bytes(1), "1.mask.png": picture_bytes(2), "1.txt": b"a port"})
    (pair,) = imported(tmp_path / "a.tar", tmp_path / "set").pair_set.pairs
    assert (pair.captions, pair.mask) == (("a port",), "")
