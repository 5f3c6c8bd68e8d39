"""Global vectors of images: the encoder's answer for a whole picture, prepared as open_clip prepares pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.harness.context import TaskContext, batches
from satclip_engine.raster.resample import resize_picture

Bytes = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

_BATCH = 64


class PictureItem(Protocol):
    """Whatever can read its picture."""

    def read_image(self) -> Bytes:
        """Return uint8 (3, H, W)."""
        ...


def prepare(image: Bytes, side_px: int) -> Bytes:
    """Return a picture as the model sees it as a whole: the shorter side resized to ``side_px``, the middle cut out.

    Args:
        image: (C, H, W) uint8.
        side_px: Side of the result.

    Returns:
        (C, side_px, side_px) uint8.

    Source: open_clip ``image_transform`` with ``resize_mode="shortest"``: bicubic resize, then centre crop.
    """
    height, width = image.shape[1:]
    shorter = min(height, width)
    width, height = side_px * width // shorter, side_px * height // shorter
    picture = resize_picture(image, height, width)
    left, top = round((width - side_px) / 2), round((height - side_px) / 2)
    return np.ascontiguousarray(picture[:, top : top + side_px, left : left + side_px])


def image_vectors(context: TaskContext, items: Sequence[PictureItem], stage: str) -> Float32:
    """Return the unit global vectors (N, D) of the items' pictures.

    Args:
        context: Of the task; its encoder runs the head variant that keeps the model's own global vector.
        items: In the order of the rows.
        stage: What the progress says.
    """
    runner = BatchRunner(context.encoder)
    parts = [np.zeros((0, context.encoder.embed_dim), np.float32)]
    for batch in batches(context.counted(items, stage), _BATCH):
        windows = np.stack([prepare(item.read_image(), context.scene_px) for item in batch])
        vectors = torch.nn.functional.normalize(runner.run(torch.from_numpy(windows)).cls, dim=-1)
        parts.append(vectors.cpu().numpy())
    return np.concatenate(parts)


def resize_note(context: TaskContext) -> str:
    """Return the sentence that says at which size pictures were seen."""
    return (
        f"Pictures were resized to {context.scene_px} px at their shorter side and the middle was cut out, as open_clip"
        " does."
    )
