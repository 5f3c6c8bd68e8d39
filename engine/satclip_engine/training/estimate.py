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
from satclip_engine.training.methods import begin_training, count_weights
from satclip_engine.training.objectives.objective import Material
from satclip_engine.training.photo_vectors import photos_of_run
from satclip_engine.training.plan import plan_run
from satclip_engine.training.run import used_memory_bytes
from satclip_engine.training.run_folder import disk_bytes
from satclip_engine.training.warnings import caption_warnings

# The first step also sets everything up; the ones after it are the measure.
_STEPS = 3
_SCORED_PAIRS = 16


def estimate_training(request: TrainRequest, config: Config, check_cancelled: Callable[[], None]) -> TrainEstimate:
    """Take a few steps of each stage of a training and return what the whole will cost.

    Raises:
        SatclipError: as ``fine_tune``.
    """
    pair_set = read_pair_set(Path(request.pairs))
    fabric = open_fabric(request)
    plan = plan_run(request.recipe, pair_set, request.seed, fabric.world_size)
    learner = load_learner(request.model, fabric.device, config, pair_set.info.bands)
    all_weights = count_weights(learner.clip.parameters())
    with PairImages(pair_set) as images, _peak_memory(fabric.device) as peak:
        weights = begin_training(learner.clip, request.recipe, request.seed)
        photos = photos_of_run(plan, request.recipe, learner, images, config)
        material = Material(images, pair_set.of_split(TRAIN), pair_set.info.classes, photos)
        stepping_s = 0.0
        for planned in plan.stages:
            objective = planned.objective(learner, material, planned.stage, request.recipe.views).to(fabric.device)
            run = StageRun(objective, weights, request.recipe, planned.stage, _STEPS, request.seed, fabric)
            batches = Batches(planned.pairs, objective, planned.stage.batch, request.seed, fabric)
            learner.train()
            moments_s = [time.monotonic() for _ in run.run(batches, 0, check_cancelled)]
            stepping_s += planned.steps * (moments_s[-1] - moments_s[0]) / (_STEPS - 1)
        asked = plan.validation[:_SCORED_PAIRS]
        started_s = time.monotonic()
        held_out_scores(learner, asked, images, pair_set.info.classes, check_cancelled)
        pair_s = (time.monotonic() - started_s) / max(len(asked), 1)
    trained = count_weights(weights.values())
    times = plan.steps // plan.score_every + len(plan.stages)
    scored = times * len(plan.validation) + 2 * len(plan.reported)
    return TrainEstimate(
        device=device_label(fabric.device),
        steps=plan.steps,
        seconds=stepping_s + scored * pair_s,
        memory_bytes=peak[0],
        disk_bytes=disk_bytes(trained, all_weights),
        trained_weights=trained,
        all_weights=all_weights,
        notes=(*plan.notes, *caption_warnings(request, pair_set, config, check_cancelled)),
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
