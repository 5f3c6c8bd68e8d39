"""The data sets as data: one record each, in groups of one subject."""

from __future__ import annotations

from satclip_engine.harness.datasets.dataset import DataSet
from satclip_engine.harness.datasets.records import local


def all_records() -> tuple[DataSet, ...]:
    """Return the record of every data set, the ones of ``$SATCLIP_DATA`` first."""
    return local.records()
