"""Whole runs in one process: the same curve whatever interrupts them, and what ends them before it does harm."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from satclip_engine.config import Config
from satclip_engine.errors import CancelledError, DiskFullError, OutputError, PairsError, RecipeError
from satclip_engine.models.folders import read_settings
from satclip_engine.models.registry.installed import WEIGHTS_FILE_NAME
from satclip_engine.models.weights import read_state_dict
from satclip_engine.pairs.pair_set import PairSet, read_pair_set, write_pair_set
from satclip_engine.protocol import STATE_FILE, TEST, TRAIN, VALIDATION, Method, Stage, TrainRequest, Views
from satclip_engine.training.fine_tune import fine_tune, keep_best
from satclip_engine.training.run_folder import read_curves

from tests.engine.helpers.miniature_set import COUNTS, rewrite, write_miniature_set
from tests.engine.helpers.tiny_model import write_model, write_tiny_model

Ask = Callable[..., TrainRequest]
FARSLIP = (
    Stage("farslip_patches", steps=5, batch=6, learning_rate=1e-3, crops=2, teacher="ema"),
    Stage("farslip_regions", steps=4, batch=6, learning_rate=1e-3, boxes=2),
)
DENSE = (Stage("dense", steps=4, batch=4, learning_rate=1e-3),)
GROUND = (Stage("ground_photos", steps=5, batch=6, learning_rate=1e-3, queue=8, pooling="attention"),)


def train(request: TrainRequest, config: Config, check: Callable[[], None] = lambda: None) -> Path:
    return fine_tune(request, config=config, progress=lambda _: None, check_cancelled=check)


def keep(request: TrainRequest, config: Config) -> Path:
    return keep_best(Path(request.out), config=config, progress=lambda _: None, check_cancelled=lambda: None)


def curve(request: TrainRequest) -> list[Any]:
    """What of a run's points may not depend on the machine."""
    points = read_curves(Path(request.out) / "run")
    return [(p.step, p.stage, p.loss, p.parts, p.learning_rate, p.held_out) for p in points]


def weights(request: TrainRequest) -> dict[str, torch.Tensor]:
    return read_state_dict(Path(request.out) / WEIGHTS_FILE_NAME)


def training_of(request: TrainRequest) -> dict[str, Any]:
    card = json.loads((Path(request.out) / "card.json").read_text(encoding="utf-8"))
    return dict(card["training"])


def notes_of(request: TrainRequest) -> str:
    return " ".join(training_of(request)["before_after"]["notes"])


def stop_after(calls: int, before: int = COUNTS[TEST]) -> Callable[[], None]:
    """A user who asks to stop after so many moments in which a run asks, those of the scores before it apart."""
    left = [calls + before]

    def check() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise CancelledError("Stopped.", remedy="")

    return check


def assert_same(first: TrainRequest, second: TrainRequest) -> None:
    assert curve(first) == curve(second)
    mine, others = weights(first), weights(second)
    assert mine.keys() == others.keys()
    assert all(torch.equal(mine[name], others[name]) for name in mine)


@pytest.mark.parametrize(
    ("method", "stages", "extra"),
    [
        ("lora", FARSLIP, {}),
        ("last_blocks", GROUND, {"ema": 0.9}),
        ("adapter", (Stage("dense", steps=4, batch=4),), {}),
    ],
)
def test_a_run_stopped_again_and_again_ends_as_if_it_had_not_been(
    method: str, stages: tuple[Stage, ...], extra: dict[str, Any], asked: Ask, config: Config
) -> None:
    whole = asked(method, stages, out="whole", **extra)
    train(whole, config)
    broken = asked(method, stages, out="broken", **extra)
    attempts = 0
    while True:
        attempts += 1
        try:  # at other places each time, in the held-out scores too
            calls = (1, 4, 11, 2, 30)[attempts % 5]
            train(broken, config, stop_after(calls) if attempts == 1 else stop_after(calls, before=0))
            break
        except CancelledError:
            assert attempts < 20
    assert attempts > 3
    assert len(curve(whole)) == sum(stage.steps for stage in stages)
    assert_same(whole, broken)
    gained, others = (training_of(request)["before_after"] for request in (whole, broken))
    assert {**gained, "seconds": 0} == {**others, "seconds": 0}
    assert not list((Path(broken.out) / "run").glob("*.pt"))


