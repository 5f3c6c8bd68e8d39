"""Fine-tuning from its request to the new model: stages, held-out scores, the best weights, interruption."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from lightning_fabric import Fabric

from satclip_engine.config import Config
from satclip_engine.models.device import device_label, resolve_device
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import read_pair_set
from satclip_engine.protocol import TRAIN, CurvePoint, Pair, ProgressUpdate, TrainingResult, TrainRequest
from satclip_engine.training.held_out import HeldOut, ask_held_out, drawn_accuracy
from satclip_engine.training.learner import load_learner
from satclip_engine.training.methods import begin_training, count_weights
from satclip_engine.training.objectives.objective import Material
from satclip_engine.training.photo_vectors import photos_of_run
from satclip_engine.training.plan import plan_run
from satclip_engine.training.run import TrainingRun
from satclip_engine.training.run_folder import RunFolder, read_request
from satclip_engine.training.share import use_share
from satclip_engine.training.trained_model import write_model
from satclip_engine.training.warnings import caption_warnings

logger = logging.getLogger(__name__)


def fine_tune(
    request: TrainRequest,
    *,
    config: Config,
    progress: Callable[[ProgressUpdate], None],
    check_cancelled: Callable[[], None],
) -> Path:
    """Train a model and return its folder; a run that was interrupted there continues.

    Raises:
        PairsError: if the training set is missing, or has too little for the recipe.
        RecipeError: if the recipe does not fit the model, differs from the interrupted run's, or diverges.
        SatclipError: for everything else a person can act on.
    """
    return _make_model(request, config, progress, check_cancelled, TrainingRun.train)


def keep_best(
    out: Path,
    *,
    config: Config,
    progress: Callable[[ProgressUpdate], None],
    check_cancelled: Callable[[], None],
) -> Path:
    """Make a model of the best weights so far of a training that was stopped, and return its folder.

    Raises:
        RecipeError: ``recipe.no_run`` if there is no unfinished training in ``out`` that has learnt anything.
        SatclipError: as ``fine_tune``.
    """
    return _make_model(read_request(out), config, progress, check_cancelled, TrainingRun.stop_at_best)


def _make_model(
    request: TrainRequest,
    config: Config,
    progress: Callable[[ProgressUpdate], None],
    check_cancelled: Callable[[], None],
    act: Callable[[TrainingRun, Callable[[], None]], None],
) -> Path:
    pair_set = read_pair_set(Path(request.pairs))
    fabric = open_fabric(request)
    plan = plan_run(request.recipe, pair_set, request.seed, fabric.world_size)
    learner = load_learner(request.model, fabric.device, config, pair_set.info.bands)
    notes = (*plan.notes, *caption_warnings(request, pair_set, config, check_cancelled))
    for note in notes:
        logger.warning("%s", note)
    all_weights = count_weights(learner.clip.parameters())
    weights = begin_training(learner.clip, request.recipe, request.seed)
    start = {name: weight.detach().clone() for name, weight in weights.items()}
    folder = RunFolder(Path(request.out))
    if fabric.is_global_zero:
        folder.claim(request, pair_set, learner.weights_sha256)
        folder.check_free_disk(count_weights(weights.values()), all_weights)
    fabric.barrier()
    device = device_label(fabric.device)
    with PairImages(pair_set) as images:

        def ask(pairs: Sequence[Pair]) -> HeldOut:
            return ask_held_out(learner, pairs, images, pair_set.info.classes, check_cancelled, photos)

        def tell(point: CurvePoint, rest_s: float) -> None:
            progress(ProgressUpdate("train", point.step / point.steps, rest_s, device, sentence_of(point)))

        progress(ProgressUpdate("score", 0.0, device=device))
        # What was inserted changes nothing before the first step: these are the start's.
        asked = (*plan.validation, *plan.reported)
        photos = photos_of_run(plan, request.recipe, learner, images, config, asked)
        of_start = folder.load_start()
        if of_start is None:
            before = ask(plan.reported)
            of_start = {"before": before.scores, "confusions_before": before.confusions}
            of_start["general_before"] = drawn_accuracy(learner)
            if fabric.is_global_zero:
                folder.keep_start(of_start)
        run = TrainingRun(
            request=request,
            plan=plan,
            material=Material(images, pair_set.of_split(TRAIN), pair_set.info.classes, photos),
            learner=learner,
            weights=weights,
            fabric=fabric,
            folder=folder,
            score=lambda: ask(plan.validation).scores,
            on_point=tell,
        )
        act(run, check_cancelled)
        use_share(learner.clip, weights, start, request.recipe.weight)
        progress(ProgressUpdate("score", 0.99, device=device))
        after = ask(plan.reported)
        found = TrainingResult(
            **of_start,
            after=after.scores,
            split=plan.reported_split,
            general_after=drawn_accuracy(learner),
            trained_weights=count_weights(weights.values()),
            all_weights=all_weights,
            steps=run.done,
            seconds=run.standing.elapsed_s,
            notes=(*notes, *run.notes),
            confusions_after=after.confusions,
        )
    if fabric.is_global_zero:
        write_model(request, learner, pair_set, found, config)
        folder.finish()
    fabric.barrier()  # until then the model is not there for the other processes
    return Path(request.out)


def sentence_of(point: CurvePoint) -> str:
    """Return how a training stands, for the job panel."""
    parts = [f"Step {point.step} of {point.steps}", f"loss {point.loss:.3f}"]
    parts += [f"held-out {name.replace('_', ' ')} {value:.3f}" for name, value in (point.held_out or {}).items()]
    parts += [f"{point.pairs_per_s:.0f} pairs/s", f"{point.memory_bytes / 1e9:.1f} GB"]
    return ", ".join(parts)


def open_fabric(request: TrainRequest) -> Fabric:
    """Return the device, the precision and, under torchrun, the other processes of a training.

    Raises:
        DeviceError: if the device is absent.
    """
    device = resolve_device(request.device)
    is_half = request.precision == "bf16" or (
        request.precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()
    )
    count = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator=device.type,
        devices=[device.index] if device.type == "cuda" and count == 1 else count,
        num_nodes=int(os.environ.get("GROUP_WORLD_SIZE", "1")),
        strategy="ddp" if count > 1 else "auto",
        precision="bf16-mixed" if is_half else "32-true",
    )
    fabric.launch()
    return fabric
