"""A scene of three grounds and samples on them, for the tests of teaching."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from satclip_engine.protocol import FeatureOptions, FitRequest, Sample, parse_classes

Make = Callable[..., Path]
CLASSES = parse_classes("water #0000FF; forest #00AA00; road #777777")
LEFT, TOP = 600_000.0, 5_200_000.0
# Ground of each third of the width: colour and how rough it is.
GROUNDS = (((30, 60, 160), 4), ((40, 120, 50), 40), ((200, 190, 180), 15))


def grounds(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Return (3, height, width) uint8: three vertical stripes of different colour and roughness."""
    rng = np.random.default_rng(seed)
    data = np.empty((3, height, width), dtype=np.uint8)
    edges = np.linspace(0, width, len(GROUNDS) + 1).astype(int)
    for (colour, rough), start, stop in zip(GROUNDS, edges[:-1], edges[1:], strict=True):
        noise = rng.normal(0, rough, (1, height, stop - start))
        data[:, :, start:stop] = (np.array(colour)[:, None, None] + noise).clip(1, 255)
    return data


def truth_of(col: float, width: int) -> int:
    """Return the class of the ground at a column."""
    return min(int(col * 3 / width), 2)


def point(number: int, label: int, col: float, row: float) -> Sample:
    """Return a sample at a pixel of a scene with 1 m pixels."""
    return Sample(str(number), label, {"type": "Point", "coordinates": [LEFT + col, TOP - row]})


def scattered(count: int, width: int, height: int, seed: int = 1) -> tuple[Sample, ...]:
    """Return true samples, the classes in turn."""
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(count):
        label = number % 3
        col, row = (label + rng.uniform(0.1, 0.9)) * width / 3, rng.uniform(8, height - 8)
        samples.append(point(number, label, col, row))
    return tuple(samples)


def fit_request(scene: Path, model: Path, samples: tuple[Sample, ...], **changes: Any) -> FitRequest:
    """Return a request with the small model."""
    options = FeatureOptions(model=str(model), device="cpu", precision="fp32")
    return FitRequest(str(scene), changes.get("classes", CLASSES), samples, options)
