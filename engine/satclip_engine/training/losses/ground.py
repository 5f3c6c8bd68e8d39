"""Losses between chips and the photos taken on their ground.

Source: SenCLIP (arXiv:2412.08536) and algorithms.md §4; checked against its published code's numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


class PhotoQueue(torch.nn.Module):
    """The latest ground vectors, kept as wrong answers for the chips of later steps.

    Source: MoCo (arXiv:1911.05722), section 3.2: it starts with random vectors and the oldest are replaced.

    Args:
        length: How many vectors.
        dim: D.

    Attributes:
        vectors: Unit vectors (length, D).
        place: Where the next vector goes.
    """

    vectors: Tensor
    place: Tensor

    def __init__(self, length: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("vectors", functional.normalize(torch.randn(length, dim), dim=-1))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def push(self, vectors: Tensor) -> None:
        """Replace the oldest vectors by ``vectors`` (N, D)."""
        length = len(self.vectors)
        newest = vectors.detach()[-length:]
        places = (self.place + torch.arange(len(newest), device=self.place.device)) % length
        self.vectors[places] = newest.to(self.vectors.dtype)
        self.place.copy_((self.place + len(newest)) % length)


class AttentionPool(torch.nn.Module):
    """A place's vector as the weighted mean of its photos', the weight of each from what it shows.

    It starts as the plain mean.

    Args:
        dim: D.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(dim))

    def forward(self, photos: Tensor, taken: Tensor) -> Tensor:
        """Return unit vectors (N, D) of photos (N, P, D), of which only those that are ``taken`` (N, P) exist."""
        weights = (photos @ self.weight).masked_fill(~taken, float("-inf")).softmax(dim=-1)
        return functional.normalize((weights[..., None] * photos).sum(1), dim=-1)


def mean_pool(photos: Tensor, taken: Tensor) -> Tensor:
    """Return unit vectors (N, D): the mean of photos (N, P, D), of which only those ``taken`` (N, P) exist."""
    weights = taken.to(photos.dtype)
    return functional.normalize((photos * weights[..., None]).sum(1) / weights.sum(1, keepdim=True), dim=-1)


def queue_loss(chips: Tensor, places: Tensor, queue: Tensor, scale: Tensor | float) -> Tensor:
    """Return the InfoNCE loss of each chip's own place against the places of a queue.

    Args:
        chips: Unit vectors (N, D).
        places: Unit vectors (N, D) of the photos there.
        queue: Unit vectors (Q, D).
        scale: Factor on cosines, 1 / τ.
    """
    own = (chips * places).sum(-1, keepdim=True)
    logits = scale * torch.cat([own, chips @ queue.T.to(chips.dtype)], dim=1)
    return functional.cross_entropy(logits, torch.zeros(len(chips), dtype=torch.long, device=chips.device))


def batch_loss(chips: Tensor, places: Tensor, scale: Tensor | float) -> Tensor:
    """Return the InfoNCE loss of each chip's own place against the other places of the batch; as ``queue_loss``."""
    own = torch.arange(len(chips), device=chips.device)
    return functional.cross_entropy(scale * chips @ places.T, own)
