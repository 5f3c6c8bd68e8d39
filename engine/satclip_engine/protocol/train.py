"""Fine-tuning: what trains, towards what, for how long; and the request that starts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

METHODS = ("projection", "last_blocks", "lora", "adapter", "full")
OBJECTIVES = ("contrastive", "farslip_patches", "farslip_regions", "ground_photos", "dense", "few_shot")
TOWERS = ("both", "image", "text")
SCHEDULES = ("cosine", "restarts")
PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class Method:
    """Which weights of a model train; all others stay as they are.

    Attributes:
        kind: ``projection`` (the last linear map of each tower), ``last_blocks``, ``lora``, ``adapter`` or ``full``.
        blocks: Of ``last_blocks``: how many at the end of each tower.
        rank: Of ``lora``: r.
        alpha: Of ``lora``: the update is scaled by α/√r.
        dropout: Of ``lora``: share of the input features left out of the update.
        reduction: Of ``adapter``: width of a block over width of its bottleneck.
        towers: ``both``, ``image`` or ``text``.

    Raises:
        ValueError: if a value is out of its range.
    """

    kind: str
    blocks: int = 2
    rank: int = 8
    alpha: float = 8.0
    dropout: float = 0.1
    reduction: int = 16
    towers: str = "both"

    def __post_init__(self) -> None:
        _one_of(self.kind, METHODS, "method")
        _one_of(self.towers, TOWERS, "towers")
        _within(self.blocks, 1, 1000, "blocks")
        _within(self.rank, 1, 1024, "rank")
        _within(self.alpha, 0.001, 10_000, "alpha")
        _within(self.reduction, 1, 1024, "reduction")
        _within(self.dropout, 0, 0.9, "dropout")


@dataclass(frozen=True)
class Stage:
    """One stretch of training towards one objective.

    Attributes:
        objective: ``contrastive`` (images and their captions), ``farslip_patches`` (stage 1: crops agree with the
            patches under them), ``farslip_regions`` (stage 2: objects and their categories), ``ground_photos``
            (images and photos taken there), ``dense`` (cells and masks) or ``few_shot`` (images and class names).
        epochs: Passes over the training pairs, where ``steps`` is 0.
        steps: Optimiser steps; 0 takes ``epochs``.
        batch: Pairs per step.
        micro_batch: Pairs that pass through the model at once; 0 takes ``batch``. The result does not depend on it.
        learning_rate: Peak.
        weight_decay: Of AdamW.
        warm_up: Share of the steps in which the learning rate rises.
        schedule: ``cosine`` to zero, or ``restarts`` (cosine with warm restarts, four times).
        temperature: Of ``ground_photos``: τ at the start.
        queue: Of ``ground_photos``: past ground vectors that are kept as negatives; 0 keeps none.
        pooling: Of ``ground_photos``: ``mean`` or ``attention`` over the photos of a place.
        photo_model: Of ``ground_photos``: id or path of the model that looks at the photos and does not train; empty
            takes the start. Both must have one text tower, so that their vectors can be compared.
        crops: Of ``farslip_patches``: random crops per image.
        distillation: Of ``farslip_patches``: weight of the agreement.
        teacher: Of ``farslip_patches``: ``active`` (the model itself, gradients on both sides), ``ema`` or ``frozen``.
        captions: Of ``farslip_patches`` and ``farslip_regions``: weight of the contrastive loss on captions; pairs
            without captions need 0.
        boxes: Of ``farslip_regions``: most objects per image.
        loss: Of ``ground_photos``: ``infonce`` or ``cosine``.

    Raises:
        ValueError: if a value is out of its range.
    """

    objective: str = "contrastive"
    epochs: float = 5.0
    steps: int = 0
    batch: int = 64
    micro_batch: int = 0
    learning_rate: float = 1e-4
    weight_decay: float = 0.05
    warm_up: float = 0.1
    schedule: str = "cosine"
    temperature: float = 0.07
    queue: int = 0
    pooling: str = "mean"
    photo_model: str = ""
    crops: int = 4
    distillation: float = 0.1
    teacher: str = "active"
    captions: float = 1.0
    boxes: int = 4
    loss: str = "infonce"

    def __post_init__(self) -> None:
        _one_of(self.objective, OBJECTIVES, "objective")
        _one_of(self.schedule, SCHEDULES, "schedule")
        _one_of(self.pooling, ("mean", "attention"), "pooling")
        _one_of(self.teacher, ("active", "ema", "frozen"), "teacher")
        _one_of(self.loss, ("infonce", "cosine"), "loss")
        _within(self.batch, 2, 100_000, "batch")
        _within(self.micro_batch, 0, 100_000, "micro_batch")
        _within(self.steps, 0, 10_000_000, "steps")
        _within(self.epochs, 0.001, 100_000, "epochs")
        _within(self.learning_rate, 0, 1, "learning_rate")
        _within(self.weight_decay, 0, 100, "weight_decay")
        _within(self.warm_up, 0, 1, "warm_up")
        _within(self.temperature, 1e-4, 10, "temperature")
        _within(self.queue, 0, 1_000_000, "queue")
        _within(self.crops, 1, 64, "crops")
        _within(self.boxes, 1, 64, "boxes")
        _within(self.distillation, 0, 1000, "distillation")
        _within(self.captions, 0, 1000, "captions")


@dataclass(frozen=True)
class Views:
    """How an image is varied before each step.

    Attributes:
        least_area: Least share of the image that a random crop keeps.
        turn: Whether to draw one of the four rotations and their mirror images. Images whose caption names a
            direction are left as they are.
        colour: Strength of the changes of brightness, contrast and saturation, from 0 (none).
        band_dropout: Probability that one channel is replaced by the mean of the others.
    """

    least_area: float = 0.5
    turn: bool = True
    colour: float = 0.3
    band_dropout: float = 0.0

    def __post_init__(self) -> None:
        _within(self.least_area, 0.05, 1, "least_area")
        _within(self.colour, 0, 1, "colour")
        _within(self.band_dropout, 0, 1, "band_dropout")


@dataclass(frozen=True)
class Recipe:
    """A way to fine-tune.

    Attributes:
        name: Stable name.
        title: For people.
        when: One sentence: when to use it.
        method: What trains.
        stages: Run one after the other, each from the last weights of the one before.
        views: How images are varied.
        clip_gradient: Largest norm of a step's gradient.
        ema: Decay of the averaged weights that are kept; 0 keeps the last ones.
        checkpoint_activations: Whether to compute activations twice instead of keeping them: slower, less memory.
        weight: Share of the trained weights in the result, the rest from the start (WiSE-FT), in (0, 1].
    """

    name: str
    title: str
    when: str
    method: Method
    stages: tuple[Stage, ...]
    views: Views = field(default_factory=Views)
    clip_gradient: float = 1.0
    ema: float = 0.0
    checkpoint_activations: bool = False
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("a recipe needs a stage")
        _within(self.clip_gradient, 1e-9, 1e9, "clip_gradient")
        _within(self.ema, 0, 0.99999, "ema")
        _within(self.weight, 0, 1, "weight")


@dataclass(frozen=True)
class TrainRequest:
    """A training set and a recipe in, a model out.

    Attributes:
        pairs: Folder of the training set.
        out: Folder of the model; ``out/run`` keeps the run's state, curves and log, and is continued where it exists.
        recipe: What trains, towards what.
        model: The model to start from: id or path.
        device: As in ``FeatureOptions``.
        precision: ``auto``, ``fp32`` or ``bf16``.
        seed: Of every draw.
        title: Of the new model, for people.
        save_every_s: How much time a killed run loses at most: its state is saved that often.

    Raises:
        ValueError: if a value is out of its range.
    """

    pairs: str
    out: str
    recipe: Recipe
    model: str = "mini"
    device: str = "auto"
    precision: str = "auto"
    seed: int = 0
    title: str = ""
    save_every_s: float = 30.0

    def __post_init__(self) -> None:
        _one_of(self.precision, PRECISIONS, "precision")
        _within(self.seed, 0, 1_000_000, "seed")
        _within(self.save_every_s, 0, 86_400, "save_every_s")


@dataclass(frozen=True)
class TrainEstimate:
    """What a training will cost, measured on a few of its steps.

    Attributes:
        device: Human-readable device.
        steps: Optimiser steps of the whole run.
        seconds: Expected, with the held-out scores.
        memory_bytes: Most memory that the measured steps took, of the GPU where one is used.
        disk_bytes: State, best weights and model.
        trained_weights: Number of weights that train.
        all_weights: Number of weights of the model.
        notes: What the user should know before the start.
    """

    device: str
    steps: int
    seconds: float
    memory_bytes: int
    disk_bytes: int
    trained_weights: int
    all_weights: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeepBestRequest:
    """Make a model of the best weights so far of a training that was stopped.

    Attributes:
        out: As in the ``TrainRequest``.
    """

    out: str


@dataclass(frozen=True)
class CurvePoint:
    """One line of ``run/curves.jsonl``.

    Attributes:
        step: Optimiser steps done, over all stages.
        steps: Of the whole run.
        stage: 0-based.
        loss: Mean since the last point.
        parts: Its summands.
        learning_rate: Of the last step.
        pairs_per_s: Since the last point.
        memory_bytes: Most memory used so far, of the GPU where one is used.
        held_out: Scores on the validation pairs where they were measured at this step.
    """

    step: int
    steps: int
    stage: int
    loss: float
    parts: dict[str, float]
    learning_rate: float
    pairs_per_s: float
    memory_bytes: int
    held_out: Optional[dict[str, float]] = None


def _one_of(value: str, allowed: tuple[str, ...], name: str) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, none of {', '.join(allowed)}")


def _within(value: float, least: float, most: float, name: str) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}, not within {least} to {most}")
