"""Random views of a picture from above: what stays true of it however it is turned, cut or lit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from satclip_engine.protocol import Views

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Cut:
    """A square part of a picture and how it is turned.

    Attributes:
        left: In pixels of the picture.
        top: In pixels of the picture.
        width: In pixels of the picture.
        height: In pixels of the picture.
        quarter_turns: Counter-clockwise, after cutting.
        mirrored: Left and right exchanged, after turning.
    """

    left: int
    top: int
    width: int
    height: int
    quarter_turns: int = 0
    mirrored: bool = False


def draw_cut(height: int, width: int, views: Views, rng: np.random.Generator, *, may_turn: bool) -> Cut:
    """Draw a part of a picture: its share of the area, its shape (3:4 to 4:3) and its place.

    Source: open_clip's and torchvision's RandomResizedCrop; all eight symmetries of the square, since nothing is up
    in a picture from above.

    Args:
        height: Of the picture, in pixels.
        width: Of the picture.
        views: How much is varied.
        rng: Source of randomness.
        may_turn: Whether the picture's captions stay true when it is turned.
    """
    share = rng.uniform(views.least_area, 1.0)
    ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
    cut_width = min(width, max(1, round(math.sqrt(height * width * share * ratio))))
    cut_height = min(height, max(1, round(math.sqrt(height * width * share / ratio))))
    left, top = int(rng.integers(width - cut_width + 1)), int(rng.integers(height - cut_height + 1))
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    if not (views.turn and may_turn):
        turns, mirrored = 0, False
    return Cut(left, top, cut_width, cut_height, turns, mirrored)


def take(image: Bytes, cut: Cut, side_px: int, resample: Image.Resampling = Image.Resampling.BICUBIC) -> Bytes:
    """Return a part of a picture, resized and turned.

    Args:
        image: uint8 (3, H, W), or (H, W) for a mask (with ``Resampling.NEAREST``).
        cut: Which part.
        side_px: Side of the result.
        resample: Pillow's filter.

    Returns:
        uint8 (3, side_px, side_px), or (side_px, side_px).
    """
    part = image[..., cut.top : cut.top + cut.height, cut.left : cut.left + cut.width]
    last = np.moveaxis(part, 0, -1) if part.ndim == 3 else part
    resized = np.asarray(Image.fromarray(np.ascontiguousarray(last)).resize((side_px, side_px), resample))
    turned = np.rot90(resized, cut.quarter_turns)
    turned = turned[:, ::-1] if cut.mirrored else turned
    return np.ascontiguousarray(np.moveaxis(turned, -1, 0) if part.ndim == 3 else turned)


def recolour(image: Bytes, views: Views, rng: np.random.Generator) -> Bytes:
    """Return uint8 (3, H, W) with another brightness, contrast and saturation, and sometimes without one channel.

    Args:
        image: uint8 (3, H, W).
        views: How much is varied.
        rng: Source of randomness.
    """
    brightness, contrast, saturation = np.exp(rng.uniform(-0.7, 0.7, 3) * views.colour)
    lost, dropped = rng.random() < views.band_dropout, int(rng.integers(3))
    values = image.astype(np.float32) * np.float32(brightness)
    values = values.mean() + (values - values.mean()) * np.float32(contrast)
    grey = values.mean(axis=0, keepdims=True)
    values = grey + (values - grey) * np.float32(saturation)
    if lost:
        values[dropped] = np.delete(values, dropped, axis=0).mean(axis=0)
    recoloured: Bytes = values.round().clip(0, 255).astype(np.uint8)
    return recoloured
