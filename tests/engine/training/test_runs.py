"""Whole runs in one process: the same curve whatever interrupts them, and what ends them before it does harm."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from satclip_engine.config import Config
from satclip_engine.errors import CancelledError, DiskFullError, OutputError, PairsError, RecipeError
from satclip_engine.models.weights import read_state_dict
from satclip_engine.pairs.pair_set import write_pair_set
from satclip_engine.protocol import STATE_FILE, VALIDATION, Method, Stage, TrainRequest
from satclip_engine.training.run_folder import read_curves

from tests.engine.helpers.miniature_set import COUNTS, write_miniature_set
from tests.engine.helpers.training_runs import (
    FARSLIP,
    GROUND,
    Ask,
    curve,
    keep,
    notes_of,
    stop_after,
    stopped,
    train,
    training_of,
    weights,
)


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
