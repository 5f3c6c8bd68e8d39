"""Runs one task of one data set with one model and gathers what the report says."""

from __future__ import annotations

import datetime
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_engine.config import Config
from satclip_engine.errors import OptionError
from satclip_engine.evaluation.report_data import DataSetFacts, ModelFacts, PromptClass, Prompts, Report
from satclip_engine.evaluation.statistics import intervals_of
from satclip_engine.harness.change import evaluate_change
from satclip_engine.harness.classification import evaluate_classification
from satclip_engine.harness.context import EvaluateOptions, TaskContext, TaskResult, evenly
from satclip_engine.harness.grounding import evaluate_grounding
from satclip_engine.harness.retrieval import evaluate_retrieval
from satclip_engine.harness.segmentation import evaluate_segmentation
from satclip_engine.models.device import DTYPE_NAMES
from satclip_engine.models.encoder import Encoder, encoder_for
from satclip_engine.protocol import ProgressUpdate

if TYPE_CHECKING:
    from satclip_engine.harness.datasets import DataSet

Task = Callable[[TaskContext, Sequence[Any]], TaskResult]

TASKS: dict[str, Task] = {
    "segmentation": evaluate_segmentation,
    "classification": evaluate_classification,
    "retrieval": evaluate_retrieval,
    "grounding": evaluate_grounding,
    "change": evaluate_change,
}
# Whole pictures are compared by the model's own global vector, which only the unchanged last block gives.
_GLOBAL_TASKS = ("classification", "retrieval")
GLOBAL_HEAD_VARIANT = "vanilla"


def evaluate(
    dataset: DataSet,
    task: str,
    options: EvaluateOptions,
    *,
    config: Config,
    progress: Callable[[ProgressUpdate], None],
    check_cancelled: Callable[[], None],
) -> Report:
    """Score a model on a data set.

    Args:
        dataset: What to score.
        task: One of ``TASKS`` that the set has; "" takes its first.
        options: Model, words, split.
        config: Folders and limits.
        progress: Receives progress updates.
        check_cancelled: Raises ``CancelledError`` when the user asked to stop.

    Raises:
        OptionError: if the set has no such task.
        DataSetError: if the split is missing, empty or damaged.
        SatclipError: for everything else a person can act on.
    """
    started_s = time.monotonic()
    task = _checked_task(dataset, task)
    split = options.split or next(iter(dataset.split_names(task)), dataset.default_split)
    items = dataset.items(split, task)
    scored = evenly(items, options.limit)
    features = options.features
    if task in _GLOBAL_TASKS:
        features = replace(features, head_variant=GLOBAL_HEAD_VARIANT)
    options = replace(options, split=split, features=features)
    encoder = encoder_for(features, config)
    config.cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="evaluate-", dir=config.cache_dir) as folder:
        context = TaskContext(dataset, options, config, encoder, Path(folder), progress, check_cancelled)
        result = TASKS[task](context, scored)
    return Report(
        task=task,
        dataset=_dataset_facts(dataset, split, len(scored)),
        model=_model_facts(encoder),
        prompts=_prompts(dataset, options, encoder, task),
        metrics=result.metrics,
        tables=result.tables,
        confusion=result.confusion,
        examples=result.examples,
        per_image=result.per_image,
        intervals=intervals_of(result.metrics, result.per_image, seed=options.seed),
        notes=(*result.notes, *_common_notes(dataset, options, encoder, len(items))),
        seconds=round(time.monotonic() - started_s, 1),
        created_utc=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        command=options.command,
    )


def _checked_task(dataset: DataSet, task: str) -> str:
    task = task or dataset.tasks[0]
    if task not in dataset.tasks or task not in TASKS:
        raise OptionError(
            f"{dataset.id} has no task {task!r}.",
            remedy=f"Use one of: {', '.join(name for name in dataset.tasks if name in TASKS)}.",
            code="option.task",
        )
    return task


def _dataset_facts(dataset: DataSet, split: str, n_items: int) -> DataSetFacts:
    return DataSetFacts(
        id=dataset.id,
        title=dataset.title,
        licence=dataset.licence,
        split=split,
        protocol=dataset.protocol,
        n_items=n_items,
        url=dataset.url,
        citation=dataset.citation,
    )


def _model_facts(encoder: Encoder) -> ModelFacts:
    return ModelFacts(
        id=encoder.id,
        title=encoder.card.title or encoder.id,
        weights_sha256=encoder.weights_sha256,
        device=encoder.device_label,
        precision=DTYPE_NAMES[encoder.dtype],
    )


def _prompts(dataset: DataSet, options: EvaluateOptions, encoder: Encoder, task: str) -> Prompts:
    if task == "retrieval":  # captions are read as they are
        return Prompts()
    text = options.text
    classes = tuple(
        PromptClass(spec.name, spec.prompts, spec.colour, spec.threshold) for spec in dataset.classes.classes
    )
    temperature = encoder.card.temperature if text.temperature is None else text.temperature
    return Prompts(classes, text.templates or encoder.card.templates, temperature)


def _common_notes(dataset: DataSet, options: EvaluateOptions, encoder: Encoder, n_all: int) -> list[str]:
    notes = []
    if dataset.trained_on:
        notes.append(f"The embedded model was trained on: {dataset.trained_on}")
    if options.limit is not None and options.limit < n_all:
        notes.append(f"Only {options.limit} of {n_all} items were scored, evenly spaced over the split.")
    if encoder.head_variant:
        notes.append(f"Head variant of the vision transformer: {encoder.head_variant}.")
    return notes
