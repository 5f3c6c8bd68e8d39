"""Nearest mean: one unit vector per class, the baseline that one example per class is enough for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from satclip_engine.heads.examples import Examples

# Cosines of one encoder's tokens lie close together; calibration corrects the factor as soon as it can.
START_TEMPERATURE = 20.0


@dataclass(frozen=True, eq=False)
class PrototypeHead:
    """The cosine with each class's mean is its logit.

    Attributes:
        means: float32 (K, D), unit rows; a class without examples has zeros.
        temperature: Factor on the cosines before the softmax.
    """

    means: Tensor
    temperature: float

    @property
    def vectors(self) -> Tensor:
        """The means."""
        return self.means

    @property
    def phrase_count(self) -> int:
        """None of the vectors is a phrase."""
        return 0

    @property
    def global_bias(self) -> float:
        """Without words there is none."""
        return 0.0

    @property
    def class_count(self) -> int:
        """The number of classes K."""
        return len(self.means)

    def pool(self, similarity: Tensor) -> Tensor:
        """Return the cosines themselves."""
        return similarity


def fit_prototypes(examples: Examples, n_classes: int) -> PrototypeHead:
    """Return the head of the weighted, normalised class means.

    Source: Snell et al., Prototypical Networks for Few-shot Learning (arXiv:1703.05175), with cosines.
    """
    weights = examples.weights(n_classes)
    means = np.zeros((n_classes, examples.vectors.shape[1]))
    np.add.at(means, examples.labels, examples.vectors * weights[:, None])
    norms = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return PrototypeHead(torch.from_numpy((means / norms).astype(np.float32)), START_TEMPERATURE)
