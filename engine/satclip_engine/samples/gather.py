"""From samples to examples: the features under what was drawn, read once and kept while the analyst goes on drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.layout import Chunk, Layout
from satclip_engine.features.source import FeatureSource
from satclip_engine.heads.examples import Examples
from satclip_engine.protocol import Sample
from satclip_engine.samples.cells import CellFrame, cells_under
from satclip_engine.samples.notes import GatherCounts, gather_notes
from satclip_engine.samples.places import places_of
from satclip_engine.samples.shapes import parse_shapes, repaired
from satclip_engine.samples.tokens import CellTokens, chunk_numbers, chunk_of

# Past this many examples every object gives fewer cells: memory and the time of a fit stay bounded.
MAX_EXAMPLES = 50_000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Gathered:
    """What lies under some samples.

    Attributes:
        examples: One row per cell; ``objects`` are the samples' places in the order they were given.
        notes: What was left out, and why.
        missing_chunks: Chunks that some sample needs and that are not finished, the last drawn sample's first.
        missing_fraction: Share of the samples' cells that lie in them, in [0, 1].
    """

    examples: Examples
    notes: tuple[str, ...]
    missing_chunks: tuple[Chunk, ...]
    missing_fraction: float


@dataclass(frozen=True)
class _Located:
    """A sample's geometry and the cells under it."""

    geometry: dict[str, Any]
    keys: Ints
    is_small: bool
    is_repaired: bool


class SampleGatherer:
    """Gathers the examples of one feature map again and again; only what changed is located and read anew.

    Args:
        feature_map: Where the features are.
        source: What the map was made from.
    """

    def __init__(self, feature_map: FeatureMap, source: FeatureSource) -> None:
        self._map = feature_map
        self._frame = CellFrame.of(source.layout, source.grid)
        self._tokens = CellTokens(feature_map)
        self._located: dict[str, _Located] = {}

    def gather(self, samples: Sequence[Sample]) -> Gathered:
        """Return the examples under ``samples`` as far as their chunks are finished.

        Each cell gives one example, of the last sample that covers it. A sample counts as nodata where less than
        half of its cell is valid, which is where the map has no class either.

        Raises:
            SamplesError: ``samples.geometry`` if a geometry cannot be used.
            ValueError: if two samples have one id.
        """
        located = self._locate(samples)
        keys, objects = _limited(located)
        labels = np.array([sample.label for sample in samples], dtype=np.int64)[objects]
        wanted = np.unique(keys)
        self._tokens.load(wanted)
        self._tokens.keep(wanted)
        known, rows = self._tokens.find(keys)
        last, contradictions = _last_of_each_cell(keys, labels)
        kept = last & (rows >= 0)
        layout = self._map.layout
        examples = Examples(
            vectors=self._tokens.vectors(rows[kept]),
            labels=labels[kept],
            objects=objects[kept],
            places=places_of(objects[kept], keys[kept] // layout.cols, keys[kept] % layout.cols, layout),
            window_vectors=self._tokens.window_vectors(rows[kept]),
        )
        per_sample = np.bincount(objects, minlength=len(samples))
        on_nodata = np.bincount(objects[known & (rows < 0)], minlength=len(samples))
        counts = GatherCounts(
            samples=len(samples),
            outside=int((per_sample == 0).sum()),
            on_nodata=int(((on_nodata == per_sample) & (per_sample > 0)).sum()),
            partly_on_nodata=int(((on_nodata > 0) & (on_nodata < per_sample)).sum()),
            contradictions=contradictions,
            small=sum(one.is_small for one in located),
            repaired=sum(one.is_repaired for one in located),
            cell_px=layout.cell_px,
            thinned_from=sum(len(one.keys) for one in located),
            thinned_to=len(keys),
        )
        missing_fraction = float((~known).mean()) if len(known) else 0.0
        return Gathered(examples, gather_notes(counts), _last_first(keys[~known], layout), missing_fraction)

    def _locate(self, samples: Sequence[Sample]) -> list[_Located]:
        """Return where the samples lie; those of the last call that did not change are not located again."""
        if len({sample.id for sample in samples}) != len(samples):
            raise ValueError("two samples have one id")
        # Equal geometries are found faster than a digest of them is made.
        kept = self._located
        new = [sample for sample in samples if sample.id not in kept or kept[sample.id].geometry != sample.geometry]
        found = _located(new, self._frame)
        fresh = {sample.id: one for sample, one in zip(new, found, strict=True)}
        self._located = {sample.id: fresh.get(sample.id) or kept[sample.id] for sample in samples}
        return [self._located[sample.id] for sample in samples]


def gather(feature_map: FeatureMap, source: FeatureSource, samples: Sequence[Sample]) -> Gathered:
    """Return the examples under ``samples`` once; see ``SampleGatherer.gather``."""
    return SampleGatherer(feature_map, source).gather(samples)


def chunks_under(source: FeatureSource, samples: Sequence[Sample]) -> tuple[Chunk, ...]:
    """Return the chunks that hold the features of ``samples``, the last sample's first.

    Raises:
        SamplesError: ``samples.geometry`` if a geometry cannot be used.
    """
    keys, _ = _limited(_located(samples, CellFrame.of(source.layout, source.grid)))
    return _last_first(keys, source.layout)


def _located(samples: Sequence[Sample], frame: CellFrame) -> list[_Located]:
    drawn = parse_shapes(samples)
    shapes, _ = repaired(drawn)
    under = cells_under(shapes, frame)
    return [
        _Located(sample.geometry, keys, bool(small), whole is not shape)
        for sample, keys, small, whole, shape in zip(samples, under.keys, under.is_small, shapes, drawn, strict=True)
    ]


def _limited(located: Sequence[_Located]) -> tuple[Ints, Ints]:
    """Return cell and sample of every example, both (N,), with so few cells a sample that the limit is kept."""
    counts = np.array([len(one.keys) for one in located], dtype=np.int64)
    most = int(counts.max(initial=0))
    while most > 1 and int(np.minimum(counts, most).sum()) > MAX_EXAMPLES:
        most = most * 9 // 10
    keys = [np.empty(0, dtype=np.int64), *(one.keys[:most] for one in located)]
    return np.concatenate(keys), np.repeat(np.arange(len(located)), np.minimum(counts, most))


def _last_of_each_cell(keys: Ints, labels: Ints) -> tuple[npt.NDArray[np.bool_], int]:
    """Return which examples are the last of their cell, (N,) bool, and how many cells have several labels."""
    _, backwards = np.unique(keys[::-1], return_index=True)
    last = np.zeros(len(keys), dtype=bool)
    last[len(keys) - 1 - backwards] = True
    order = np.lexsort((labels, keys))
    same_cell = np.diff(keys[order]) == 0
    differs = same_cell & (np.diff(labels[order]) != 0)
    return last, len(np.unique(keys[order][1:][differs]))


def _last_first(keys: Ints, layout: Layout) -> tuple[Chunk, ...]:
    numbers, backwards = np.unique(chunk_numbers(keys, layout)[::-1], return_index=True)
    return tuple(chunk_of(number, layout) for number in numbers[np.argsort(backwards)])
