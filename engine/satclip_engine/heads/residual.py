"""Words first, examples on top: with none it is the zero-shot map, with many it is the probe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from satclip_engine.heads.calibration import calibrate
from satclip_engine.heads.examples import Examples, Float32, Float64, Int64
from satclip_engine.heads.words import WordPrior

# Words count half after so many objects of every class. Chosen as RESIDUAL_C was: at 5 the words, which know the map
# better than a few cells do, are given up too soon.
TRUST = 100.0
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
    examples: Examples, words: WordPrior, strength: float, *, trust: float = TRUST, start: ResidualHead | None = None
) -> ResidualHead:
    """Calibrate the words on the examples, then learn what they lack.

    The words have not seen the examples, so these tell honestly how far to trust them: their scale is that of least
    cross-entropy, times t / (t + n), n objects in the class that has fewest; many objects leave the probe, and a class
    with words alone keeps them. Then, with z = τ·scale·words(f) + W f + b, the aim

        Σ votes·CE(z) + (‖W‖² + ‖b‖²) / (2 C),  one vote per object,

    is convex: there is one answer, and it moves continuously from the words as votes are added. Each object pulls with
    a force of at most C.

    Args:
        examples: Any number, also none: then it is the words.
        words: What the phrases say, for all K classes.
        strength: C.
        trust: t: objects in every class after which the words count half.
        start: A fit of nearly the same examples, to begin at.

    Source: the penalty on what differs from the zero-shot classifier is the idea of Silva-Rodríguez et al., A Closer
    Look at the Few-Shot Adaptation of Large Vision-Language Models (arXiv:2312.12730).
    """
    n_classes, dim = words.class_count, examples.vectors.shape[1]
    if not len(examples):
        return ResidualHead(words, 1.0, torch.zeros(n_classes, dim), torch.zeros(n_classes), words.temperature)
    votes = examples.weights(n_classes) * (examples.object_count / len(examples))
    # Samples of all classes weigh the same, but words speak of the map, where classes are not equally frequent: their
    # expectation is taken out while the samples are learned from, and put back into the bias as far as words give way.
    prior = np.asarray(words.temperature * words.of_examples(examples).numpy() - words.log_shares, dtype=np.float32)
    fewest = int(examples.objects_per_class(n_classes).min())
    scale = calibrate(prior, examples.labels, votes) * trust / (trust + fewest)
    basis = _row_basis(examples.vectors)
    problem = _Problem(
        tokens=examples.vectors if basis is None else examples.vectors @ basis.T,
        prior=np.asarray(scale * prior, dtype=np.float32),
        labels=examples.labels,
        votes=votes.astype(np.float32),
        strength=strength,
    )
    found = minimize(
        problem.value_and_gradient,
        problem.pack(start, basis, words.temperature),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "ftol": 1e-7, "gtol": 1e-4},
    )
    weights, bias = problem.unpack(found.x)
    full = weights if basis is None else weights @ basis
    return ResidualHead(
        words,
        float(scale),
        torch.from_numpy(np.ascontiguousarray(full / words.temperature, dtype=np.float32)),
        torch.from_numpy(((bias + (1 - scale) * words.log_shares) / words.temperature).astype(np.float32)),
        words.temperature,
    )


def _row_basis(vectors: Float32) -> Float32 | None:
    """Return orthonormal rows that span ``vectors`` where there are fewer than dimensions: W lies in their span."""
    if len(vectors) >= vectors.shape[1]:
        return None
    return np.ascontiguousarray(np.linalg.qr(vectors.T)[0].T)


@dataclass(frozen=True, eq=False)
class _Problem:
    """What L-BFGS sees: W and b as one vector."""

    tokens: Float32
    prior: Float32
    labels: Int64
    votes: Float32
    strength: float

    def unpack(self, parameters: Float64) -> tuple[Float32, Float32]:
        """Return W (K, R) and b (K,)."""
        both = parameters.astype(np.float32).reshape(self.prior.shape[1], -1)
        return both[:, :-1], both[:, -1]

    def pack(self, start: ResidualHead | None, basis: Float32 | None, temperature: float) -> Float64:
        """Return the parameters to begin at: those of ``start``, or zeros, the words alone."""
        if start is None:
            return np.zeros(self.prior.shape[1] * (self.tokens.shape[1] + 1))
        weights = start.weights.numpy() * temperature
        inside = weights if basis is None else weights @ basis.T
        return np.column_stack([inside, start.bias.numpy() * temperature]).ravel().astype(np.float64)

    def value_and_gradient(self, parameters: Float64) -> tuple[float, Float64]:
        """Return the penalised loss and its gradient."""
        weights, bias = self.unpack(parameters)
        logits = self.prior + self.tokens @ weights.T + bias
        logits -= logits.max(axis=1, keepdims=True)
        exponentials = np.exp(logits)
        sums = exponentials.sum(axis=1, keepdims=True)
        rows = np.arange(len(logits))
        loss = float(self.votes @ (np.log(sums[:, 0]) - logits[rows, self.labels]))
        error = exponentials / sums
        error[rows, self.labels] -= 1
        error *= self.votes[:, None]
        gradient = np.column_stack([error.T @ self.tokens, error.sum(axis=0)]).ravel()
        penalty = float(parameters @ parameters) / (2 * self.strength)
        return loss + penalty, gradient + parameters / self.strength
