"""Resizing bytes: one antialiased filter for reductions and enlargements, the same whichever window is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Span:
    """Source pixels needed along one axis for some target pixels.

    Attributes:
        start: First source pixel to read, margin included.
        stop: One past the last.
        box_start: Where the target starts, in source pixels from ``start``.
        box_stop: Where the target ends, in source pixels from ``start``.
    """

    start: int
    stop: int
    box_start: float
    box_stop: float


def source_span(target_start: int, target_stop: int, scale: float, source_length: int) -> Span:
    """Return the source pixels for target pixels [start, stop), with the filter's margin, clipped to the source.

    Args:
        target_start: First target pixel.
        target_stop: One past the last target pixel.
        scale: Source pixels per target pixel.
        source_length: Source pixels along this axis.
    """
    first, last = target_start * scale, min(target_stop * scale, source_length)
    margin = math.ceil(max(1.0, scale)) + 1
    start = max(0, math.floor(first) - margin)
    stop = min(source_length, math.ceil(last) + margin)
    return Span(start, stop, first - start, last - start)


def resize(image: Bytes, rows: Span, cols: Span, height: int, width: int) -> Bytes:
    """Return (channels, height, width) from a source patch (channels, rows, cols) that ``source_span`` asked for.

    Bilinear where it enlarges, its area-weighted widening where it reduces: pixels near a window's border see the
    same neighbours as in any other window.
    """
    box = (cols.box_start, rows.box_start, cols.box_stop, rows.box_stop)
    resized = [
        np.asarray(Image.fromarray(channel).resize((width, height), Image.Resampling.BILINEAR, box))
        for channel in image
    ]
    return np.stack(resized)


def resize_picture(image: Bytes, height: int, width: int) -> Bytes:
    """Return a whole picture (channels, H, W) as (channels, height, width), resized as open_clip resizes pictures."""
    channels = [Image.fromarray(channel) for channel in np.ascontiguousarray(image)]
    return np.stack([np.asarray(channel.resize((width, height), Image.Resampling.BICUBIC)) for channel in channels])
