"""The data sets as data: one record each, in groups of one subject."""

from __future__ import annotations

from satclip_engine.harness.datasets.dataset import DataSet
from satclip_engine.harness.datasets.records import (
    aerial_sets,
    caption_sets,
    change_sets,
    drone_sets,
    local,
    scene_sets,
)


def all_records() -> tuple[DataSet, ...]:
    """Return the record of every data set, those of ``$SATCLIP_DATA`` first."""
    groups = (local, change_sets, scene_sets, caption_sets, aerial_sets, drone_sets)
    return tuple(record for group in groups for record in group.records())
