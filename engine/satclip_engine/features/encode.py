"""Filling a feature map: windows are read ahead, encoded in full batches, blended into chunks and stored."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.feature_map import ChunkFeatures, FeatureMap
from satclip_engine.features.layout import Chunk, WindowIndex
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.scene import Scene
from satclip_engine.raster.windows import pixel_window

_READ_AHEAD_BATCHES = 3


@dataclass(frozen=True)
class _WindowPixels:
    """A window as read: ``image`` is None where it has no valid pixel."""

    index: WindowIndex
    image: npt.NDArray[np.uint8] | None
    colours: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class WindowFeatures:
    """A window as encoded: unit tokens (h, w, D) and global (D,), float16; None where it has no valid pixel."""

    tokens: npt.NDArray[np.float16] | None
    cls: npt.NDArray[np.float16] | None
    colours: npt.NDArray[np.uint8]


def encode(
    scene: Scene,
    grid: Grid,
    runner: BatchRunner,
    feature_map: FeatureMap,
    chunks: Sequence[Chunk],
    *,
    on_chunk: Callable[[Chunk], None],
    on_windows: Callable[[int], None],
    ready: dict[WindowIndex, WindowFeatures] | None = None,
) -> None:
    """Encode the unfinished ones of ``chunks``, in their order, and store each as soon as it is complete.

    A chunk's content depends neither on the order nor on which chunks were stored before: windows are blended in
    their fixed order, and every batch has the same shape.

    Args:
        scene: Read through a handle of its own in another thread.
        grid: The working grid of ``feature_map.layout``.
        runner: The encoder in batches.
        feature_map: Where the chunks go; the caller holds its write lock.
        chunks: What is wanted.
        on_chunk: Called after each chunk of ``chunks``, also after those that were already finished.
        on_windows: Called with the number of windows done (of ``windows_to_encode``) around each batch; may raise
            to stop.
        ready: Windows encoded by an earlier call that was stopped; what this call leaves goes there too.
    """
    todo = set(feature_map.missing(chunks))
    ordered = [chunk for chunk in chunks if chunk in todo]
    ready = {} if ready is None else ready
    windows = [window for window in windows_to_encode(feature_map, ordered) if window not in ready]
    uses = Counter(window for chunk in ordered for window in feature_map.layout.chunk_windows(chunk))
    with _ReadAhead(scene, grid, feature_map, windows, runner.batch_size * _READ_AHEAD_BATCHES) as pixels:
        encoded = _encode_windows(pixels, runner, on_windows)
        for chunk in chunks:
            if chunk in todo:
                needed = feature_map.layout.chunk_windows(chunk)
                while any(window not in ready for window in needed):
                    index, features = next(encoded)
                    ready[index] = features
                _store(feature_map, chunk, {window: ready[window] for window in needed})
                _release(ready, uses, needed)
            on_chunk(chunk)


def windows_to_encode(feature_map: FeatureMap, chunks: Sequence[Chunk]) -> list[WindowIndex]:
    """Return the windows that the unfinished ones of ``chunks`` need, in the order in which they are read."""
    missing = feature_map.missing(chunks)
    return list(dict.fromkeys(window for chunk in missing for window in feature_map.layout.chunk_windows(chunk)))


def _release(
    ready: dict[WindowIndex, WindowFeatures], uses: Counter[WindowIndex], windows: Sequence[WindowIndex]
) -> None:
    """Forget windows that no later chunk needs: memory grows with the width of the scene, not with its area."""
    for window in windows:
        uses[window] -= 1
        if uses[window] == 0:
            del ready[window]


def _encode_windows(
    pixels: Iterator[_WindowPixels], runner: BatchRunner, on_windows: Callable[[int], None]
) -> Iterator[tuple[WindowIndex, WindowFeatures]]:
    """Yield the features of each window, in batches that are filled across chunk borders."""
    batch: list[_WindowPixels] = []
    for count, item in enumerate(pixels, start=1):
        if item.image is None:
            yield item.index, WindowFeatures(None, None, item.colours)
            continue
        batch.append(item)
        if len(batch) == runner.batch_size:
            yield from _run(batch, runner)
            batch = []
            on_windows(count)
    if batch:
        yield from _run(batch, runner)


def _run(batch: list[_WindowPixels], runner: BatchRunner) -> Iterator[tuple[WindowIndex, WindowFeatures]]:
    images = torch.from_numpy(np.stack([item.image for item in batch if item.image is not None]))
    features = runner.run(images)
    tokens = torch.nn.functional.normalize(features.tokens, dim=1).permute(0, 2, 3, 1)
    cls = torch.nn.functional.normalize(features.cls, dim=1)
    tokens16, cls16 = tokens.to(torch.float16).cpu().numpy(), cls.to(torch.float16).cpu().numpy()
    for item, window_tokens, window_cls in zip(batch, tokens16, cls16, strict=True):
        yield item.index, WindowFeatures(window_tokens, window_cls, item.colours)


def _store(feature_map: FeatureMap, chunk: Chunk, windows: dict[WindowIndex, WindowFeatures]) -> None:
    layout = feature_map.layout
    box = layout.chunk_box(chunk)
    tokens = np.zeros((*box.shape, feature_map.dim), dtype=np.float32)
    weights = np.zeros(box.shape, dtype=np.float32)
    colours = np.zeros((*box.shape, 4), dtype=np.uint8)
    vectors = {}
    for index, window in windows.items():
        window_box = layout.window_box(index)
        common = window_box.overlap(box)
        outer, inner = common.slices_in(window_box), common.slices_in(box)
        colours[inner] = window.colours[outer]
        if window.tokens is None or window.cls is None:
            continue
        feather = layout.feather[outer]
        tokens[inner] += feather[..., None] * window.tokens[outer]
        weights[inner] += feather
        vectors[index] = window.cls.astype(np.float32)
    tokens /= np.maximum(weights, 1e-6)[..., None]
    feature_map.write(chunk, ChunkFeatures(tokens, colours), vectors)


class _ReadAhead:
    """Reads windows in a thread of its own, a bounded number ahead of the encoder."""

    def __init__(
        self, scene: Scene, grid: Grid, feature_map: FeatureMap, windows: Sequence[WindowIndex], ahead: int
    ) -> None:
        self._scene, self._grid, self._map, self._windows = scene, grid, feature_map, windows
        self._queue: queue.Queue[_WindowPixels | BaseException | None] = queue.Queue(maxsize=ahead)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read_all, name="read-ahead", daemon=True)

    def __enter__(self) -> Iterator[_WindowPixels]:
        self._thread.start()
        return self._items()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:  # the reader may be waiting for room in the queue
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue

    def _items(self) -> Iterator[_WindowPixels]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _read_all(self) -> None:
        try:
            with self._scene.reopen() as scene:
                for index in self._windows:
                    if self._stop.is_set():
                        return
                    self._queue.put(self._read(scene, index))
            self._queue.put(None)
        except Exception as error:  # handed over and raised where the windows are asked for
            self._queue.put(error)

    def _read(self, scene: Scene, index: WindowIndex) -> _WindowPixels:
        box = self._map.layout.window_box(index)
        side = self._map.layout.cell_px
        chip = scene.read(pixel_window(box, side), self._grid)
        pixels = np.concatenate([chip.picture, np.where(chip.valid, np.uint8(255), np.uint8(0))[None]])
        colours = block_means(pixels, side).transpose(1, 2, 0)
        return _WindowPixels(index, chip.image if chip.valid.any() else None, colours)


def block_means(image: npt.NDArray[np.uint8], side_px: int) -> npt.NDArray[np.uint8]:
    """Return the mean of each block of pixels.

    Args:
        image: (C, rows * side_px, cols * side_px) uint8.
        side_px: Side of a block.

    Returns:
        (C, rows, cols) uint8.
    """
    if side_px == 1:
        return image
    # Adding strided lines is ten times faster here than a sum over a reshaped axis.
    lines = image[:, ::side_px].astype(np.uint32)
    for offset in range(1, side_px):
        lines += image[:, offset::side_px]
    sums = lines[:, :, ::side_px].copy()
    for offset in range(1, side_px):
        sums += lines[:, :, offset::side_px]
    return np.asarray((sums // (side_px * side_px)).astype(np.uint8))
