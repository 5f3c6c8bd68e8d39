"""Global vectors of images: the encoder's answer for a whole picture, prepared as open_clip prepares pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from satclip_engine.config import Config
from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.source import check_bands
from satclip_engine.harness.context import TaskContext, batches
from satclip_engine.models.card import PICTURE_BANDS
from satclip_engine.models.encoder import Encoder, load_encoder
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
    pictures = (item.read_image() for item in context.counted(items, stage))
    return _vectors(context.encoder, pictures, context.scene_px)


def describe(pictures: Iterable[Bytes], *, model: str, device: str, config: Config) -> Float32:
    """Return the unit global vectors (N, D) of pictures under a model, which is loaded for them.

    Args:
        pictures: Each uint8 (C, H, W); a model of three channels sees the first three.
        model: Its id or path.
        device: As ``load_encoder`` takes it.
        config: Folders.

    Raises:
        ModelError: if the model cannot be used.
        DeviceError: if the device is absent.
        BandsError: ``bands.model`` if the model sees another number of channels than the pictures have.
    """
    encoder = load_encoder(model, device=device, config=config)
    seen = (_seen(encoder, picture) for picture in pictures)
    return _vectors(encoder, seen, encoder.card.scene_px or encoder.window_px)


def resize_note(context: TaskContext) -> str:
    """Return the sentence that says at which size pictures were seen."""
    return (
        f"Pictures were resized to {context.scene_px} px at their shorter side and the middle was cut out, as open_clip"
        " does."
    )


def _vectors(encoder: Encoder, pictures: Iterable[Bytes], side_px: int) -> Float32:
    runner = BatchRunner(encoder)
    parts = [np.zeros((0, encoder.embed_dim), np.float32)]
    for batch in batches(pictures, _BATCH):
        windows = np.stack([prepare(picture, side_px) for picture in batch])
        vectors = torch.nn.functional.normalize(runner.run(torch.from_numpy(windows)).cls, dim=-1)
        parts.append(vectors.cpu().numpy())
    return np.concatenate(parts)


def _seen(encoder: Encoder, picture: Bytes) -> Bytes:
    if encoder.channels == PICTURE_BANDS:
        return picture[:PICTURE_BANDS]
    check_bands(encoder, len(picture))
    return picture
