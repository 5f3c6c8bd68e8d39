"""Words first, examples on top: with none it is the zero-shot map, with many it is the probe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from satclip_engine.heads.examples import Examples, Float32, Float64, Int64
from satclip_engine.heads.words import WordPrior

# The words' own scale is given up as slowly as ten objects can say; it may not become negative.
_SCALE_PENALTY = 10.0
_ITERATIONS = 60


@dataclass(frozen=True, eq=False)
class ResidualHead:
    """Class logits scale·words(f) + W f + b, in units of the words' cosines.

    Attributes:
        words: What the phrases say.
        scale: Trust in the words; 1 without examples.
        weights: float32 (K, D); zeros without examples.
        bias: float32 (K,); zeros without examples.
        temperature: Factor on the logits before the softmax; the words' own without examples.
    """

    words: WordPrior
    scale: float
    weights: Tensor
    bias: Tensor
    temperature: float

    @property
    def vectors(self) -> Tensor:
        """Phrases, then weights."""
        return torch.cat([self.words.phrase_vectors, self.weights])

    @property
    def phrase_count(self) -> int:
        """The number of phrases."""
        return self.words.phrase_count

    @property
    def global_bias(self) -> float:
        """λ of the words."""
        return self.words.global_bias

    @property
    def class_count(self) -> int:
        """The number of classes K."""
        return len(self.weights)

    def pool(self, similarity: Tensor) -> Tensor:
        """Return class logits (..., K) of the products with phrases and weights."""
        count = self.phrase_count
        return self.scale * self.words.pool(similarity[..., :count]) + similarity[..., count:] + self.bias


def fit_residual(
    examples: Examples, words: WordPrior, strength: float, start: ResidualHead | None = None
) -> ResidualHead:
    """Minimise the cross-entropy of the objects, one vote each, plus penalties on what differs from the words.

    With z = τ·scale·words(f) + W f + b the aim Σ votes·CE(z) + (‖W‖² + ‖b‖²) / (2 C) + 5 (scale - 1)² is convex, so
    there is one answer, and it moves continuously from the words as votes are added: each object can pull with a
    force of at most C.

    Args:
        examples: Any number, also none.
        words: What the phrases say, for all K classes.
        strength: C.
        start: A fit of nearly the same examples, to begin at.

    Source: the penalty on what differs from the zero-shot classifier is the idea of Silva-Rodríguez et al., A Closer
    Look at the Few-Shot Adaptation of Large Vision-Language Models (arXiv:2312.12730).
    """
    n_classes, dim = words.class_count, examples.vectors.shape[1]
    if not len(examples):
        return ResidualHead(words, 1.0, torch.zeros(n_classes, dim), torch.zeros(n_classes), words.temperature)
    basis = _row_basis(examples.vectors)
    problem = _Problem(
        tokens=examples.vectors if basis is None else examples.vectors @ basis.T,
        prior=np.asarray(words.temperature * words.of_examples(examples).numpy(), dtype=np.float32),
        labels=examples.labels,
        votes=(examples.weights(n_classes) * (examples.object_count / len(examples))).astype(np.float32),
        strength=strength,
    )
    found = minimize(
        problem.value_and_gradient,
        problem.pack(start, basis, words.temperature),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] + [(None, None)] * (problem.size - 1),
        options={"maxiter": _ITERATIONS, "ftol": 1e-7, "gtol": 1e-4},
    )
    scale, weights, bias = problem.unpack(found.x)
    full = weights if basis is None else weights @ basis
    return ResidualHead(
        words,
        float(scale),
        torch.from_numpy(np.ascontiguousarray(full / words.temperature, dtype=np.float32)),
        torch.from_numpy((bias / words.temperature).astype(np.float32)),
        words.temperature,
    )


def _row_basis(vectors: Float32) -> Float32 | None:
    """Return orthonormal rows that span ``vectors`` where there are fewer than dimensions: W lies in their span."""
    if len(vectors) >= vectors.shape[1]:
        return None
    return np.ascontiguousarray(np.linalg.qr(vectors.T)[0].T)


@dataclass(frozen=True, eq=False)
class _Problem:
    """What L-BFGS sees: (scale, W, b) as one vector."""

    tokens: Float32
    prior: Float32
    labels: Int64
    votes: Float32
    strength: float

    @property
    def size(self) -> int:
        """The number of parameters."""
        return 1 + int(self.prior.shape[1]) * (int(self.tokens.shape[1]) + 1)

    def unpack(self, parameters: Float64) -> tuple[float, Float32, Float32]:
        """Return scale, W (K, R) and b (K,)."""
        rest = parameters[1:].astype(np.float32).reshape(self.prior.shape[1], -1)
        return float(parameters[0]), rest[:, :-1], rest[:, -1]

    def pack(self, start: ResidualHead | None, basis: Float32 | None, temperature: float) -> Float64:
        """Return the parameters to begin at: those of ``start``, or the words alone."""
        parameters = np.zeros(self.size)
        parameters[0] = 1.0
        if start is not None:
            weights = start.weights.numpy() * temperature
            inside = weights if basis is None else weights @ basis.T
            parameters[0] = start.scale
            parameters[1:] = np.column_stack([inside, start.bias.numpy() * temperature]).ravel()
        return parameters

    def value_and_gradient(self, parameters: Float64) -> tuple[float, Float64]:
        """Return the penalised loss and its gradient."""
        scale, weights, bias = self.unpack(parameters)
        logits = scale * self.prior + self.tokens @ weights.T + bias
        logits -= logits.max(axis=1, keepdims=True)
        exponentials = np.exp(logits)
        sums = exponentials.sum(axis=1, keepdims=True)
        rows = np.arange(len(logits))
        loss = float(self.votes @ (np.log(sums[:, 0]) - logits[rows, self.labels]))
        error = exponentials / sums
        error[rows, self.labels] -= 1
        error *= self.votes[:, None]
        gradient = np.concatenate(
            [
                [float((error * self.prior).sum()) + _SCALE_PENALTY * (scale - 1)],
                np.column_stack([error.T @ self.tokens, error.sum(axis=0)]).ravel(),
            ]
        )
        gradient[1:] += parameters[1:] / self.strength
        penalty = float(parameters[1:] @ parameters[1:]) / (2 * self.strength)
        return loss + penalty + _SCALE_PENALTY / 2 * (scale - 1) ** 2, gradient
