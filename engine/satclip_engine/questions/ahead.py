"""Encoding while nobody asks: one chunk after the other, stopped at once when somebody does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.cache import write_lock
from satclip_engine.features.encode import WindowFeatures, encode
from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.layout import Chunk, WindowIndex
from satclip_engine.features.source import FeatureSource


class _StoppedError(Exception):
    """Somebody asks: the windows encoded so far are kept."""


class Ahead:
    """Chunks of one feature map that are wanted soon, the most wanted first.

    Args:
        source: What the map is made from.
        feature_map: Where the chunks go.
        todo: The wanted chunks.

    Attributes:
        source: As given.
    """

    def __init__(self, source: FeatureSource, feature_map: FeatureMap, todo: Sequence[Chunk]) -> None:
        self.source = source
        self._map = feature_map
        self._todo = list(todo)
        self._ready: dict[WindowIndex, WindowFeatures] = {}

    def go_on_from(self, earlier: Ahead | None) -> Ahead:
        """Take over the windows that ``earlier`` encoded for the chunk that comes first here too; return this."""
        if earlier is not None and earlier._map is self._map and earlier._todo[:1] == self._todo[:1]:
            self._ready = earlier._ready
        return self

    def encode_next(self, runner: BatchRunner, should_stop: Callable[[], bool]) -> bool:
        """Encode the first chunk.

        Args:
            runner: The encoder in batches.
            should_stop: Asked between batches; True ends the call early, and the next one goes on from there.

        Returns:
            Whether a chunk was finished.
        """
        if not self._todo:
            return False

        def on_windows(_: int) -> None:
            if should_stop():
                raise _StoppedError

        with write_lock(self._map.path) as held:
            if not held:  # a job is encoding this scene; its chunks appear by themselves
                return False
            self._map.reload()
            try:
                encode(
                    self.source.scene,
                    self.source.grid,
                    runner,
                    self._map,
                    self._todo[:1],
                    on_chunk=lambda _: None,
                    on_windows=on_windows,
                    ready=self._ready,
                )
            except _StoppedError:
                return False
        self._todo.pop(0)
        return True
