"""Checking and dividing as jobs do: in place, one finding or all of a kind, with progress and an end on request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.errors import CancelledError, PairsError
from satclip_engine.pairs.pair_set import PairSet, read_pair_set, write_pair_set
from satclip_engine.pairs.upkeep import check_pairs, split_pairs
from satclip_engine.protocol import (
    CheckPairsRequest,
    Pair,
    PairCheck,
    PairSetInfo,
    ProgressUpdate,
    SplitPairsRequest,
)

Check = Callable[..., PairCheck]
CAPTIONS = ("a forest in summer", "woods in summer", "a forest with a path", "a wide meadow", "a pasture with cows")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten images of which forests and meadows have two names each."""
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    pairs = []
    for number in range(10):
        pixels = np.random.default_rng(number).integers(0, 255, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"images/{number}.png")
        pairs.append(
            Pair(f"p{number}", f"images/{number}.png", (CAPTIONS[number % 5],), label="a" if number % 2 else "b")
        )
    write_pair_set(PairSet(folder, PairSetInfo("ten"), tuple(pairs)))
    return folder


@pytest.fixture
def look(config: Config, folder: Path) -> Check:
    """Return ``look(*fixes, finding="")``."""

    def run(*fixes: str, finding: str = "") -> PairCheck:
        request = CheckPairsRequest(str(folder), fixes=fixes, finding=finding)
        return check_pairs(request, config=config, progress=lambda _: None, check_cancelled=lambda: None)

    return run


def words(folder: Path) -> str:
    return " ".join(pair.captions[0] for pair in read_pair_set(folder).pairs)


def test_one_finding_is_fixed_and_its_kin_left_alone(look: Check, folder: Path) -> None:
    terms = [one for one in look().findings if one.code == "terms"]
    forest = next(one for one in terms if "woods" in one.sentence)
    assert len(terms) == 2
    found = look("terms", finding=forest.sentence)
    assert [one.sentence for one in found.fixed] == [forest.sentence]
    assert "woods" not in words(folder)
    assert "pasture" in words(folder)
    assert len([one for one in found.findings if one.code == "terms"]) == 1
    assert forest.sentence in read_pair_set(folder).info.origin[-1]


def test_all_findings_of_a_kind_are_fixed(look: Check, folder: Path) -> None:
    assert len(look("terms").fixed) == 2
    assert "woods" not in words(folder)
    assert "pasture" not in words(folder)


def test_a_finding_that_is_gone_changes_nothing(look: Check, folder: Path) -> None:
    before = words(folder)
    assert look("terms", finding="Nobody said this.").fixed == ()
    assert words(folder) == before


def test_progress_tells_of_every_image_and_a_cancelled_fix_changes_nothing(config: Config, folder: Path) -> None:
    seen: list[ProgressUpdate] = []
    request = CheckPairsRequest(str(folder), fixes=("images", "terms"))

    def stop() -> None:
        if len(seen) > 5:
            raise CancelledError("The job was cancelled.", remedy="Run it again.")

    before = (folder / "pairs.jsonl").read_bytes()
    with pytest.raises(CancelledError):
        check_pairs(request, config=config, progress=seen.append, check_cancelled=stop)
    assert [update.done for update in seen] == sorted(update.done for update in seen)
    assert 0 < seen[-1].done < 1
    assert (folder / "pairs.jsonl").read_bytes() == before


def test_sets_without_places_are_divided_by_images_and_blocks_refused(folder: Path) -> None:
    assert {pair.split for pair in split_pairs(SplitPairsRequest(str(folder))).pairs} == {"train", "validation", "test"}
    with pytest.raises(PairsError, match="without a place"):
        split_pairs(SplitPairsRequest(str(folder), block_m=100.0))
    with pytest.raises(PairsError, match="no region 'north'"):
        split_pairs(SplitPairsRequest(str(folder), hold_out=("north",)))
