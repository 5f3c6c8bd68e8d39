"""Random views of training images: place, scale, turn, colour, haze, blur."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from satclip_engine.training.mini.architecture import MEAN, STD
from satclip_engine.training.mini.image_data import Bytes, LabelBits

LABEL_STRIDE_PX = 4


def random_view(
    image: Bytes, out_px: int, zoom: tuple[float, float], rng: np.random.Generator, labels: LabelBits | None = None
) -> tuple[Tensor, Tensor | None]:
    """Cut a random square, enlarge or shrink it to ``out_px``, turn and flip it.

    Args:
        image: uint8 (3, H, W).
        out_px: Side of the view.
        zoom: Range of the enlargement, drawn log-uniformly.
        rng: Source of randomness.
        labels: int64 (H, W) bits, cut alike.

    Returns:
        float32 (3, out_px, out_px) in 0..255, and int64 labels at one fourth of that resolution or None.
    """
    factor = math.exp(rng.uniform(math.log(zoom[0]), math.log(zoom[1])))
    side = int(min(max(out_px / factor, 32), *image.shape[1:]))
    top, left = (int(rng.integers(0, extent - side + 1)) for extent in image.shape[1:])
    view = torch.from_numpy(image[:, top : top + side, left : left + side].astype(np.float32))
    view = functional.interpolate(view[None], size=(out_px, out_px), mode="bilinear", antialias=side > out_px)[0]
    turn, flip = int(rng.integers(4)), bool(rng.integers(2))
    view = _turned(view, turn, flip)
    if labels is None:
        return view, None
    n = out_px // LABEL_STRIDE_PX
    at = ((np.arange(n) + 0.5) * side / n).astype(int)
    cut = torch.from_numpy(labels[np.ix_(top + at, left + at)])
    return view, _turned(cut[None], turn, flip)[0]


def jitter_colours(views: Tensor, generator: torch.Generator) -> Tensor:
    """Return the views in 0..1 with random gamma, gain per band, saturation, haze, blur, noise and order of bands.

    Args:
        views: float32 (N, 3, H, W) in 0..255.
        generator: Source of randomness.
    """
    n = len(views)

    def draw(low: float, high: float, bands: int = 1) -> Tensor:
        return torch.rand(n, bands, 1, 1, generator=generator) * (high - low) + low

    x = (views / 255).clamp(1e-3, 1) ** torch.exp(draw(-0.4, 0.4))
    x = x * draw(0.75, 1.3) * draw(0.88, 1.12, bands=3)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draw(0.4, 1.5)
    haze = draw(0, 0.35) * (draw(0, 1) < 0.3)
    x = x * (1 - haze) + haze * draw(0.5, 0.95, bands=3)
    colourless = draw(0, 1) < 0.04
    x = torch.where(colourless, x.mean(1, keepdim=True), x)
    swapped = draw(0, 1) < 0.04
    x = torch.where(swapped, x[:, torch.randperm(3, generator=generator)], x)
    blurred = functional.interpolate(functional.avg_pool2d(x, 2), scale_factor=2.0, mode="bilinear")
    x = torch.where(draw(0, 1) < 0.15, blurred, x)
    x = x + torch.randn(x.shape, generator=generator) * draw(0, 0.02)
    return x.clamp(0, 1)


def normalise(views: Tensor) -> Tensor:
    """Return views in 0..1 as the trunk expects them."""
    return (views - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def _turned(x: Tensor, turn: int, flip: bool) -> Tensor:
    x = torch.rot90(x, turn, (1, 2))
    return x.flip(2) if flip else x
