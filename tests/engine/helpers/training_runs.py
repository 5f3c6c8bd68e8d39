"""Runs of fine-tuning, and what can be told of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from satclip_engine.config import Config
from satclip_engine.errors import CancelledError
from satclip_engine.models.registry.installed import WEIGHTS_FILE_NAME
from satclip_engine.models.weights import read_state_dict
from satclip_engine.protocol import TEST, Stage, TrainRequest
from satclip_engine.training.fine_tune import fine_tune, keep_best
from satclip_engine.training.run_folder import read_curves

from tests.engine.helpers.miniature_set import COUNTS

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


def stopped(request: TrainRequest, config: Config, calls: int = 3) -> TrainRequest:
    with pytest.raises(CancelledError):
        train(request, config, stop_after(calls))
    return request
