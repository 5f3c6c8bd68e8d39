"""Views of pictures, and batches of them: what stays aligned, what is never turned, what repeats."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import PairSet, write_pair_set
from satclip_engine.protocol import TRAIN, Box, Pair, Stage, Views
from satclip_engine.training.batches import Batches
from satclip_engine.training.learner import Learner, load_learner
from satclip_engine.training.objectives import find_objective
from satclip_engine.training.objectives.objective import Material, Objective
from satclip_engine.training.views import draw_part, draw_turn, recoloured, turned

from tests.engine.helpers.miniature_set import GROUND, SIDE_PX

STILL = Views(least_area=1.0, turn=False, colour=0.0)
TURNING = Views(least_area=1.0, turn=True, colour=0.0)
CORNERS = np.array([[10, 60], [120, 250]], np.uint8)


@pytest.fixture(scope="module")
def learner(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Learner:
    from tests.engine.models.configs import engine_config

    return load_learner(str(tiny), torch.device("cpu"), engine_config(tmp_path_factory.mktemp("home")))


def objective_on(learner: Learner, pair_set: PairSet, stage: Stage, views: Views) -> Objective:
    material = Material(PairImages(pair_set), pair_set.of_split(TRAIN), pair_set.info.classes)
    return find_objective(stage.objective)(learner, material, stage, views)


def cornered(folder: Path, caption: str) -> PairSet:
    """A set of one picture whose four quarters differ, with a mask of the quarters."""
    from PIL import Image
    from satclip_engine.protocol import ClassSet, ClassSpec, PairSetInfo

    quarters = CORNERS.repeat(SIDE_PX // 2, axis=0).repeat(SIDE_PX // 2, axis=1)
    codes = np.arange(1, 5, dtype=np.uint8).reshape(2, 2).repeat(SIDE_PX // 2, axis=0).repeat(SIDE_PX // 2, axis=1)
    folder.mkdir()
    Image.fromarray(np.stack([quarters] * 3, axis=-1)).save(folder / "image.png")
    Image.fromarray(codes).save(folder / "mask.png")
    classes = ClassSet(tuple(ClassSpec(f"quarter {n}") for n in range(1, 5)))
    box = Box((0, 0, SIDE_PX // 2, SIDE_PX // 2), "first quarter")
    pair = Pair("one", "image.png", (caption,), mask="mask.png", boxes=(box,), label="quarter 1")
    pair_set = PairSet(folder, PairSetInfo(classes=classes), (pair,))
    write_pair_set(pair_set)
    return pair_set


def corners_of(picture: np.ndarray) -> tuple[int, ...]:
    return tuple(int(picture[y, x]) for y in (2, -3) for x in (2, -3))


def symmetries(flat: tuple[int, ...]) -> set[tuple[int, ...]]:
    square = np.array(flat).reshape(2, 2)
    turns = [np.rot90(square, k) for k in range(4)]
    return {tuple(int(v) for v in each.ravel()) for turn in turns for each in (turn, turn[:, ::-1])}


@pytest.mark.parametrize(("caption", "count"), [("four fields", 8), ("a field north of a lake", 1)])
@pytest.mark.parametrize("name", ["contrastive", "farslip_patches"])
def test_all_eight_symmetries_occur_but_none_for_captions_with_directions(
    name: str, caption: str, count: int, learner: Learner, tmp_path: Path
) -> None:
    pair_set = cornered(tmp_path / "set", caption)
    objective = objective_on(learner, pair_set, Stage(name, crops=1), TURNING)
    rng = np.random.default_rng(1)
    seen = {corners_of(objective.row(pair_set.pairs[0], rng)["images"][0].numpy()) for _ in range(80)}
    assert seen <= symmetries(tuple(CORNERS.ravel()))
    assert len(seen) == count
    assert tuple(CORNERS.ravel()) in seen


def test_the_eight_symmetries_are_different_and_views_may_forbid_them() -> None:
    image = np.stack([CORNERS] * 3)
    assert len({turned(image, turn).tobytes() for turn in range(8)}) == 8
    rng = np.random.default_rng(0)
    assert {draw_turn(STILL, rng, may_turn=True) for _ in range(50)} == {0}
    assert {draw_turn(TURNING, rng, may_turn=False) for _ in range(50)} == {0}
    assert Counter(draw_turn(TURNING, rng, may_turn=True) for _ in range(400)).keys() == set(range(8))


def test_masks_and_pictures_stay_aligned(learner: Learner, tmp_path: Path) -> None:
    pair_set = cornered(tmp_path / "set", "four fields")
    objective = objective_on(learner, pair_set, Stage("dense"), Views(least_area=0.3, turn=True, colour=0.0))
    rng = np.random.default_rng(2)
    shown = {int(value): code for code, value in enumerate(CORNERS.ravel(), 1)}
    for _ in range(30):
        row = objective.row(pair_set.pairs[0], rng)
        picture, mask = row["images"][0].numpy(), row["masks"].numpy()
        step = picture.shape[0] // mask.shape[0]
        middles = picture[step // 2 :: step, step // 2 :: step]
        pure = np.isin(middles, list(shown))  # resampling mixes colours along the borders
        assert pure.mean() > 0.5
        assert (np.vectorize(shown.get)(middles[pure]) == mask[pure]).mean() > 0.99


def test_objects_are_what_their_boxes_hold(learner: Learner, miniature: PairSet) -> None:
    objective = objective_on(learner, miniature, Stage("farslip_regions", boxes=3, captions=0.0), TURNING)
    rng = np.random.default_rng(3)
    for pair in miniature.of_split(TRAIN):
        row = objective.row(pair, rng)
        assert row["categories"].tolist()[1:] == [-1, -1]
        assert row["objects"][1:].sum() == 0
        colour = row["objects"][0].float().mean(dim=(1, 2)).numpy()
        nearest = min(GROUND, key=lambda name: np.abs(np.array(GROUND[name]) - colour).sum())
        assert nearest == pair.boxes[0].category


def test_a_crop_of_farslip_shows_what_lies_in_its_box(learner: Learner, tmp_path: Path) -> None:
    pair_set = cornered(tmp_path / "set", "four fields")
    objective = objective_on(learner, pair_set, Stage("farslip_patches", crops=4), TURNING)
    row = objective.row(pair_set.pairs[0], np.random.default_rng(4))
    side = row["images"].shape[-1]
    for crop, (left, top, right, bottom) in zip(row["crops"], row["boxes"].tolist(), strict=True):
        assert 0.2 < (right - left) * (bottom - top) < 0.8
        part = row["images"][0, round(top * side) : round(bottom * side), round(left * side) : round(right * side)]
        assert abs(float(crop[0].float().mean()) - float(part.float().mean())) < 6
        assert np.abs(np.array(corners_of(crop[0].numpy())) - np.array(corners_of(part.numpy()))).max() < 30


def test_parts_have_the_share_asked_for_and_lie_everywhere() -> None:
    image, rng = np.zeros((3, 200, 300), np.uint8), np.random.default_rng(0)
    parts = [draw_part(image, 0.3, 0.7, rng) for _ in range(300)]
    shares = [part.width * part.height / 60_000 for part in parts]
    assert 0.25 < min(shares) < 0.35
    assert 0.6 < max(shares) < 0.72
    assert all(part.of(image).shape == (3, part.height, part.width) for part in parts)
    assert min(part.left for part in parts) < 5
    assert max(part.left + part.width for part in parts) > 295
    assert draw_part(image[:, :1, :1], 0.05, 0.06, rng).of(image[:, :1, :1]).shape == (3, 1, 1)


def test_colours_change_with_their_strength_and_channels_drop() -> None:
    image, rng = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8), np.random.default_rng(1)
    assert (recoloured(image, STILL, rng) == image).all()
    changes = [
        np.abs(recoloured(image, Views(colour=c), np.random.default_rng(2)).astype(int) - image).mean()
        for c in (0.1, 0.3, 0.9)
    ]
    assert changes == sorted(changes)
    assert changes[0] > 0
    dropped = [recoloured(image, Views(colour=0.0, band_dropout=0.5), rng) for _ in range(60)]
    same = [tuple(bool((one[c] == image[c]).all()) for c in range(3)) for one in dropped]
    assert set(same) == {(True, True, True), (False, True, True), (True, False, True), (True, True, False)}


def batches_of(learner: Learner, pair_set: PairSet, seed: int, batch: int = 5) -> Batches:
    objective = objective_on(learner, pair_set, Stage("few_shot"), Views())
    return Batches(objective.material.pairs, objective, batch, seed, Fabric(accelerator="cpu", devices=1))


def test_batches_repeat_with_the_seed_from_any_step(learner: Learner, miniature: PairSet) -> None:
    whole = [rows["images"] for rows in batches_of(learner, miniature, 1).steps(0, 7)]
    later = [rows["images"] for rows in batches_of(learner, miniature, 1).steps(4, 7)]
    other = [rows["images"] for rows in batches_of(learner, miniature, 2).steps(0, 7)]
    assert all(torch.equal(*both) for both in zip(whole[4:], later, strict=True))
    assert not any(torch.equal(*both) for both in zip(whole, other, strict=True))


def test_each_epoch_shows_every_pair_once_in_another_order(learner: Learner, miniature: PairSet) -> None:
    objective = objective_on(learner, miniature, Stage("few_shot"), STILL)

    class Telling:
        def row(self, pair: Pair, _rng: np.random.Generator) -> dict[str, torch.Tensor]:
            return {"place": torch.tensor(int(pair.id.rpartition("-")[2]))}

    telling: Objective = Telling()  # type: ignore[assignment]
    batches = Batches(objective.material.pairs, telling, 5, 1, Fabric(accelerator="cpu", devices=1))
    order = [int(place) for rows in batches.steps(0, 16) for place in rows["place"]]
    epochs = [order[i : i + 16] for i in range(0, 80, 16)]
    assert all(sorted(epoch) == list(range(16)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 5


def test_readers_have_ended_when_their_consumer_stops(learner: Learner, miniature: PairSet) -> None:
    import threading

    steps = batches_of(learner, miniature, 1).steps(0, 1000)
    next(steps)
    assert any(thread.name.startswith("pairs") for thread in threading.enumerate())
    steps.close()
    assert not any(thread.name.startswith("pairs") for thread in threading.enumerate())
