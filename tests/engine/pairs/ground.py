"""Layers on the ground of ``make_raster``: places named by the pixels of its raster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from satclip_engine.protocol import SampleFile
from shapely.geometry import box

LEFT, TOP = 600_000.0, 5_200_000.0


def pixels(col: float, row: float, width: float, height: float) -> Any:
    return box(LEFT + col, TOP - row - height, LEFT + col + width, TOP - row)


def layer_of(
    make_layer: Callable[..., Path], shapes: Sequence[Any], cover: Sequence[str], **options: Any
) -> SampleFile:
    return SampleFile(str(make_layer(shapes, cover=cover, **options)))
