"""Held-out answers: every example judged by a head that saw nothing of its place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from satclip_engine.heads.choice import Choice, FittedHead, fit_choice
from satclip_engine.heads.examples import Bools, Examples, Float32, Int64
from satclip_engine.heads.words import WordPrior

MOST_FOLDS = 10


def spatial_folds(examples: Examples, n_classes: int) -> Int64:
    """Return int64 (N,) fold numbers: at most ten, no place or object in two, each class's places spread evenly.

    With ten places or fewer every place is a fold of its own. Rare classes are dealt out first.
    """
    places, row_place = np.unique(examples.independent_places(), return_inverse=True)
    count = min(len(places), MOST_FOLDS)
    if count == len(places):
        return row_place.reshape(-1).astype(np.int64)
    has = np.zeros((n_classes, len(places)), dtype=np.int64)
    has[examples.labels, row_place.reshape(-1)] = 1
    fold_of = np.full(len(places), -1, dtype=np.int64)
    load = np.zeros((count, n_classes), dtype=np.int64)
    for label in np.argsort(has.sum(axis=1), kind="stable"):
        for place in np.flatnonzero(has[label]):
            if fold_of[place] >= 0:
                continue
            fold = int(np.lexsort((load.sum(axis=1), load[:, label]))[0])
            fold_of[place] = fold
            load[fold] += has[:, place]
    return np.asarray(fold_of[row_place.reshape(-1)])


def scorable_rows(examples: Examples, folds: Int64, n_classes: int) -> Bools:
    """Return bool (N,): the row's class has examples outside the row's fold too, so that it could be learnt."""
    counts = np.zeros((int(folds.max(initial=0)) + 1, n_classes), dtype=np.int64)
    np.add.at(counts, (folds, examples.labels), 1)
    others = counts.sum(axis=0)[None] - counts
    return np.asarray(others[folds, examples.labels] > 0)


def held_out_logits(examples: Examples, folds: Int64, words: WordPrior, choices: Sequence[Choice]) -> list[Float32]:
    """Return, for each choice, float32 (N, K) logits (temperature included) from fits without the row's fold.

    A fold that leaves fewer than two classes to a head without words gets equal logits: it knows nothing.
    """
    results = [np.zeros((len(examples), words.class_count), dtype=np.float32) for _ in choices]
    for fold in np.unique(folds):
        test = folds == fold
        training, tested = examples.take(~test), examples.take(test)
        teachable = int(training.present(words.class_count).sum()) > 1
        start: FittedHead | None = None
        for choice, logits in zip(choices, results, strict=True):
            if choice.kind in ("linear", "prototypes") and not teachable:
                continue
            head = fit_choice(training, words, choice, start=start)
            start = head if choice.kind == "residual" else None
            logits[test] = answer(head, tested)
    return results


def answer(head: FittedHead, examples: Examples) -> Float32:
    """Return float32 (N, K): the logits, temperature included, that a map would show at the examples."""
    similarity = torch.from_numpy(examples.vectors) @ head.vectors.T
    if head.global_bias and examples.window_vectors is not None:
        phrases = head.vectors[: head.phrase_count]
        similarity[:, : head.phrase_count] += head.global_bias * (torch.from_numpy(examples.window_vectors) @ phrases.T)
    return np.asarray((head.temperature * head.pool(similarity)).numpy(), dtype=np.float32)