def test_the_seed_decides(asked: Ask, config: Config) -> None:
    requests = [asked(out="one"), asked(out="two"), asked(out="three", seed=4)]
    for request in requests:
        train(request, config)
    assert_same(*requests[:2])
    assert curve(requests[0]) != curve(requests[2])


def stopped(request: TrainRequest, config: Config, calls: int = 3) -> TrainRequest:
    with pytest.raises(CancelledError):
        train(request, config, stop_after(calls))
    return request


def test_a_changed_recipe_is_refused_with_the_difference(asked: Ask, config: Config) -> None:
    request = stopped(asked(), config)
    state = (Path(request.out) / "run" / "state.pt").read_bytes()
    other = replace(request, recipe=replace(request.recipe, stages=(replace(request.recipe.stages[0], batch=4),)))
    with pytest.raises(RecipeError, match=r"recipe\.stages\.0\.batch: 8 → 4; seed: 3 → 9\.") as caught:
        train(replace(other, seed=9), config)
    assert caught.value.code == "recipe.changed"
    assert caught.value.params["changes"] == ["recipe.stages.0.batch: 8 → 4", "seed: 3 → 9"]
    assert (Path(request.out) / "run" / "state.pt").read_bytes() == state
    train(replace(request, title="Another title", save_every_s=9.0), config)


def test_a_folder_in_which_nothing_was_learnt_takes_another_recipe(asked: Ask, config: Config) -> None:
    stages = (Stage("farslip_patches", steps=2, batch=8, captions=0.0),)
    with pytest.raises(RecipeError, match="Nothing would be trained"):
        train(asked(Method("lora", towers="text"), stages), config)
    train(asked(Method("lora", towers="image"), stages), config)


def test_another_start_is_refused(asked: Ask, config: Config, tiny: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny, tmp_path / "start"))
    request = stopped(asked(model=model), config)
    state = read_state_dict(model / "model.safetensors")
    from safetensors.torch import save_file

    save_file({name: tensor + 1 for name, tensor in state.items()}, model / "model.safetensors")
    with pytest.raises(RecipeError, match="model_sha256") as caught:
        train(request, config)
    assert caught.value.code == "recipe.changed"


def test_an_edited_set_is_noticed_and_a_moved_one_is_not_held_against_the_run(
    asked: Ask, config: Config, tmp_path: Path
) -> None:
    pair_set = write_miniature_set(tmp_path / "set")
    request = stopped(asked(pairs=pair_set.folder), config)
    write_pair_set(pair_set.with_pairs(pair_set.pairs[:-1]))
    for act in (train, keep):
        with pytest.raises(PairsError, match="has been edited since") as caught:
            act(request, config)
        assert caught.value.code == "pairs.edited"
    write_pair_set(pair_set)
    shutil.move(pair_set.folder, tmp_path / "elsewhere")
    with pytest.raises(PairsError, match="no training set in") as caught:
        train(request, config)
    assert caught.value.code == "pairs.missing"
    train(replace(request, pairs=str(tmp_path / "elsewhere")), config)


def test_images_that_go_while_a_run_goes_on_stop_it_resumably(asked: Ask, config: Config, tmp_path: Path) -> None:
    whole = asked(out="whole", pairs=write_miniature_set(tmp_path / "untouched").folder)
    train(whole, config)
    pair_set = write_miniature_set(tmp_path / "set")
    request = replace(asked(pairs=pair_set.folder), save_every_s=1e4)
    left = [9]

    def check() -> None:
        left[0] -= 1
        if left[0] == 0:
            shutil.move(pair_set.folder / "images", tmp_path / "gone")

    with pytest.raises(PairsError, match="None of the 16 images can be read") as caught:
        train(request, config, check)
    assert caught.value.code == "pairs.image"
    shutil.move(tmp_path / "gone", pair_set.folder / "images")
    train(request, config)
    assert weights(request).keys() == weights(whole).keys()


