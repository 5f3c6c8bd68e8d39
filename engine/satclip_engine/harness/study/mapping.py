"""One image under one setting: the product's own steps, with the knobs that its requests do not have."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import torch

from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.encode import block_means, encode, windows_to_encode
from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.layout import CellBox, Layout
from satclip_engine.features.source import FeatureSource
from satclip_engine.harness.datasets import DataSet, SegmentationItem
from satclip_engine.harness.study.plan import Encoding
from satclip_engine.harness.study.upsamplers import Upsampler
from satclip_engine.heads.text_head import TextHead
from satclip_engine.questions.pixels import Axis, inner_cells
from satclip_engine.questions.scores import ScoreMap
from satclip_engine.questions.upsample import resample
from satclip_engine.raster.scene import open_scene
from satclip_engine.raster.windows import pixel_window

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EncodedImage:
    """An image with its features.

    Attributes:
        source: Scene, encoder, working grid and layout.
        features: The finished feature map.
        encode_s: What encoding took.
    """

    source: FeatureSource
    features: FeatureMap
    encode_s: float


@contextmanager
def encoded_image(
    item: SegmentationItem, dataset: DataSet, runner: BatchRunner, encoding: Encoding, cache_dir: Path
) -> Iterator[EncodedImage]:
    """Encode an image; its features are deleted at the end.

    Raises:
        SatclipError: if the image cannot be opened or encoded.
    """
    encoder = runner.encoder
    bands, scaling = item.bands or dataset.bands, item.scaling or dataset.scaling
    with open_scene(item.image, bands=bands, scaling=scaling) as scene, TemporaryDirectory(dir=cache_dir) as folder:
        own = scene.grid.gsd_m if scene.grid.has_crs else 1.0
        grid = scene.grid if encoding.zoom == 1 else scene.working_grid(own / encoding.zoom, (None, None))
        cells, stride = encoding.window_cells(encoder.cell_px)
        source = FeatureSource(scene, encoder, grid, Layout(grid.height, grid.width, encoder.cell_px, cells, stride))
        features = source.open_map(Path(folder))
        chunks = list(source.layout.all_chunks())
        # Batches are padded to their full size: a chip of one window would be timed as eight.
        fitting = copy(runner)
        fitting.batch_size = min(runner.batch_size, len(windows_to_encode(features, chunks)))
        started_s = time.perf_counter()
        encode(scene, grid, fitting, features, chunks, on_chunk=lambda _: None, on_windows=lambda _: None)
        yield EncodedImage(source, features, time.perf_counter() - started_s)


def label(image: EncodedImage, head: TextHead, upsampler: Upsampler) -> tuple[Labels, float]:
    """Return the class position of every pixel, int64 (H, W), and the seconds it took from features to labels."""
    started_s = time.perf_counter()
    source, layout = image.source, image.source.layout
    grid = source.scene.grid
    rows = Axis.of_pixels(0, grid.height, source.working_per_row)
    cols = Axis.of_pixels(0, grid.width, source.working_per_col)
    inner = inner_cells(layout, rows, cols)
    factor = upsampler.factor(layout.cell_px, source.working_per_row)
    margin = CellBox(inner.row_start - 1, inner.row_stop + 1, inner.col_start - 1, inner.col_stop + 1)
    scores = ScoreMap(image.features, head, layout.chunk_rows * layout.chunk_cols).read(margin)
    chip = source.scene.read(pixel_window(inner, layout.cell_px), source.grid)
    guide = torch.from_numpy(block_means(chip.picture, layout.cell_px // factor))
    fine = torch.softmax(upsampler(scores, guide) * head.temperature, dim=0)
    scale = factor / layout.cell_px
    row = torch.from_numpy(rows.centres * scale - 0.5 - inner.row_start * factor)
    col = torch.from_numpy(cols.centres * scale - 0.5 - inner.col_start * factor)
    labels = resample(fine, row, col).max(0).indices.numpy()
    return labels, time.perf_counter() - started_s
