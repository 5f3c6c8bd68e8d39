"""The probe: regularised multinomial logistic regression on tokens."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from satclip_engine.errors import HeadError
from satclip_engine.heads.examples import Examples

# CLIP's probe uses C = 0.316 on vectors about ten long; the penalty's strength scales with the length squared.
# Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision (2021), appendix A.
PROBE_C = 31.6
# A live refit must not wait for digits that no map shows.
_ITERATIONS = 100
_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Class logits W f + b.

    Attributes:
        weights: float32 (K, D).
        bias: float32 (K,).
        temperature: Factor on the logits before the softmax; 1 is the regression's own.
    """

    weights: Tensor
    bias: Tensor
    temperature: float

    @property
    def vectors(self) -> Tensor:
        """The weights."""
        return self.weights

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
        return len(self.weights)

    def pool(self, similarity: Tensor) -> Tensor:
        """Return class logits (..., K) of the products with the weights."""
        return similarity + self.bias


def one_class() -> HeadError:
    """Return the error for samples of a single class."""
    return HeadError(
        "All samples belong to one class: there is nothing to tell it from.",
        remedy="Add samples of a second class, or give the other classes words.",
        code="head.one_class",
    )


def fit_probe(examples: Examples, n_classes: int, strength: float = PROBE_C) -> LinearHead:
    """Fit scikit-learn's logistic regression; one object has one vote, classes weigh the same.

    A class without examples is never the answer: its logit is below all others on vectors of length up to 1.

    Args:
        examples: Of at least two classes.
        n_classes: K.
        strength: C, the inverse of the L2 penalty, per object.

    Raises:
        HeadError: ``head.one_class``.
    """
    known = np.flatnonzero(examples.present(n_classes))
    if len(known) < 2:
        raise one_class()
    probe = LogisticRegression(C=strength, max_iter=_ITERATIONS, tol=_TOLERANCE)
    votes = examples.weights(n_classes) * (examples.object_count / len(examples))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early it is still a fit
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # one sample of each
        probe.fit(examples.vectors, examples.labels, sample_weight=votes.astype(np.float32))
    coefficients, intercepts = probe.coef_, probe.intercept_
    if len(known) == 2:  # scikit-learn keeps one row for two classes
        coefficients, intercepts = (
            np.vstack([-coefficients, coefficients]) / 2,
            np.hstack([-intercepts, intercepts]) / 2,
        )
    weights = np.zeros((n_classes, examples.vectors.shape[1]), dtype=np.float32)
    bias = np.full(n_classes, (intercepts - np.linalg.norm(coefficients, axis=1)).min(), dtype=np.float32)
    weights[known], bias[known] = coefficients, intercepts
    return LinearHead(torch.from_numpy(weights), torch.from_numpy(bias), 1.0)
