"""Random views of a picture from above: what stays true of it however it is turned, cut or lit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from satclip_engine.protocol import Views
from satclip_engine.raster.resample import resize_picture

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Part:
    """A rectangle of a picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, image: Bytes) -> Bytes:
        """Return the part of a picture or mask (..., H, W)."""
        return image[..., self.top : self.top + self.height, self.left : self.left + self.width]


def draw_part(image: Bytes, least_area: float, most_area: float, rng: np.random.Generator) -> Part:
    """Draw a part of a picture: its share of the area, its shape (3:4 to 4:3) and its place.

    Source: open_clip's and torchvision's RandomResizedCrop.

    Args:
        image: (..., H, W).
        least_area: Share of the picture's area.
        most_area: Share of the picture's area.
        rng: Source of randomness.
    """
    height, width = image.shape[-2:]
    share = rng.uniform(least_area, most_area)
    ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
    part_width = min(width, max(1, round(math.sqrt(height * width * share * ratio))))
    part_height = min(height, max(1, round(math.sqrt(height * width * share / ratio))))
    left, top = int(rng.integers(width - part_width + 1)), int(rng.integers(height - part_height + 1))
    return Part(left, top, part_width, part_height)


def turned(image: Bytes, turn: int) -> Bytes:
    """Return a picture or mask (..., H, W) in one of the eight symmetries of the square, ``turn`` in 0..7."""
    rotated = np.rot90(image, turn % 4, axes=(-2, -1))
    return rotated[..., ::-1] if turn >= 4 else rotated


def draw_turn(views: Views, rng: np.random.Generator, *, may_turn: bool) -> int:
    """Draw one of the eight symmetries, nothing being up in a picture from above; 0, as it is, if it may not turn."""
    turn = int(rng.integers(8))
    return turn if views.turn and may_turn else 0


def resized(image: Bytes, side_px: int) -> Bytes:
    """Return uint8 (C, side_px, side_px) of a picture (C, H, W)."""
    return resize_picture(image, side_px, side_px)


def resized_mask(mask: Bytes, side_px: int) -> Bytes:
    """Return uint8 (side_px, side_px) of codes (H, W), each pixel's the nearest."""
    codes = Image.fromarray(np.ascontiguousarray(mask))
    return np.asarray(codes.resize((side_px, side_px), Image.Resampling.NEAREST)).copy()


def recoloured(image: Bytes, views: Views, rng: np.random.Generator) -> Bytes:
    """Return uint8 (3, H, W) with another brightness, contrast and saturation, and sometimes without one channel.

    Args:
        image: uint8 (3, H, W).
        views: How much is varied.
        rng: Source of randomness.
    """
    brightness, contrast, saturation = np.exp(rng.uniform(-0.7, 0.7, 3) * views.colour).astype(np.float32)
    is_dropped, dropped = rng.random() < views.band_dropout, int(rng.integers(3))
    values = image.astype(np.float32) * brightness
    values = values.mean() + (values - values.mean()) * contrast
    grey = values.mean(axis=0, keepdims=True)
    values = grey + (values - grey) * saturation
    if is_dropped:
        values[dropped] = np.delete(values, dropped, axis=0).mean(axis=0)
    changed: Bytes = values.round().clip(0, 255).astype(np.uint8)
    return changed
