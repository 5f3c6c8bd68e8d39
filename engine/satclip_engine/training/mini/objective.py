"""Losses of the image side: captions, scene names, and label sets of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from satclip_engine.training.mini.labels import BARE, PHRASES, VEGETATION, Label, bits


@dataclass(frozen=True)
class Vocabulary:
    """The classes of one training step.

    Attributes:
        groups: int64 (G,) bits of the fine labels each class covers.
        phrases: One phrase per class.
    """

    groups: Tensor
    phrases: tuple[str, ...]


def draw_vocabulary(rng: np.random.Generator) -> Vocabulary:
    """Draw which fine labels are one class in this step and what each class is called."""
    fine = [bits(label) for label in Label]
    vegetation = (VEGETATION, bits(Label.TREE, Label.GRASS), bits(Label.GRASS, Label.CROP))
    bare = (BARE, bits(Label.SOIL, Label.SAND))
    merged = []
    if rng.random() < 0.5:
        merged.append(vegetation[rng.integers(3)])
    if rng.random() < 0.6:
        merged.append(bare[rng.integers(2)])
    groups = [*merged, *(label for label in fine if not any(label & group for group in merged))]
    phrases = tuple(str(PHRASES[group][rng.integers(len(PHRASES[group]))]) for group in groups)
    return Vocabulary(torch.tensor(groups), phrases)


def perturb(vectors: Tensor, spread: float, generator: torch.Generator) -> Tensor:
    """Return unit vectors near the given ones: neighbours of a word, such as its synonyms, should mean the same.

    Args:
        vectors: float32 (K, D) unit vectors.
        spread: Length of the random step, relative to the vectors' own.
        generator: Source of randomness.
    """
    step = functional.normalize(torch.randn(vectors.shape, generator=generator), dim=-1).to(vectors)
    reach = torch.rand(len(vectors), 1, generator=generator).to(vectors) * spread
    return functional.normalize(vectors + reach * step, dim=-1)


def class_weights(labels: Tensor, groups: Tensor, most: float = 3.0) -> Tensor:
    """Return float32 (G,) weights of the classes of a batch: inverse square roots of their shares, at most ``most``.

    Roads and water cover little; mean IoU counts them like everything else.

    Args:
        labels: int64 (N, H, W) bits.
        groups: int64 (G,) bits of the classes.
        most: Upper limit; the lower one is its inverse.
    """
    allowed = (labels[:, None] & groups[:, None, None]) > 0
    alone = allowed & (allowed.sum(1, keepdim=True) == 1)
    share = alone.sum((0, 2, 3)).float() / alone.sum().clamp_min(1)
    weights = (share.clamp_min(1e-6) * len(groups)).rsqrt()
    return weights.clamp(1 / most, most)


def pixel_set_loss(cell_logits: Tensor, labels: Tensor, groups: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean of -log P(the pixel's label is in its set) over pixels about which something is known.

    Args:
        cell_logits: float32 (N, G, h, w) on the cells.
        labels: int64 (N, H, W) bits, finer than the cells; 0 = unknown.
        groups: int64 (G,) bits of the classes.
        weights: float32 (G,) of the pixels that can only be one class; ones if None.
    """
    logits = functional.interpolate(cell_logits, size=labels.shape[1:], mode="bilinear")
    allowed = (labels[:, None] & groups[:, None, None]) > 0
    informative = allowed.any(1) & ~allowed.all(1)
    if not informative.any():
        return cell_logits.sum() * 0
    log_p = logits.log_softmax(1)
    log_set = torch.where(allowed, log_p, torch.full_like(log_p, -30.0)).logsumexp(1)
    single = allowed.sum(1) == 1
    own = 1.0 if weights is None else (allowed * weights[:, None, None]).sum(1)
    weight = informative * torch.where(single, own, 0.5)
    return -(log_set * weight).sum() / weight.sum()


def mention_loss(cell_logits: Tensor, mentions: Tensor, groups: Tensor, share: float = 0.12) -> Tensor:
    """Return the mean of -log P over the best cells of each class that an image's captions mention.

    Args:
        cell_logits: float32 (N, G, h, w).
        mentions: int64 (N,) bits.
        groups: int64 (G,) bits of the classes.
        share: Share of the cells that must show a mentioned class.
    """
    p = cell_logits.softmax(1).flatten(2)
    best = p.topk(max(1, round(share * p.shape[2])), dim=2).values.mean(2)
    said = (mentions[:, None] & groups) > 0
    return -(best.clamp_min(1e-4).log() * said).sum() / said.sum().clamp_min(1)
