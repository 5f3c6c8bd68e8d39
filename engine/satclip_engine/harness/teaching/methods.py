"""The ways of learning from a few samples that the study sets beside each other."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from satclip_engine.harness.teaching.forest import forest_answers
from satclip_engine.harness.teaching.pools import Int64, Pool
from satclip_engine.heads.calibration import losses
from satclip_engine.heads.choice import LINEAR, PROTOTYPES, RESIDUAL, WORDS, Choice, FittedHead, fit_choice
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.fit import fit_head
from satclip_engine.heads.held_out import answer, held_out_logits, scorable_rows, spatial_folds
from satclip_engine.heads.words import WordPrior

# α and β of Tip-Adapter: what its authors found on EuroSAT and its neighbourhood, chosen by held-out places.
_CACHES = tuple(
    Choice("tip_adapter", alpha=alpha, beta=beta) for alpha in (1.0, 3.0, 10.0, 30.0) for beta in (2.0, 8.0)
)
_CACHE_OF_ONE_SHOT = Choice("tip_adapter", alpha=3.0, beta=8.0)

Method = Callable[[Pool, Int64, Int64, int], Int64]


def examples_of(pool: Pool, rows: Int64) -> Examples:
    """Return rows of a pool as samples, each an object of its own."""
    windows = None if pool.window_vectors is None else pool.window_vectors[rows]
    return Examples(pool.vectors[rows], pool.labels[rows], np.arange(len(rows)), pool.places[rows], windows)


def _prior(pool: Pool) -> WordPrior:
    return WordPrior.of(pool.words, len(pool.class_names), pool.vectors.shape[1])


def _by_choice(choice: Choice) -> Method:
    def answers(pool: Pool, shots: Int64, scored: Int64, _seed: int) -> Int64:
        return _answers(fit_choice(examples_of(pool, shots), _prior(pool), choice), pool, scored)

    return answers


def _tip_adapter(pool: Pool, shots: Int64, scored: Int64, _seed: int) -> Int64:
    examples, prior = examples_of(pool, shots), _prior(pool)
    folds = spatial_folds(examples, prior.class_count)
    rows = scorable_rows(examples, folds, prior.class_count)
    choice = _CACHE_OF_ONE_SHOT
    if rows.any():
        logits = held_out_logits(examples, folds, prior, _CACHES)
        means = [losses(one[rows], examples.labels[rows], 1.0).mean() for one in logits]
        choice = _CACHES[int(np.argmin(means))]
    return _answers(fit_choice(examples, prior, choice), pool, scored)


def _default(pool: Pool, shots: Int64, scored: Int64, _seed: int) -> Int64:
    fitted = fit_head(examples_of(pool, shots), pool.words, len(pool.class_names), class_names=pool.class_names)
    return _answers(fitted.head, pool, scored)


def _forest(pool: Pool, shots: Int64, scored: Int64, seed: int) -> Int64:
    return forest_answers(pool.raw, pool.labels, shots, scored, seed, len(pool.class_names))


def _answers(head: FittedHead, pool: Pool, scored: Int64) -> Int64:
    return np.asarray(answer(head, examples_of(pool, scored)).argmax(axis=1), dtype=np.int64)


METHODS: MappingProxyType[str, Method] = MappingProxyType(
    {
        "words alone": _by_choice(WORDS),
        "nearest mean": _by_choice(PROTOTYPES),
        "probe": _by_choice(LINEAR),
        "Tip-Adapter": _tip_adapter,
        "words + residual": _by_choice(RESIDUAL),
        "default, chosen on held-out places": _default,
        "random forest on raw bands": _forest,
    }
)
