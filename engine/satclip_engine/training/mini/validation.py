"""What is kept back from training to decide by: AID images and parts of Dubai tiles that no card reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satclip_engine.config import Config
from satclip_engine.harness.context import EvaluateOptions
from satclip_engine.harness.datasets import DataSet, Item, find_dataset
from satclip_engine.harness.datasets.dataset import Layout
from satclip_engine.harness.run import evaluate
from satclip_engine.protocol import FeatureOptions
from satclip_engine.training.mini.corpus import read_captions

N_KEPT_BACK = 700
# Tile and position of the part by name.
KEPT_BACK_PARTS = ((1, 8), (4, 8))
_SPLIT = "kept back"


@dataclass(frozen=True)
class ValidationScores:
    """What a model reaches on what was kept back; all untuned, in [0, 1], by the product's own steps.

    Attributes:
        top1: Scenes of AID named from words.
        mean_recall: Retrieval among the captions of the same images, both ways.
        mean_iou: Over the five classes of the Dubai parts.
        synonyms_mean_iou: The same, asked by words never trained with an image.
    """

    top1: float
    mean_recall: float
    mean_iou: float
    synonyms_mean_iou: float


@dataclass(frozen=True)
class _Only:
    """The items of another layout whose ids are wanted."""

    layout: Layout
    ids: frozenset[str]

    def missing(self, folder: Path) -> str:
        return self.layout.missing(folder)

    def items(self, folder: Path) -> tuple[Item, ...]:
        return tuple(item for item in self.layout.items(folder) if item.id in self.ids)


def kept_back(n_rows: int, seed: int) -> NDArray[np.intp]:
    """Return the sorted positions of AID's training rows that are not trained on."""
    return np.sort(np.random.default_rng(seed).permutation(n_rows)[:N_KEPT_BACK])


def kept_back_sets(data: Path, seed: int) -> dict[str, DataSet]:
    """Return by id the data sets of the harness, each with only what training with ``seed`` keeps back.

    Args:
        data: Root of the data sets.
        seed: Of the training.

    Raises:
        DataSetError: if a set is missing.
    """
    rows = [row for row in read_captions(data / "aid_rsicd") if row["split"] == "train"]
    images = frozenset(str(Path(str(rows[i]["file"])).with_suffix("")) for i in kept_back(len(rows), seed))
    parts = frozenset(f"tile{tile}/images/image_part_{index + 1:03d}" for tile, index in KEPT_BACK_PARTS)
    return {
        "aid_rsicd": _narrowed(find_dataset("aid_rsicd", data), "train", images),
        "dubai_mbrsc": _narrowed(find_dataset("dubai_mbrsc", data), "all", parts),
        "dubai_synonyms": _narrowed(find_dataset("dubai_synonyms", data), "all", parts),
    }


def validate(model: Path, data: Path, seed: int) -> ValidationScores:
    """Score a model's folder on what training with ``seed`` kept back.

    Args:
        model: open_clip folder with a card.
        data: Root of the data sets.
        seed: Of the training.

    Raises:
        SatclipError: if a set is missing or the model cannot be used.
    """
    sets = kept_back_sets(data, seed)
    return ValidationScores(
        metrics_of(sets["aid_rsicd"], "classification", model)["top1"],
        metrics_of(sets["aid_rsicd"], "retrieval", model)["mean_recall"],
        metrics_of(sets["dubai_mbrsc"], "segmentation", model)["mean_iou"],
        metrics_of(sets["dubai_synonyms"], "segmentation", model)["mean_iou"],
    )


def _narrowed(dataset: DataSet, split: str, ids: frozenset[str]) -> DataSet:
    splits = {task: {_SPLIT: _Only(layouts[split], ids)} for task, layouts in dataset.splits.items()}
    return replace(dataset, splits=splits, default_split=_SPLIT)


def metrics_of(dataset: DataSet, task: str, model: Path) -> Mapping[str, float]:
    """Return what the harness measures of a model on a data set, without few-shot figures."""
    options = EvaluateOptions(FeatureOptions(model=str(model)), few_shots=False)
    report = evaluate(
        dataset,
        task,
        options,
        config=Config.from_environment(),
        progress=lambda _update: None,
        check_cancelled=lambda: None,
    )
    return report.metrics
