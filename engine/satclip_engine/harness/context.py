"""What every task of the harness is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from satclip_engine.config import Config
from satclip_engine.evaluation.report_data import Confusion, Example, Table
from satclip_engine.models.encoder import Encoder
from satclip_engine.protocol import FeatureOptions, ProgressUpdate, TextOptions

if TYPE_CHECKING:
    from satclip_engine.harness.datasets import DataSet

T = TypeVar("T")


@dataclass(frozen=True)
class EvaluateOptions:
    """How to evaluate; what is left open the data set and the model decide.

    Attributes:
        features: Model, device, precision, head variant; bands, scaling and working GSD where the set's own are not
            wanted.
        text: Templates, temperature, λ, upsampler.
        split: Part of the data set; "" takes its default one.
        scene_px: Side to which whole pictures are resized for their global vector; None takes the model's.
        limit: Score at most this many items, evenly spaced over the split; None scores all.
        few_shots: Also learn from a few labelled scenes (classification), which takes most of the time.
        seed: Of everything that is drawn.
        command: What the report says it was made with.
    """

    features: FeatureOptions = field(default_factory=FeatureOptions)
    text: TextOptions = field(default_factory=TextOptions)
    split: str = ""
    scene_px: int | None = None
    limit: int | None = None
    few_shots: bool = True
    seed: int = 0
    command: str = ""


@dataclass(frozen=True)
class TaskContext:
    """What a task works with.

    Attributes:
        dataset: What is scored.
        options: How.
        config: Folders and limits.
        encoder: The loaded model.
        folder: A temporary folder of this run.
        progress: Receives progress updates.
        check_cancelled: Raises ``CancelledError`` when the user asked to stop.
    """

    dataset: DataSet
    options: EvaluateOptions
    config: Config
    encoder: Encoder
    folder: Path
    progress: Callable[[ProgressUpdate], None]
    check_cancelled: Callable[[], None]

    @property
    def scene_px(self) -> int:
        """Side of a whole picture as the encoder sees it."""
        return self.options.scene_px or self.encoder.card.scene_px or self.encoder.window_px

    def counted(self, items: Sequence[T], stage: str) -> Iterator[T]:
        """Yield ``items`` while saying how many are done; raises if the run was cancelled."""
        for number, item in enumerate(items):
            self.check_cancelled()
            message = f"{number} of {len(items)} done"
            self.progress(ProgressUpdate(stage, number / len(items), None, self.encoder.device_label, message))
            yield item


@dataclass(frozen=True)
class TaskResult:
    """What a task found out; the fields of the same names in ``Report``.

    Attributes:
        metrics: Headline first.
        tables: Further numbers.
        confusion: Rows = reference, columns = map; None where the task has none.
        examples: Pictures side by side.
        per_image: Image ids and per-image numbers as ``evaluation.statistics`` describes them.
        notes: What was tuned, left out or simplified.
    """

    metrics: dict[str, float]
    tables: tuple[Table, ...] = ()
    confusion: Confusion | None = None
    examples: tuple[Example, ...] = ()
    per_image: dict[str, list[Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def evenly(items: Sequence[T], limit: int | None) -> list[T]:
    """Return at most ``limit`` of ``items``, evenly spaced from the first to the last, in their order."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[position] for position in np.linspace(0, len(items) - 1, limit).round().astype(int)]


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of ``size`` items; the last may be shorter."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
