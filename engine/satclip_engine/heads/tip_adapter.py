"""Tip-Adapter: words plus a cache of the examples, nothing trained."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from satclip_engine.heads.examples import Examples
from satclip_engine.heads.words import WordPrior, WordsFirst


@dataclass(frozen=True, eq=False)
class CacheHead(WordsFirst):
    """Class logits words(f) + (α/τ)·Σ exp(-β (1 - f·key))·value, in units of the words' cosines.

    Attributes:
        keys: float32 (M, D): the examples.
        values: float32 (M, K): one-hot labels times the weight of the example in its class.
        alpha: α, the weight of the cache in logits.
        beta: β, how quickly an example's say falls with distance.
        temperature: Factor on the logits before the softmax.
    """

    keys: Tensor
    values: Tensor
    alpha: float
    beta: float
    temperature: float

    @property
    def vectors(self) -> Tensor:
        """Phrases, then keys."""
        return torch.cat([self.words.phrase_vectors, self.keys])

    def pool(self, similarity: Tensor) -> Tensor:
        """Return class logits (..., K) of the products with phrases and keys."""
        count = self.phrase_count
        cached = cache_logits(similarity[..., count:], self.values, self.beta)
        return self.words.pool(similarity[..., :count]) + (self.alpha / self.words.temperature) * cached


def cache_logits(affinity: Tensor, values: Tensor, beta: float) -> Tensor:
    """Return exp(-β (1 - affinity)) @ values, (..., K) of affinities (..., M).

    Source: Zhang et al., Tip-Adapter (arXiv:2207.09519), equation 4; algorithms.md §4.
    """
    return torch.exp(-beta * (1 - affinity)) @ values


def fit_cache(examples: Examples, words: WordPrior, alpha: float, beta: float) -> CacheHead:
    """Return the head whose cache holds the examples; the values of each class sum to 1, one object one vote."""
    weights = torch.from_numpy(examples.weights(words.class_count)).float()
    labels = torch.from_numpy(examples.labels)
    values = torch.zeros(len(examples), words.class_count)
    values[torch.arange(len(examples)), labels] = weights
    values /= values.sum(dim=0).clamp_min(1e-12)
    return CacheHead(words, torch.from_numpy(examples.vectors), values, alpha, beta, words.temperature)
