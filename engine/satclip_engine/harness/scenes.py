"""Scenes with their features, for tasks that the product has no question for yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.cache import wait_for_write_lock
from satclip_engine.features.encode import block_means, encode
from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.layout import CellBox
from satclip_engine.features.source import FeatureSource
from satclip_engine.harness.context import TaskContext
from satclip_engine.harness.features import features_of
from satclip_engine.heads.text_head import TextHead
from satclip_engine.questions.pixels import Axis, PixelMapper, fine_factor, inner_cells
from satclip_engine.questions.scores import ScoreMap
from satclip_engine.questions.upsample import bilinear_upsample, resample
from satclip_engine.raster.scene import open_scene
from satclip_engine.raster.windows import pixel_window

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EncodedScene:
    """A scene whose features are all there; small enough to be looked at as a whole.

    Attributes:
        source: Scene, encoder and working grid.
        feature_map: Complete.
    """

    source: FeatureSource
    feature_map: FeatureMap

    @property
    def rows(self) -> Axis:
        """The scene's pixel rows."""
        return Axis.of_pixels(0, self.source.scene.grid.height, self.source.working_per_row)

    @property
    def cols(self) -> Axis:
        """The scene's pixel columns."""
        return Axis.of_pixels(0, self.source.scene.grid.width, self.source.working_per_col)

    def probabilities(self, head: TextHead, *, guided: bool) -> Float32:
        """Return class probabilities (K, H, W) on the scene's pixels, as ``segment`` writes them."""
        layout = self.source.layout
        scores = ScoreMap(self.feature_map, head, keep_chunks=layout.chunk_rows * layout.chunk_cols)
        mapper = PixelMapper(layout, scores, head.temperature, fine_factor(layout.cell_px, self.source.working_per_row))
        guide = self._guide(mapper.factor) if guided else None
        return np.asarray(mapper.probabilities(self.rows, self.cols, guide).probabilities.numpy())

    def logits(self, head: TextHead) -> Float32:
        """Return class logits (K, H, W) on the scene's pixels, bilinear between cells."""
        layout = self.source.layout
        scores = ScoreMap(self.feature_map, head, keep_chunks=layout.chunk_rows * layout.chunk_cols)
        return self._on_pixels(scores.read(CellBox(-1, layout.rows + 1, -1, layout.cols + 1)).logits)

    def tokens(self) -> Float32:
        """Return the unit features of all cells (rows, cols, D); zero where no window had valid pixels."""
        layout = self.source.layout
        tokens = np.zeros((layout.rows, layout.cols, self.feature_map.dim), np.float32)
        for chunk in layout.all_chunks():
            box = layout.chunk_box(chunk)
            tokens[box.slices_in(CellBox(0, layout.rows, 0, layout.cols))] = self.feature_map.read(chunk).tokens
        norms = np.linalg.norm(tokens, axis=-1, keepdims=True)
        return np.asarray(tokens / np.maximum(norms, 1e-12))

    def cells_to_pixels(self, values: Float32) -> Float32:
        """Return values of cells (K, rows, cols) on the scene's pixels (K, H, W), bilinear."""
        padded = torch.nn.functional.pad(torch.from_numpy(values)[None], (1, 1, 1, 1), mode="replicate")[0]
        return self._on_pixels(padded)

    def _on_pixels(self, cells: Tensor) -> Float32:
        """Interpolate values of cells with a margin of one, (K, rows + 2, cols + 2), to the scene's pixels."""
        side = self.source.layout.cell_px
        factor = fine_factor(side, self.source.working_per_row)
        fine = bilinear_upsample(cells, factor)
        row = torch.from_numpy(self.rows.centres * factor / side - 0.5)
        col = torch.from_numpy(self.cols.centres * factor / side - 0.5)
        return np.asarray(resample(fine, row, col).numpy())

    def _guide(self, factor: int) -> npt.NDArray[np.uint8]:
        layout = self.source.layout
        box = inner_cells(layout, self.rows, self.cols)
        chip = self.source.scene.read(pixel_window(box, layout.cell_px), self.source.grid)
        return block_means(chip.picture, layout.cell_px // factor)


@contextmanager
def encoded_scene(context: TaskContext, image: Path) -> Iterator[EncodedScene]:
    """Open an image and encode what is not cached yet.

    Raises:
        SatclipError: if it cannot be read or encoded.
    """
    options = features_of(context, image)
    with open_scene(image, bands=options.bands, scaling=options.scaling) as scene:
        source = FeatureSource.of(scene, context.encoder, options)
        feature_map = source.open_map(context.config.cache_dir)
        chunks = list(source.layout.all_chunks())
        if feature_map.missing(chunks):
            with wait_for_write_lock(feature_map.path, context.check_cancelled):
                feature_map.reload()
                runner = BatchRunner(context.encoder)
                encode(
                    scene,
                    source.grid,
                    runner,
                    feature_map,
                    chunks,
                    on_chunk=lambda _: None,
                    on_windows=lambda _: context.check_cancelled(),
                )
        yield EncodedScene(source, feature_map)
