"""Evaluation data sets: a declarative registry, the layouts they lie on disk in, and folders of the user's own."""

from satclip_engine.harness.datasets.dataset import DataSet
from satclip_engine.harness.datasets.folder import load_folder
from satclip_engine.harness.datasets.items import (
    IGNORED,
    BoxItem,
    CaptionedItem,
    ChangeItem,
    Item,
    SceneItem,
    SegmentationItem,
)
from satclip_engine.harness.datasets.registry import find_dataset, given_root, list_datasets

__all__ = [
    "IGNORED",
    "BoxItem",
    "CaptionedItem",
    "ChangeItem",
    "DataSet",
    "Item",
    "SceneItem",
    "SegmentationItem",
    "find_dataset",
    "given_root",
    "list_datasets",
    "load_folder",
]
