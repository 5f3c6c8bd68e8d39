"""What the study learns from and is scored on: scenes of AID, cells of Dubai."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from rasterio.windows import Window

from satclip_engine.config import Config
from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.harness.context import EvaluateOptions, TaskContext
from satclip_engine.harness.datasets import IGNORED, DataSet, SceneItem, SegmentationItem, find_dataset
from satclip_engine.harness.run import GLOBAL_HEAD_VARIANT
from satclip_engine.harness.study.mapping import encoded_image
from satclip_engine.harness.study.plan import base_setting
from satclip_engine.harness.vectors import image_vectors
from satclip_engine.heads.text_head import Ground, TextHead
from satclip_engine.models.encoder import encoder_for
from satclip_engine.protocol import FeatureOptions, TextOptions

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

# Pixels of a cell that the baseline on raw bands sees: enough for its colours, few enough for a forest.
RAW_PIXELS = 24
_HISTOGRAM_BINS = 8
DUBAI_TILE = "tile7"
_BLOCKS_PER_PART = 1_000_000
_GROUND_CELLS = 300


@dataclass(frozen=True, eq=False)
class Pool:
    """Things with a class: scenes or cells.

    Attributes:
        name: Of the data set.
        metric: ``top-1`` or ``mean IoU``.
        class_names: K names.
        words: The zero-shot head of the classes.
        vectors: float32 (N, D) tokens.
        window_vectors: float32 (N, D) global features over each cell; None where the vectors are global themselves.
        labels: int64 (N,).
        places: int64 (N,) blocks of neighbours that share windows; one scene each.
        regions: int64 (N,) larger parts: things of one region are never learned from and scored at once.
        cells: int64 (N, 2) row and column of a cell in its region; zeros for scenes.
        raw: float32 (N, M, F): what a method without the encoder sees, M looks of F values each.
    """

    name: str
    metric: str
    class_names: tuple[str, ...]
    words: TextHead
    vectors: Float32
    window_vectors: Float32 | None
    labels: Int64
    places: Int64
    regions: Int64
    cells: Int64
    raw: Float32


def aid_pool(model: str, data: Path, config: Config, folder: Path) -> Pool:
    """Return the 1,027 AID test scenes, each a place of its own.

    Raises:
        SatclipError: if the set is missing or the model cannot be used.
    """
    dataset = find_dataset("aid_rsicd", data)
    options = EvaluateOptions(FeatureOptions(model=model, head_variant=GLOBAL_HEAD_VARIANT))
    encoder = encoder_for(options.features, config)
    context = TaskContext(dataset, options, config, encoder, folder, lambda _update: None, lambda: None)
    items = cast("Sequence[SceneItem]", dataset.items("test", "classification"))
    return Pool(
        name="aid_rsicd",
        metric="top-1",
        class_names=dataset.classes.names,
        words=TextHead.from_classes(encoder, dataset.classes, TextOptions()),
        vectors=image_vectors(context, items, "encode"),
        window_vectors=None,
        labels=np.array([item.label for item in items], np.int64),
        places=np.arange(len(items)),
        regions=np.arange(len(items)),
        cells=np.zeros((len(items), 2), np.int64),
        raw=np.stack([colour_statistics(item.read_image()) for item in items])[:, None],
    )


def dubai_pool(model: str, data: Path, config: Config, folder: Path) -> Pool:
    """Return the cells of Dubai's tile 7, which training never saw, each with the class of most of its pixels.

    A region is one of the nine parts of the tile, a place a window's side of it.

    Raises:
        SatclipError: if the set is missing or the model cannot be used.
    """
    dataset = find_dataset("dubai_mbrsc", data)
    encoder = encoder_for(FeatureOptions(model=model), config)
    runner = BatchRunner(encoder)
    parts = cast("Sequence[SegmentationItem]", dataset.items(DUBAI_TILE, "segmentation"))
    cells = [_cells_of(item, dataset, runner, folder) for item in parts]
    regions = [np.full(len(part.labels), position) for position, part in enumerate(cells)]
    vectors = np.concatenate([part.vectors for part in cells])
    places = [part.blocks + _BLOCKS_PER_PART * position for position, part in enumerate(cells)]
    return Pool(
        name=f"dubai_mbrsc {DUBAI_TILE}",
        metric="mean IoU",
        class_names=dataset.classes.names,
        words=grounded(TextHead.from_classes(encoder, dataset.classes, TextOptions()), vectors),
        vectors=vectors,
        window_vectors=np.concatenate([part.window_vectors for part in cells]),
        labels=np.concatenate([part.labels for part in cells]),
        places=np.concatenate(places),
        regions=np.concatenate(regions),
        cells=np.concatenate([part.cells for part in cells]),
        raw=np.concatenate([part.raw for part in cells]),
    )


def colour_statistics(image: npt.NDArray[np.uint8]) -> Float32:
    """Return mean, deviation and histogram of each band of (3, H, W), float32 (30,): a scene without an encoder."""
    flat = image.reshape(len(image), -1).astype(np.float32)
    histograms = [np.histogram(band, _HISTOGRAM_BINS, (0, 256))[0] / band.size for band in flat]
    return np.concatenate([flat.mean(1), flat.std(1), *histograms]).astype(np.float32)


def grounded(words: TextHead, vectors: Float32) -> TextHead:
    """Return the words with their answers on some of ``vectors``, as the product does with a scene."""
    drawn = np.random.default_rng(0).permutation(len(vectors))[:_GROUND_CELLS]
    tokens = torch.from_numpy(vectors[drawn])
    return replace(words, ground=Ground(tokens, words.pool(tokens @ words.vectors.T)))


@dataclass(frozen=True, eq=False)
class _Cells:
    vectors: Float32
    window_vectors: Float32
    labels: Int64
    blocks: Int64
    cells: Int64
    raw: Float32


def _cells_of(item: SegmentationItem, dataset: DataSet, runner: BatchRunner, folder: Path) -> _Cells:
    reference = item.read_reference()
    encoder = runner.encoder
    with encoded_image(item, dataset, runner, base_setting(encoder).encoding, folder) as image:
        layout, side_px = image.source.layout, encoder.cell_px
        height, width = reference.shape
        pixels = image.source.scene.read(Window(0, 0, width, height), image.source.grid).image
        found: list[tuple[Float32, Float32, int, int, tuple[int, int], Float32]] = []
        rng = np.random.default_rng(0)
        for chunk in layout.all_chunks():
            box = layout.chunk_box(chunk)
            tokens = image.features.read(chunk).tokens
            globals_ = image.features.read_globals(layout.chunk_windows(chunk))
            blended = image.features.blend_windows(chunk, globals_, np.any(globals_, axis=1))
            for row in range(box.row_start, min(box.row_stop, height // side_px)):
                for col in range(box.col_start, min(box.col_stop, width // side_px)):
                    place = np.s_[row * side_px : (row + 1) * side_px, col * side_px : (col + 1) * side_px]
                    label = majority(reference[place])
                    if label == IGNORED:
                        continue
                    looks = pixels[(slice(None), *place)].reshape(len(pixels), -1).T
                    chosen = looks[rng.choice(len(looks), RAW_PIXELS, replace=False)].astype(np.float32)
                    at = row - box.row_start, col - box.col_start
                    block = row // layout.window_cells * 1000 + col // layout.window_cells
                    found.append((tokens[at], blended[at], label, block, (row, col), chosen))
    vectors, windows, labels, blocks, places, raw = zip(*found, strict=True)
    return _Cells(
        np.stack(vectors),
        np.stack(windows),
        np.array(labels, np.int64),
        np.array(blocks, np.int64),
        np.array(places, np.int64),
        np.stack(raw),
    )


def majority(codes: npt.NDArray[np.int16]) -> int:
    """Return the class of more than half of the pixels, or ``IGNORED``."""
    counts = np.bincount(codes[codes >= 0].ravel().astype(np.int64), minlength=1)
    return int(counts.argmax()) if counts.max() * 2 > codes.size else IGNORED
