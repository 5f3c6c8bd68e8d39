"""One factor on the logits, so that probabilities are as often right as they say."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from satclip_engine.heads.examples import Float32, Float64, Int64

# The calibrated temperature leaves the head's own as slowly as a few objects can say.
_CALIBRATION_PENALTY = 4.0
_WIDEST_FACTOR = 30.0


def losses(logits: Float32, labels: Int64, factor: float) -> Float64:
    """Return float64 (N,) cross-entropies, in nats, of softmax(factor * logits)."""
    scaled = logits.astype(np.float64) * factor
    scaled -= scaled.max(axis=1, keepdims=True)
    found: Float64 = np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]
    return found


def calibrate(logits: Float32, labels: Int64, votes: Float64) -> float:
    """Return the factor on the logits that makes their probabilities true on held-out examples.

    Minimises Σ votes·CE(softmax(c·logits)) + 2 (ln c)²: without votes c is 1.

    Source: Guo et al., On Calibration of Modern Neural Networks (arXiv:1706.04599), with a prior on the temperature.
    """
    if not len(labels):
        return 1.0

    def objective(log_factor: float) -> float:
        loss = float(votes @ losses(logits, labels, float(np.exp(log_factor))))
        return loss + _CALIBRATION_PENALTY / 2 * log_factor**2

    widest = np.log(_WIDEST_FACTOR)
    return float(np.exp(minimize_scalar(objective, bounds=(-widest, widest), method="bounded").x))