def test_a_folder_with_a_model_is_refused(asked: Ask, config: Config) -> None:
    request = asked()
    train(request, config)
    before = weights(request)
    with pytest.raises(OutputError, match="There is a model in") as caught:
        train(request, config)
    assert caught.value.code == "resource.output"
    with pytest.raises(RecipeError, match="no unfinished training"):
        keep(request, config)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(request).items())


def test_a_place_that_cannot_be_written_is_refused(asked: Ask, config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        train(asked(out="file/model"), config)
    assert caught.value.code == "resource.output"


def test_a_training_that_the_disk_cannot_hold_is_refused_before_it(
    asked: Ask, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(os.curdir)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free._replace(free=10_000))
    with pytest.raises(DiskFullError, match=r"needs about 0\.00 GB, but .* has only 0\.00 GB free"):
        train(asked(), config)


def test_a_diverging_training_keeps_its_best(asked: Ask, config: Config) -> None:
    stage = Stage(steps=40, batch=4, learning_rate=1.0, weight_decay=3.0)
    request = asked("full", (stage,))
    with pytest.raises(RecipeError, match="diverged") as caught:
        train(request, config)
    assert caught.value.code == "recipe.diverged"
    with pytest.raises(RecipeError, match="diverged"):  # as surely as before
        train(request, config)
    keep(request, config)
    assert "the best weights until then were kept" in notes_of(request)
    assert all(bool(tensor.isfinite().all()) for tensor in weights(request).values())


def test_the_best_is_kept_after_a_stop_and_the_last_where_none_was_compared(asked: Ask, config: Config) -> None:
    with pytest.raises(RecipeError, match="no unfinished training") as caught:
        keep(asked(), config)
    assert caught.value.code == "recipe.no_run"
    never = stopped(asked(out="never"), config, calls=0)
    with pytest.raises(RecipeError, match="no unfinished training"):
        keep(never, config)
    early = stopped(asked(out="early"), config)
    of_start = Path(early.out) / "run" / "start.json"
    of_start.write_text(json.dumps({**json.loads(of_start.read_text(encoding="utf-8")), "general_before": 0.123}))
    keep(early, config)
    assert "the last weights until then were kept" in notes_of(early)
    assert training_of(early)["before_after"]["general_before"] == 0.123  # the start is not asked again
    late = stopped(
        asked(stages=(Stage(steps=15, batch=8, learning_rate=1e-3),), out="late"), config, calls=12 + COUNTS[VALIDATION]
    )
    keep(late, config)
    assert "the best weights until then were kept" in notes_of(late)
    done = training_of(late)["before_after"]["steps"]
    assert 10 <= done < 15


def test_a_later_stage_is_not_judged_by_the_score_of_an_earlier_one(asked: Ask, config: Config) -> None:
    """Recall is high for pictures whose captions name them; the mean IoU of a random model is low."""
    stages = (Stage(steps=2, batch=8, learning_rate=0.0), Stage("dense", steps=3, batch=4, learning_rate=1e-2))
    request = asked("last_blocks", stages)
    train(request, config)
    last = [point.held_out for point in read_curves(Path(request.out) / "run") if point.stage == 1 and point.held_out]
    assert last[-1]["recall"] > last[-1]["mean_iou"]
    alone = asked("last_blocks", stages[:1], out="alone")
    train(alone, config)
    assert any(not torch.equal(weights(request)[name], tensor) for name, tensor in weights(alone).items())


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


def test_a_point_is_written_once_however_often_a_run_dies_after_it(asked: Ask, config: Config) -> None:
    whole, broken = asked(out="whole"), asked(out="broken")
    train(whole, config)
    moments = iter(range(10**6))

    def in_the_scores_of_the_last_step() -> None:
        if len(curve(broken)) == 5 and next(moments) == 1:
            raise CancelledError("Stopped.", remedy="")

    def once_the_last_point_is_there() -> None:
        if len(curve(broken)) == 6:
            raise CancelledError("Stopped.", remedy="")

    with pytest.raises(CancelledError):
        train(broken, config, in_the_scores_of_the_last_step)
    state = Path(broken.out) / "run" / STATE_FILE
    former = state.read_bytes()
    with pytest.raises(CancelledError):
        train(broken, config, once_the_last_point_is_there)
    state.write_bytes(former)  # as if it had been killed before it could save
    train(broken, config)
    assert_same(whole, broken)


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
