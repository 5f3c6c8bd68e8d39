"""``satclip captions import``, ``photos`` and ``export`` as people call them, and the real AID data set."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from satclip_engine.cli.main import run
from satclip_engine.cli.output import EXIT_INPUT, EXIT_OK, EXIT_RESOURCE
from satclip_engine.pairs.importing.aid import is_aid, list_aid
from satclip_engine.pairs.importing.layouts import LAYOUTS
from satclip_engine.protocol import TEST, TRAIN, VALIDATION

from tests.engine.pairs.importing.pictures import pictures


def test_import_says_what_was_made_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures(tmp_path / "data", "a.png", "b.png")
    (tmp_path / "data/list.csv").write_text("file,caption,split\na.png,a river,train\nb.png,,test\ngone.png,x,test\n")
    out = tmp_path / "set"
    arguments = ["captions", "import", str(tmp_path / "data"), "--out", str(out), "--licence", "mine", "--copy"]
    assert run(arguments) == EXIT_OK
    said = capsys.readouterr().out
    assert f"Made a training set of 1 images in {out}." in said
    assert "train 1" in said
    assert "2 left out, listed in skipped.txt:" in said
    assert "b.png: no caption" in said
    info = json.loads((out / "set.json").read_text(encoding="utf-8"))
    assert info["licence"] == "mine"
    assert "images from 'file', captions from 'caption', split from 'split'" in info["origin"][0]
    assert run(arguments) == EXIT_RESOURCE
    assert "not an empty folder" in capsys.readouterr().err


def test_import_as_json_and_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures(tmp_path / "data", "forest/a.png", "lake/b.png")
    assert run(["captions", "import", str(tmp_path / "data"), "--out", str(tmp_path / "set"), "--json"]) == EXIT_OK
    said = json.loads(capsys.readouterr().out)
    assert (said["pairs"], said["splits"], said["skipped"]) == (2, {"train": 2}, [])
    assert "(folders)" in said["notes"][0]
    shards = tmp_path / "shards"
    assert run(["captions", "export", str(tmp_path / "set"), "--out", str(shards), "--per-shard", "1"]) == EXIT_OK
    said = capsys.readouterr().out
    assert said == f"Wrote 2 pairs to {shards}.\n  train-000000.tar 1\n  train-000001.tar 1\n"


def test_wrong_calls_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["captions", "import", str(tmp_path / "none"), "--out", str(tmp_path / "set")]) == EXIT_INPUT
    assert "There is nothing at" in capsys.readouterr().err
    arguments = [
        "captions",
        "photos",
        str(tmp_path),
        "--scene",
        str(tmp_path / "none.tif"),
        "--out",
        str(tmp_path / "s"),
    ]
    assert run(arguments) == EXIT_INPUT
    assert capsys.readouterr().err.count("\n") == 1


def test_photos_of_the_command_line(
    tmp_path: Path, satclip_data: Path, make_raster: object, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = make_raster(  # type: ignore[operator]
        width=400, height=400, crs="EPSG:32632", gsd=10.0, origin=(731_500.0, 4_819_000.0)
    )
    arguments = ["captions", "photos", str(satclip_data / "geophotos"), "--scene", str(scene)]
    assert run([*arguments, "--out", str(tmp_path / "set"), "--side", "800", "--group", "60"]) == EXIT_OK
    said = capsys.readouterr().out
    assert "9 photos of" in said
    assert "8 photos left out: outside the imagery." in said


def test_the_real_aid_keeps_its_test_part_and_holds_out_whole_places(satclip_data: Path) -> None:
    folder = satclip_data / "aid_rsicd"
    assert is_aid(folder)
    listing = list_aid(folder)
    pairs = [entry.pair for entry in listing.entries]
    counts = Counter(pair.split for pair in pairs)
    assert counts[TEST] == 1027
    assert counts[TRAIN] + counts[VALIDATION] == 8973
    assert 0.08 < counts[VALIDATION] / 8973 < 0.13
    assert len({pair.label for pair in pairs if pair.split == VALIDATION}) == 30
    held_out = {pair.region for pair in pairs if pair.split == VALIDATION}
    assert not held_out & {pair.region for pair in pairs if pair.split == TRAIN}
    content = listing.entries[0].content
    assert content is not None
    assert content()[:4] == b"RIFF"


def test_help_names_every_layout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["captions", "import", "--help"]) == EXIT_OK
    said = capsys.readouterr().out
    assert [name for name in LAYOUTS if name not in said] == []
