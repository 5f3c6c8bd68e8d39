"""What the study compares: each part's trainings from one start, and the scores they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from satclip_engine.training.study.places import Places

_METHODS = ("projection", "last-blocks", "lora", "adapter", "full")


@dataclass(frozen=True)
class Trial:
    """One row.

    Attributes:
        name: Of the row.
        start: Folder of the model it starts from.
        recipe: Recipe; empty asks the start itself.
        pairs: Training set.
        changes: To the recipe.
    """

    name: str
    start: Path
    recipe: str = ""
    pairs: Path = field(default_factory=Path)
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One table.

    Attributes:
        trials: Its rows.
        columns: Scores, as ``Judge.scores`` names them.
    """

    trials: Callable[[Places], tuple[Trial, ...]]
    columns: tuple[str, ...]


def _captions(places: Places) -> tuple[Trial, ...]:
    """Every method learns the new classes from their captions, with the same steps."""
    changes = {"steps": 150, "batch": 48}
    trainings = (Trial(name, places.base, name, places.new, changes) for name in _METHODS)
    # The recipes' rates suit longer trainings too; in so few steps larger ones learn more.
    faster = (
        Trial(f"{name}, rate {rate:g}", places.base, name, places.new, {**changes, "learning_rate": rate})
        for name, rate in (("full", 1e-4), ("lora", 1e-3))
    )
    return Trial("base", places.base), *trainings, *faster


def _few(places: Places) -> tuple[Trial, ...]:
    """A few labelled pictures of each new class, by the recipe's own settings."""
    trainings = (Trial(f"{shots} per class", places.base, "few-shot", places.few(shots)) for shots in (1, 5))
    return Trial("base", places.base), *trainings


def _masks(places: Places) -> tuple[Trial, ...]:
    """Every method learns from the masks of Dubai's other tiles, with the same steps and its own rate."""
    settings: dict[str, dict[str, Any]] = {
        "projection": {"method.kind": "projection", "learning_rate": 3e-4},
        "last-blocks": {"method.kind": "last_blocks", "method.blocks": 1, "learning_rate": 5e-5},
        "lora": {},
        "adapter": {"method.kind": "adapter", "learning_rate": 1e-3},
        "full": {"method.kind": "full", "learning_rate": 3e-5},
    }
    trainings = (
        Trial(name, places.base, "dense", places.dubai, {"steps": 200, **changes}) for name, changes in settings.items()
    )
    return Trial("base", places.base), *trainings


def _farslip(places: Places) -> tuple[Trial, ...]:
    """FarSLIP's stages on Dubai's other tiles beside captions alone; and without labels on the mapped tile."""
    steps = {"steps": 40, "batch": 8}
    few = {**steps, "crops": 2}  # each crop costs as much as the picture
    first = {
        **few,
        "method.kind": "full",
        "method.towers": "both",
        "captions": 1.0,
        "distillation": 0.1,
        "teacher": "active",
    }
    rate = {"learning_rate": 1e-5}
    return (
        Trial("base", places.base),
        Trial("captions alone", places.base, "full", places.dubai, {**steps, **rate}),
        Trial("stage 1", places.base, "farslip-patches", places.dubai, {**first, **rate}),
        Trial("stages 1 and 2", places.base, "farslip", places.dubai, few),
        Trial("no labels", places.base, "farslip-patches", places.tile7, few),
        Trial("embedded", places.embedded),
        Trial("embedded, no labels", places.embedded, "farslip-patches", places.tile7, few),
    )


def _photos(places: Places) -> tuple[Trial, ...]:
    """Coarse pictures aligned with close-ups, which the embedded model understands: its words come along."""
    changes = {"steps": 80, "batch": 32}
    pairs = places.close_ups
    anew = {"method.kind": "full", "learning_rate": 1e-3, "photo_model": str(places.embedded)}
    return (
        Trial("embedded", places.embedded),
        Trial("mean of the photos", places.embedded, "senclip", pairs, changes),
        Trial("attention over the photos", places.embedded, "senclip", pairs, {**changes, "pooling": "attention"}),
        Trial("cosine loss", places.embedded, "senclip", pairs, {**changes, "loss": "cosine"}),
        Trial("queue of 512", places.embedded, "senclip", pairs, {**changes, "queue": 512}),
        Trial("everything", places.embedded, "senclip", pairs, {**changes, "method.kind": "full"}),
        Trial("from ImageNet", places.start, "senclip", pairs, {**changes, **anew}),
    )


PARTS: Mapping[str, Part] = {
    "captions": Part(
        _captions,
        (
            "new: accuracy",
            "new: recall",
            "new_few_shot: accuracy",
            "known: accuracy",
            "known: recall",
            "dubai: mean_iou",
        ),
    ),
    "few-shot": Part(_few, ("new: accuracy", "known: accuracy")),
    "masks": Part(_masks, ("dubai: mean_iou", "known: accuracy", "new_few_shot: accuracy")),
    "farslip": Part(_farslip, ("dubai: mean_iou", "known: accuracy", "known: recall")),
    "photos": Part(_photos, ("coarse: accuracy", "sharp: accuracy")),
}
