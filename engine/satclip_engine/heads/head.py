"""What every head is: class logits from the inner products of a token with a few vectors."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Head(Protocol):
    """Turns tokens into class logits by way of inner products, so that a whole feature map costs one product.

    ``softmax(temperature * pool(tokens @ vectors.T))`` are the class probabilities.
    """

    @property
    def vectors(self) -> Tensor:
        """float32 (P, D) on the CPU: what tokens are multiplied with."""
        ...

    @property
    def phrase_count(self) -> int:
        """How many of the vectors, from the first, are phrases: only to their products is the global bias added."""
        ...

    @property
    def temperature(self) -> float:
        """Factor on the class logits before the softmax."""
        ...

    @property
    def global_bias(self) -> float:
        """λ: weight of the window's global similarity with the phrases; 0 without words."""
        ...

    @property
    def class_count(self) -> int:
        """The number of classes K."""
        ...

    def pool(self, similarity: Tensor) -> Tensor:
        """Return float32 class logits (..., K) of the inner products (..., P) with ``vectors``."""
        ...
