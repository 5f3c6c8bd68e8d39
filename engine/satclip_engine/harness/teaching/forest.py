"""The baseline without an encoder: a random forest on raw band values, as pixel classifiers in GIS offer it."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from satclip_engine.harness.teaching.pools import Float32, Int64

# scikit-learn's default number, which classification plugins keep.
_TREES = 100


def forest_answers(raw: Float32, labels: Int64, shots: Int64, scored: Int64, seed: int, n_classes: int) -> Int64:
    """Return int64 (len(scored),): the class of each scored thing by the mean vote of its looks.

    Args:
        raw: float32 (N, M, F): M looks of F values at each thing.
        labels: int64 (N,).
        shots: Rows to learn from, all their looks.
        scored: Rows to answer.
        seed: Of the forest.
        n_classes: K.
    """
    looks = raw.shape[1]
    forest = RandomForestClassifier(_TREES, class_weight="balanced", random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # one sample of each
        forest.fit(raw[shots].reshape(-1, raw.shape[2]), np.repeat(labels[shots], looks))
    votes = np.zeros((len(scored), n_classes))
    found = forest.predict_proba(raw[scored].reshape(-1, raw.shape[2]))
    votes[:, forest.classes_] = found.reshape(len(scored), looks, -1).mean(axis=1)
    return np.asarray(votes.argmax(axis=1), dtype=np.int64)
