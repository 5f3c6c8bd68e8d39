"""What a training will cost in time, memory and disk: measured on a few of its own steps, none of which is kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from satclip_engine.config import Config
from satclip_engine.models.device import device_label
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import read_pair_set
from satclip_engine.protocol import TRAIN, TrainEstimate, TrainRequest
from satclip_engine.training.batches import Batches
from satclip_engine.training.fine_tune import open_fabric
from satclip_engine.training.held_out import held_out_scores
from satclip_engine.training.learner import load_learner
from satclip_engine.training.loop import StageRun
from satclip_engine.training.methods import make_trainable
from satclip_engine.training.objectives.objective import Material
from satclip_engine.training.plan import plan_run
from satclip_engine.training.run import used_memory_bytes

# The first step also sets everything up; the ones after it are the measure.
_STEPS = 3
_SCORED_PAIRS = 16
# State: the weights, AdamW's two moments, perhaps their average; beside it the best weights.
_COPIES_OF_TRAINED = 5
_FLOAT_BYTES = 4


def estimate_training(request: TrainRequest, config: Config, check_cancelled: Callable[[], None]) -> TrainEstimate:
    """Take a few steps of a training's first stage and return what the whole will cost.

    Raises:
        SatclipError: as ``fine_tune``.
    """
    pair_set = read_pair_set(Path(request.pairs))
    plan = plan_run(request.recipe, pair_set, request.seed)
    fabric = open_fabric(request)
    learner = load_learner(request.model, fabric.device, config)
    planned = plan.stages[0]
    with PairImages(pair_set) as images, _peak_memory(fabric.device) as peak:
        weights = make_trainable(learner.clip, request.recipe.method)
        material = Material(images, pair_set.of_split(TRAIN), pair_set.info.classes)
        objective = planned.objective(learner, material, planned.stage, request.recipe.views).to(fabric.device)
        run = StageRun(objective, weights, request.recipe, planned.stage, _STEPS, request.seed, fabric)
        batches = Batches(planned.pairs, objective, planned.stage.batch, request.seed, fabric)
        learner.train()
        moments_s = [time.monotonic() for _ in run.run(batches, 0, check_cancelled)]
        step_s = (moments_s[-1] - moments_s[0]) / (_STEPS - 1)
        asked = plan.validation[:_SCORED_PAIRS]
        started_s = time.monotonic()
        held_out_scores(learner, asked, images, pair_set.info.classes, check_cancelled)
        pair_s = (time.monotonic() - started_s) / max(len(asked), 1)
    trained = sum(weight.numel() for weight in weights.values())
    everything = sum(weight.numel() for weight in learner.clip.parameters())
    times = plan.steps // plan.score_every + len(plan.stages)
    scored = times * len(plan.validation) + 2 * len(plan.reported)
    return TrainEstimate(
        device=device_label(fabric.device),
        steps=plan.steps,
        seconds=plan.steps * step_s + scored * pair_s,
        memory_bytes=peak[0],
        disk_bytes=_FLOAT_BYTES * (everything + _COPIES_OF_TRAINED * trained),
        trained_weights=trained,
        all_weights=everything,
        notes=plan.notes,
    )


@contextmanager
def _peak_memory(device: torch.device) -> Iterator[list[int]]:
    """Give a list whose only item is, at the end, the most memory in use meanwhile, in bytes."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    peak = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], used_memory_bytes(device))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()
        peak[0] = max(peak[0], used_memory_bytes(device))
