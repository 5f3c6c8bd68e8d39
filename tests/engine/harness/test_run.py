"""Choosing task, split and items; what every report says whatever the task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from satclip_engine.config import Config
from satclip_engine.errors import DataSetError, OptionError
from satclip_engine.harness.context import EvaluateOptions, batches, evenly
from satclip_engine.harness.datasets import load_folder
from satclip_engine.harness.datasets.dataset import TASKS as DATASET_TASKS
from satclip_engine.harness.run import TASKS, evaluate


def test_every_task_of_the_data_sets_can_be_run() -> None:
    assert set(TASKS) == set(DATASET_TASKS)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, "abcdefghij"), (1, "a"), (2, "aj"), (4, "adgj"), (10, "abcdefghij"), (99, "abcdefghij")],
)
def test_a_limit_is_spread_over_the_whole_split(limit: int | None, expected: str) -> None:
    assert "".join(evenly("abcdefghij", limit)) == expected


def test_batches_keep_order_and_rest() -> None:
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_unknown_task_and_split_name_those_there_are(
    masks_folder: Path, options: EvaluateOptions, config: Config
) -> None:
    dataset = load_folder(masks_folder)
    ways = {"config": config, "progress": lambda _: None, "check_cancelled": lambda: None}
    with pytest.raises(OptionError, match="segmentation"):
        evaluate(dataset, "retrieval", options, **ways)
    with pytest.raises(DataSetError) as caught:
        evaluate(dataset, "", replace(options, split="nowhere"), **ways)
    assert caught.value.code == "dataset.split"


def test_what_the_model_was_trained_on_and_the_focus_are_said(
    masks_folder: Path, options: EvaluateOptions, config: Config
) -> None:
    dataset = replace(load_folder(masks_folder), focus="road", trained_on="The first half of it.")
    report = evaluate(
        dataset,
        "",
        replace(options, limit=2, command="satclip evaluate own"),
        config=config,
        progress=lambda _: None,
        check_cancelled=lambda: None,
    )
    assert list(report.metrics)[:2] == ["iou:road", "tuned_iou:road"]
    assert "The embedded model was trained on: The first half of it." in report.notes
    assert any(note.endswith("segearth.") for note in report.notes)
    assert report.command == "satclip evaluate own"
    assert report.created_utc.endswith("+00:00")
