"""Losses between regions of images, and between images and texts some of which share a meaning.

Source: FarSLIP (arXiv:2511.14901) and algorithms.md §4; checked against its published code's numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def pool_regions(tokens: Tensor, boxes: Tensor) -> Tensor:
    """Return the mean token of each box: RoIAlign to as many bins as the map has cells, averaged.

    A box within the image is no larger than the map, so RoIAlign's adaptive rule takes one sample per bin, at its
    centre, and a sample is the bilinear value there. Source: Mask R-CNN (arXiv:1703.06870), section 3, with the half
    cell of torchvision's ``aligned=True``.

    Args:
        tokens: (N, D, h, w).
        boxes: (N, n, 4): x1, y1, x2, y2 as shares 0..1 of width and height.

    Returns:
        Unit vectors (N, n, D).
    """
    count, regions = boxes.shape[:2]
    height, width = tokens.shape[-2:]
    x1, y1, x2, y2 = boxes.to(tokens.dtype).unbind(-1)
    across = _bin_centres(x1, x2, width)[:, :, None, :].expand(-1, -1, height, -1)
    down = _bin_centres(y1, y2, height)[:, :, :, None].expand(-1, -1, -1, width)
    # grid_sample's coordinates run from -1 to 1 over the image, borders included: twice the share, less one.
    places = torch.stack([across, down], dim=-1) * 2 - 1
    sampled = functional.grid_sample(
        tokens,
        places.reshape(count, regions * height, width, 2),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    means = sampled.reshape(count, -1, regions, height, width).mean((3, 4))
    return functional.normalize(means.transpose(1, 2), dim=-1)


def pool_cells(tokens: Tensor) -> Tensor:
    """Return the mean token of whole images (N, D, h, w) as unit vectors (N, D)."""
    return functional.normalize(tokens.mean((2, 3)), dim=-1)


def cosine_loss(first: Tensor, second: Tensor) -> Tensor:
    """Return 1 - the mean cosine of unit vectors (..., D) with their partners."""
    return 1 - (first * second).sum(-1).mean()


def multi_positive_loss(images: Tensor, texts: Tensor, categories: Tensor, scale: Tensor | float) -> Tensor:
    """Return the symmetric cross-entropy in which all texts of an image's category are right alike.

    Where all categories differ it is CLIP's symmetric InfoNCE.

    Args:
        images: Unit vectors (N, D).
        texts: Unit vectors (N, D).
        categories: (N,) integers; rows of -1 take no part.
        scale: Factor on cosines.
    """
    known = categories >= 0
    if not bool(known.any()):
        return (images.sum() + texts.sum()) * 0.0  # no loss, and a gradient of zeros
    images, texts, categories = images[known], texts[known], categories[known]
    same = (categories[:, None] == categories[None, :]).to(images.dtype)
    target = same / same.sum(dim=1, keepdim=True)
    logits = scale * images @ texts.T
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def _bin_centres(start: Tensor, end: Tensor, bins: int) -> Tensor:
    """Return the centres (N, n, bins) of equal bins between ``start`` and ``end`` (N, n)."""
    shares = (torch.arange(bins, device=start.device, dtype=start.dtype) + 0.5) / bins
    return start[..., None] + (end - start)[..., None] * shares
