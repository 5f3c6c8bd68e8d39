"""A training set on disk: what is written is read, and what is damaged is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from satclip_engine.errors import OutputError, PairsError
from satclip_engine.pairs.pair_set import PAIRS_FILE, PairSet, read_pair_set, write_pair_set
from satclip_engine.protocol import TEST, Box, ClassSet, ClassSpec, Pair, PairRaster, PairSetInfo

PAIRS = (
    Pair("a", "images/a.tif", ("ein Fluß", "a river"), label="river", lon=9.5, lat=50.25, gsd_m=10.0),
    Pair(
        "b",
        "/data/scene.tif",
        window_px=(10, 20, 64, 64),
        long_captions=("A long one.",),
        region="north",
        split=TEST,
        boxes=(Box((1.0, 2.5, 30.0, 40.0), "ship"),),
        mask="masks/b.tif",
        photos=("photos/1.jpg",),
    ),
)
INFO = PairSetInfo(
    "rivers", ClassSet((ClassSpec("river"),)), (PairRaster("/data/scene.tif", "4,3,2"),), "CC0", ("Cut.",)
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = PairSet(tmp_path / "new" / "set", INFO, PAIRS)
    write_pair_set(written)
    assert read_pair_set(written.folder) == written
    assert [path.name for path in sorted(written.folder.iterdir())] == ["pairs.jsonl", "set.json"]
    assert written.of_split(TEST) == PAIRS[1:]
    assert written.path_of(PAIRS[0].image) == written.folder / "images" / "a.tif"
    assert written.path_of(PAIRS[1].image) == Path("/data/scene.tif")


def test_changed_pairs_tell_what_was_done(tmp_path: Path) -> None:
    changed = PairSet(tmp_path, INFO, PAIRS).with_pairs(PAIRS[:1], "Left one.")
    write_pair_set(changed)
    assert read_pair_set(tmp_path).info.origin == ("Cut.", "Left one.")
    assert read_pair_set(tmp_path).pairs == PAIRS[:1]


@pytest.mark.parametrize("missing", ["set.json", "pairs.jsonl", None])
def test_a_folder_without_a_set_is_refused(tmp_path: Path, missing: str | None) -> None:
    write_pair_set(PairSet(tmp_path / "set", INFO, PAIRS))
    folder = tmp_path / "set" if missing else tmp_path / "elsewhere"
    if missing:
        (folder / missing).unlink()
    with pytest.raises(PairsError) as refused:
        read_pair_set(folder)
    assert refused.value.code == "pairs.missing"
    assert str(folder) in refused.value.detail


@pytest.mark.parametrize("line", ['{"id": "c"', '{"id": "c"}', "[]", '{"id": "c", "image": "c.tif", "split": "Train"}'])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    write_pair_set(PairSet(tmp_path, INFO, PAIRS))
    with (tmp_path / PAIRS_FILE).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(PairsError, match=r"line 4 of pairs\.jsonl") as refused:
        read_pair_set(tmp_path)
    assert refused.value.code == "pairs.damaged"


def test_two_pairs_of_one_id_are_refused(tmp_path: Path) -> None:
    write_pair_set(PairSet(tmp_path, INFO, (*PAIRS, replace(PAIRS[1], id="a"))))
    with pytest.raises(PairsError, match="'a'") as refused:
        read_pair_set(tmp_path)
    assert refused.value.code == "pairs.double"


def test_a_set_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    write_pair_set(PairSet(tmp_path / "set", INFO, PAIRS))
    (tmp_path / "set" / "pairs.jsonl.partial").mkdir()
    with pytest.raises(OutputError) as refused:
        write_pair_set(PairSet(tmp_path / "set", INFO, PAIRS[:1]))
    assert refused.value.code == "resource.output"
    assert read_pair_set(tmp_path / "set").pairs == PAIRS


def test_a_caption_may_hold_any_character(tmp_path: Path) -> None:
    captions = ("a lake\u2028and a forest", "houses\u0085 and roads", "fields\x1ein rows", "two\nlines")
    written = PairSet(tmp_path, INFO, (Pair("odd", "a.png", captions),))
    write_pair_set(written)
    assert read_pair_set(tmp_path) == written
