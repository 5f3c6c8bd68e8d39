"""The task "segmentation": the product's own maps, scored on every labelled pixel of the reference."""

from __future__ import annotations

import io
import shutil
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image
from rasterio.windows import Window

from satclip_engine.evaluation.boundaries import boundary_counts
from satclip_engine.evaluation.segmentation import confusion_matrix
from satclip_engine.evaluation.tuning import PixelSample
from satclip_engine.harness.context import TaskContext, TaskResult
from satclip_engine.harness.features import features_of
from satclip_engine.harness.pictures import shrink_labels
from satclip_engine.harness.segmentation_result import summarise
from satclip_engine.products.rasters import PROBABILITIES, PROBABILITY_STEPS, THEMATIC
from satclip_engine.protocol import ClassSet, Outputs, SegmentRequest
from satclip_engine.questions.segment import segment
from satclip_engine.raster.gdal import open_raster

if TYPE_CHECKING:
    from satclip_engine.harness.datasets import SegmentationItem

# Enough for a threshold and one offset per class, and small enough for thousands of images.
SAMPLED_PX = 20_000
BOUNDARY_TOLERANCE_PX = 3
_BLOCK_ROWS_PX = 512

Labels = npt.NDArray[np.int16]


@dataclass(frozen=True)
class ScoredImage:
    """What is kept of one image.

    Attributes:
        item: The image.
        confusion: int64 (K, K + 1): rows = reference, columns = map, the last one "no class".
        boundaries: int64 (K, 4), see ``boundaries.boundary_counts``.
        sample: Drawn pixels with their probabilities.
        picture: The map's class positions as a small PNG of bytes, 255 = no class.
    """

    item: SegmentationItem
    confusion: npt.NDArray[np.int64]
    boundaries: npt.NDArray[np.int64]
    sample: PixelSample
    picture: bytes

    def small_map(self) -> npt.NDArray[np.uint8]:
        """Return the map's class positions at picture size, 255 = no class."""
        return np.asarray(Image.open(io.BytesIO(self.picture)))


def evaluate_segmentation(context: TaskContext, items: Sequence[SegmentationItem]) -> TaskResult:
    """Map every image with ``segment``, as a user would, and score the maps.

    Raises:
        SatclipError: if an image cannot be mapped.
    """
    scored = [_score(context, item) for item in context.counted(items, "segment")]
    return summarise(context, scored, BOUNDARY_TOLERANCE_PX)


def _score(context: TaskContext, item: SegmentationItem) -> ScoredImage:
    classes = context.dataset.classes
    folder = context.folder / uuid.uuid4().hex
    request = SegmentRequest(
        scene=str(item.image),
        classes=classes,
        out_dir=str(folder),
        features=features_of(context, item.image, bands=item.bands, scaling=item.scaling, gsd_m=item.gsd_m),
        text=context.options.text,
        outputs=Outputs(confidence=False),
    )
    segment(
        request,
        config=context.config,
        progress=lambda _: None,
        check_cancelled=context.check_cancelled,
        job_id=folder.name,
        encoder=context.encoder,
    )
    try:
        reference = item.read_reference()
        with open_raster(folder / THEMATIC) as raster:
            mapped = positions(raster.read(1))
        return ScoredImage(
            item=item,
            confusion=_confusion(reference, mapped, len(classes)),
            boundaries=boundary_counts(reference, mapped, len(classes), BOUNDARY_TOLERANCE_PX),
            sample=sample_pixels(item.id, reference, folder / PROBABILITIES, context.options.seed),
            picture=_as_png(mapped, classes),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def positions(codes: npt.NDArray[np.integer]) -> Labels:
    """Return class positions from 0 of thematic codes (H, W); nodata becomes -1, unknown becomes K."""
    return np.asarray(codes.astype(np.int16) - 1)


def _confusion(reference: Labels, mapped: Labels, n_classes: int) -> npt.NDArray[np.int64]:
    total = np.zeros((n_classes, n_classes + 1), np.int64)
    for row in range(0, len(reference), _BLOCK_ROWS_PX):
        rows = slice(row, row + _BLOCK_ROWS_PX)
        total += confusion_matrix(reference[rows], mapped[rows], n_classes)
    return total


def sample_pixels(item_id: str, reference: Labels, probabilities: Path, seed: int) -> PixelSample:
    """Draw labelled pixels without replacement, every one with the same chance, and read their probabilities.

    Args:
        item_id: Decides the draw together with ``seed``.
        reference: (H, W) class positions, -1 ignored.
        probabilities: Path of the product.
        seed: Of the draw.
    """
    rng = np.random.default_rng([seed, zlib.crc32(item_id.encode())])
    starts = range(0, len(reference), _BLOCK_ROWS_PX)
    known = [int(np.count_nonzero(reference[row : row + _BLOCK_ROWS_PX] >= 0)) for row in starts]
    drawn = min(SAMPLED_PX, sum(known))
    quota = rng.multivariate_hypergeometric(known, drawn) if drawn else np.zeros(len(known), np.int64)
    values: list[npt.NDArray[np.float32]] = []
    truth: list[npt.NDArray[np.int16]] = []
    with open_raster(probabilities) as raster:
        for row, count in zip(starts, quota, strict=True):
            if count:
                part = reference[row : row + _BLOCK_ROWS_PX]
                chosen = np.sort(rng.choice(np.flatnonzero(part >= 0), int(count), replace=False))
                truth.append(part.ravel()[chosen])
                values.append(_read_probabilities(raster, row, part.shape, chosen))
        n_classes = raster.count
    empty = np.zeros((0, n_classes), np.float32)
    return PixelSample(
        item_id,
        np.concatenate([empty, *values]).astype(np.float16),
        np.concatenate([np.zeros(0, np.int16), *truth]).astype(np.int64),
        weight=sum(known) / max(drawn, 1),
    )


def _read_probabilities(
    raster: rasterio.DatasetReader, row: int, shape: tuple[int, ...], chosen: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Return (n, K) probabilities of the pixels ``chosen`` (flat positions in a block of rows); nodata counts as 0."""
    steps = raster.read(window=Window(0, row, shape[1], shape[0]))
    picked = steps.reshape(len(steps), -1)[:, chosen].T
    return np.asarray(np.where(picked > PROBABILITY_STEPS, 0, picked) / np.float32(PROBABILITY_STEPS), dtype=np.float32)


def _as_png(mapped: Labels, classes: ClassSet) -> bytes:
    small = shrink_labels(mapped)
    inside = (small >= 0) & (small < len(classes))  # type: ignore[operator]
    stream = io.BytesIO()
    Image.fromarray(np.where(inside, small, 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()
