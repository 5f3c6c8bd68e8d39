"""The study's training sets and its table; its trainings take hours."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.pairs.pair_set import PairSet, read_pair_set, write_pair_set
from satclip_engine.protocol import TEST, TRAIN, VALIDATION, Pair, PairSetInfo
from satclip_engine.training.objectives import find_objective
from satclip_engine.training.recipes import load_recipe
from satclip_engine.training.study.aid_sets import class_half, close_ups, few_of_each
from satclip_engine.training.study.dubai_set import dubai_set
from satclip_engine.training.study.places import Places
from satclip_engine.training.study.table import table
from satclip_engine.training.study.trials import PARTS


@pytest.fixture
def whole(tmp_path: Path) -> PairSet:
    """Four classes of two drawn pictures each, one of them for tests."""
    folder = tmp_path / "whole"
    (folder / "images").mkdir(parents=True)
    pairs = []
    for i, label in enumerate(("beach", "forest", "pond", "school")):
        for split in (TRAIN, TEST):
            name = f"images/{label}_{split}.png"
            Image.fromarray(np.full((150, 150, 3), 40 * i, np.uint8)).save(folder / name)
            pairs.append(Pair(name, name, (f"a {label}",), label=label, split=split))
    write_pair_set(PairSet(folder, PairSetInfo(), tuple(pairs)))
    return read_pair_set(folder)


def test_the_halves_share_no_class(whole: PairSet, tmp_path: Path) -> None:
    known, new = (read_pair_set(class_half(whole, tmp_path / str(first), first)) for first in (0, 1))
    assert {pair.label for pair in known.pairs} == {"beach", "pond"}
    assert {pair.label for pair in new.pairs} == {"forest", "school"}
    assert all(known.path_of(pair.image).is_file() for pair in known.pairs)


def test_a_few_of_each_class_lose_their_captions_but_no_test_picture(whole: PairSet, tmp_path: Path) -> None:
    more = [replace(pair, id=f"{pair.id}{i}") for pair in whole.pairs for i in range(3)]
    write_pair_set(whole.with_pairs(more))
    found = read_pair_set(few_of_each(whole.folder, tmp_path / "few", 2))
    assert Counter(pair.label for pair in found.of_split(TRAIN)) == dict.fromkeys(
        ("beach", "forest", "pond", "school"), 2
    )
    assert len(found.of_split(TEST)) == 12
    assert not any(pair.captions for pair in found.pairs)


def test_coarse_pictures_have_sharp_quarters_and_test_pictures_have_none(whole: PairSet, tmp_path: Path) -> None:
    found = read_pair_set(close_ups(whole, tmp_path / "close"))
    assert len(found.pairs) == len(whole.pairs)
    for pair in found.pairs:
        with Image.open(found.path_of(pair.image)) as picture:
            assert picture.size == (30, 30)
        assert len(pair.photos) == (0 if pair.split == TEST else 4)
        assert not pair.captions
    quarter = next(pair.photos[0] for pair in found.pairs if pair.split == TRAIN)
    with Image.open(found.path_of(quarter)) as picture:
        assert picture.size == (75, 75)


def test_chips_of_dubai_have_masks_captions_and_boxes_of_what_they_show(tmp_path: Path) -> None:
    colours = np.full((300, 600, 3), (0x84, 0x29, 0xF6), np.uint8)  # bare soil
    colours[40:80, 20:120] = (0x3C, 0x10, 0x98)  # a building
    colours[100:104, :] = (0x6E, 0xC1, 0xE4)  # too narrow for a box
    for tile in ("tile1", "tile2", "tile4", "tile5"):
        for name in ("images", "masks"):
            (tmp_path / "data" / "dubai_mbrsc" / tile / name).mkdir(parents=True)
        folder = tmp_path / "data" / "dubai_mbrsc" / tile
        Image.fromarray(colours).save(folder / "images" / "image_part_009.jpg")
        Image.fromarray(colours).save(folder / "masks" / "image_part_009.png")
    found = read_pair_set(dubai_set(tmp_path / "data", tmp_path / "dubai"))
    assert len(found.pairs) == 8  # whole chips only
    assert sorted({pair.id.split("_")[0] for pair in found.of_split(VALIDATION)}) == ["tile1", "tile4"]
    first = found.pairs[0]
    assert [(box.bounds_px, box.category) for box in first.boxes] == [((20.0, 40.0, 120.0, 80.0), "building")]
    assert first.captions == ("a satellite image of bare soil and building", "mostly bare soil, with building")
    assert first.label == "land"
    with Image.open(found.path_of(first.mask)) as mask:
        assert mask.size == (256, 256)
        assert found.info.classes is not None
        assert found.info.classes.names[mask.getpixel((50, 50)) - 1] == "building"


def test_every_trial_is_a_recipe_that_exists(tmp_path: Path) -> None:
    config = Config.from_environment()

    class Named(Places):
        """Nothing is made: only names are asked for."""

        whole = known = new = close_ups = dubai = tile7 = start = base = tmp_path

        def few(self, shots: int) -> Path:
            return self.out / str(shots)

    for part in PARTS.values():
        trials = part.trials(Named(tmp_path, tmp_path, config))
        assert trials[0].recipe == ""
        for trial in trials:
            if trial.recipe:
                recipe = load_recipe(trial.recipe, config, trial.changes)
                assert all(find_objective(stage.objective) for stage in recipe.stages)


def test_the_table_tells_the_share_of_full_fine_tunings_gain() -> None:
    def row(score: float, trained: float) -> dict[str, float]:
        return {
            "new: accuracy": score,
            "trained_weights": trained,
            "all_weights": 100.0 * bool(trained),
            "seconds": 7.0,
        }

    text = table({"base": row(0.4, 0), "lora": row(0.7, 3), "full": row(0.8, 100)}, ("new: accuracy",))
    assert "| base | – | 40.0 | – | – |" in text
    assert "| lora | 3.0 % | 70.0 | 75.0 % | 7 |" in text
