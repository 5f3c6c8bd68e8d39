"""Training sets with little, odd or damaged in them: what is trained on all the same, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from satclip_engine.config import Config
from satclip_engine.errors import PairsError, RecipeError
from satclip_engine.models.folders import read_settings
from satclip_engine.pairs.pair_set import PairSet, read_pair_set, write_pair_set
from satclip_engine.protocol import TRAIN, VALIDATION, Method, Stage, Views

from tests.engine.helpers.miniature_set import rewrite, write_miniature_set
from tests.engine.helpers.tiny_model import write_model, write_tiny_model
from tests.engine.helpers.training_runs import (
    GROUND,
    Ask,
    curve,
    notes_of,
    stopped,
    train,
    training_of,
)


def test_two_captions_are_enough_and_one_is_not(asked: Ask, config: Config, tmp_path: Path) -> None:
    pair_set = write_miniature_set(tmp_path / "set", {TRAIN: 6, VALIDATION: 2})
    captions = ("a lake", "a wood")
    two = pair_set.with_pairs([replace(p, captions=(captions[i % 2],)) for i, p in enumerate(pair_set.pairs)])
    write_pair_set(two)
    request = asked(pairs=pair_set.folder, stages=(Stage(steps=2),))
    train(request, config)
    assert "No test pairs: before and after are compared on the validation pairs" in notes_of(request)
    rewrite(two, captions=("a lake",))
    with pytest.raises(PairsError, match="All 6 training pairs say the same") as caught:
        train(asked(pairs=pair_set.folder, out="other"), config)
    assert caught.value.code == "pairs.one_kind"
    write_pair_set(pair_set.with_pairs(pair_set.pairs[:2]))
    with pytest.raises(PairsError, match="2 of 2 training pairs have them") as caught:
        train(asked(pairs=pair_set.folder, out="other"), config)
    assert caught.value.code == "pairs.unfit"


@pytest.mark.parametrize(
    ("changes", "objective", "code"),
    [
        ({"label": "water"}, "few_shot", "pairs.one_kind"),
        ({"label": ""}, "few_shot", "pairs.unfit"),
        ({"captions": ("", "  ")}, "contrastive", "pairs.unfit"),
        ({"captions": ()}, "farslip_patches", "pairs.unfit"),
        ({"boxes": ()}, "farslip_regions", "pairs.unfit"),
        ({"photos": ()}, "ground_photos", "pairs.unfit"),
        ({"mask": ""}, "dense", "pairs.unfit"),
    ],
)
def test_a_set_without_what_the_objective_needs_is_refused_before_anything_is_written(
    changes: dict[str, Any], objective: str, code: str, asked: Ask, config: Config, miniature: PairSet, tmp_path: Path
) -> None:
    pair_set = replace(miniature, folder=tmp_path / "set")
    rewrite(pair_set, **changes)
    with pytest.raises(PairsError) as caught:
        train(asked(pairs=tmp_path / "set", stages=(Stage(objective, steps=2),)), config)
    assert caught.value.code == code
    assert not (tmp_path / "model").exists()


def test_blank_captions_are_passed_over_and_other_scripts_and_long_texts_are_taken(
    asked: Ask, config: Config, tmp_path: Path
) -> None:
    pair_set = write_miniature_set(tmp_path / "set")
    texts = [("", "Лес у реки"), ("森林と川",), ("غابة",), ("a very long caption " * 30,)]
    changed = [replace(p, captions=texts[i % 4], long_captions=(" ",)) for i, p in enumerate(pair_set.pairs)]
    write_pair_set(pair_set.with_pairs(changed))
    request = asked(pairs=pair_set.folder)
    train(request, config)
    assert curve(request)[-1][5].keys() == {"recall", "photo_recall", "accuracy", "mean_iou"}
    notes = notes_of(request)
    for warning in ("with an empty caption", "in a script that this model does not read", "more than 77 tokens"):
        assert warning in notes


def test_damaged_images_are_replaced_counted_and_listed(asked: Ask, config: Config, tmp_path: Path) -> None:
    pair_set = write_miniature_set(tmp_path / "set")
    for name in ("train-3", "train-11", "validation-1"):
        path = pair_set.folder / "images" / f"{name}.png"
        path.write_bytes(path.read_bytes()[:100])
    (pair_set.folder / "images" / "train-7.png").unlink()
    request = stopped(asked(pairs=pair_set.folder), config)
    train(request, config)
    assert "replaced by others: 3 (train-11, train-3, train-7)" in notes_of(request)
    lines = (Path(request.out) / "run" / "skipped.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[0] for line in lines] == ["train-11", "train-3", "train-7"]
    assert "images/train-11.png cannot be read" in lines[0]


def test_chips_at_the_border_and_on_nodata_are_trained_on(
    asked: Ask, config: Config, tmp_path: Path, miniature: PairSet, make_raster: Callable[..., Path]
) -> None:
    from satclip_engine.protocol import Pair, PairRaster, PairSetInfo

    path = make_raster(width=200, height=160, bands=4, dtype="uint16", nodata_kind="value")
    places = [(0, 0), (64, 0), (136, 96), (170, 130), (190, 0), (0, 140), (60, 60), (100, 80)]
    pairs = tuple(Pair(f"{x}-{y}", str(path), (f"place {x} {y}",), window_px=(x, y, 64, 64)) for x, y in places)
    write_pair_set(PairSet(tmp_path / "set", PairSetInfo(rasters=(PairRaster(str(path)),)), pairs))
    request = asked(pairs=tmp_path / "set", views=Views(least_area=1.0))
    train(request, config)
    assert "Nothing was held out" in notes_of(request)
    assert "could not be read" not in notes_of(request)
    assert read_pair_set(tmp_path / "set").pairs == pairs


def test_another_model_looks_at_the_photos(asked: Ask, config: Config, tmp_path: Path) -> None:
    def losses(photo_model: Path | None) -> list[float]:
        stage = Stage("ground_photos", steps=2, batch=6, photo_model=str(photo_model or ""))
        request = asked(Method("full", towers="image"), (stage,), out=f"out-{photo_model and photo_model.name}")
        train(request, config)
        return [point[2] for point in curve(request)]

    same, other = write_tiny_model(tmp_path / "same"), write_tiny_model(tmp_path / "other", seed=5)
    of_start = losses(None)
    assert of_start == losses(same)
    assert of_start != losses(other)
    short = write_model(tmp_path / "short", {**read_settings(same)["model_cfg"], "embed_dim": 16})
    with pytest.raises(RecipeError, match="vectors of short have 16 numbers, those of tiny 32"):
        losses(short)


def test_photos_alone_some_of_which_are_damaged(asked: Ask, config: Config, tmp_path: Path) -> None:
    pair_set = rewrite(write_miniature_set(tmp_path / "set"), captions=(), label="", mask="")
    for name in ("train-0-0", "train-1-0", "train-1-1"):
        (pair_set.folder / "photos" / f"{name}.jpg").write_bytes(b"no photo")
    request = asked(Method("lora", rank=2, towers="image"), GROUND, pairs=pair_set.folder)
    train(request, config)
    assert "replaced by others: 1 (train-1)" in notes_of(request)
    assert "last weights" not in notes_of(request)  # the photos of the validation pairs chose them
    assert training_of(request)["before_after"]["after"].keys() == curve(request)[-1][5].keys() == {"photo_recall"}
    for path in (pair_set.folder / "photos").iterdir():
        path.unlink()
    with pytest.raises(PairsError, match="None of the training set's photos can be read"):
        train(replace(request, out=str(tmp_path / "other")), config)
