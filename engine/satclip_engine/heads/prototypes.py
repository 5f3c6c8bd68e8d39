"""Nearest mean: one unit vector per class, the baseline that one example per class is enough for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from satclip_engine.heads.examples import Examples
from satclip_engine.heads.linear import LinearHead

# Cosines of one encoder's tokens lie close together; calibration corrects the factor as soon as it can.
START_TEMPERATURE = 20.0


@dataclass(frozen=True, eq=False)
class PrototypeHead(LinearHead):
    """A linear head without bias: the cosine with each class's mean is its logit."""

    @classmethod
    def of(cls, means: Tensor, temperature: float) -> PrototypeHead:
        """Return the head of means (K, D), unit rows; a class without examples has zeros."""
        return cls(means, torch.zeros(len(means)), temperature)

    @property
    def means(self) -> Tensor:
        """The weights."""
        return self.weights


def fit_prototypes(examples: Examples, n_classes: int) -> PrototypeHead:
    """Return the head of the weighted, normalised class means.

    Source: Snell et al., Prototypical Networks for Few-shot Learning (arXiv:1703.05175), with cosines.
    """
    weights = examples.weights(n_classes)
    means = np.zeros((n_classes, examples.vectors.shape[1]))
    np.add.at(means, examples.labels, examples.vectors * weights[:, None])
    norms = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return PrototypeHead.of(torch.from_numpy((means / norms).astype(np.float32)), START_TEMPERATURE)
