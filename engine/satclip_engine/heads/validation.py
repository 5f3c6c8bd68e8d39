"""How good a head is: spatially blocked cross-validation, never an answer about a sample that was learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from satclip_engine.heads.choice import Choice, checked_words, class_name, fit_choice
from satclip_engine.heads.examples import Bools, Examples, Float32, Int64
from satclip_engine.heads.fit import LEAST_PLACES
from satclip_engine.heads.held_out import answer, held_out_logits, scorable_rows, spatial_folds
from satclip_engine.heads.text_head import TextHead
from satclip_engine.heads.words import WordPrior

CURVE = (1, 2, 5, 10, 20, 50)
_MOST_ROWS = 3000


@dataclass(frozen=True)
class ClassScore:
    """One class on held-out objects.

    Attributes:
        label: Class position.
        objects: n: held-out objects of the class that were judged; 0 where it has samples in fewer than two places.
        places: Places with samples of the class.
        precision: Share of the objects given to the class that belong to it; NaN where none was given.
        recall: Share of its objects that were found; NaN without objects.
        f1: Harmonic mean, 2·TP / (2·TP + FP + FN); NaN without objects.
    """

    label: int
    objects: int
    places: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class CurvePoint:
    """The same held-out objects, judged by heads that learnt from fewer.

    Attributes:
        samples: Drawn objects per class, or all that the training places have where that is fewer.
        mean_f1: Mean F1 over the classes that were judged.
        objects: n.
    """

    samples: int
    mean_f1: float
    objects: int


@dataclass(frozen=True, eq=False)
class ValidationReport:
    """Spatially blocked cross-validation of one choice.

    Attributes:
        classes: One score per class, in order.
        confusion: int64 (K, K) objects, rows = drawn class, columns = answered class.
        mean_f1: Mean over the classes that were judged; NaN where none was.
        curve: The learning curve so far, fewest samples first, the last with all.
        folds: How many parts the places were dealt into.
        notes: Sentences on what the figures rest on, and the classes with fewer than three independent places.
    """

    classes: tuple[ClassScore, ...]
    confusion: Int64
    mean_f1: float
    curve: tuple[CurvePoint, ...]
    folds: int
    notes: tuple[str, ...]


def validate(
    examples: Examples,
    text_head: TextHead | None,
    n_classes: int,
    choice: Choice,
    *,
    class_names: Sequence[str] = (),
    seed: int = 0,
) -> ValidationReport:
    """Judge ``choice`` on places it has not seen; one drawn object is one case, by the mean of its cells' answers.

    Objects of a class that has samples in one place only are left out: without that place nobody could know it.

    Args:
        examples: Any number.
        text_head: The words; None where no class has any.
        n_classes: K.
        choice: As ``fit_head`` found it.
        class_names: For the notes.
        seed: Of the draws of the learning curve.

    Raises:
        HeadError: as ``refit``.
    """
    words = checked_words(examples, text_head, n_classes, class_names)
    judged = examples.thinned(_MOST_ROWS)
    folds = spatial_folds(judged, n_classes)
    rows = scorable_rows(judged, folds, n_classes)
    places = examples.places_per_class(n_classes)
    confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
    if rows.any():
        confusion = _confusion(judged, rows, held_out_logits(judged, folds, words, [choice])[0], choice, n_classes)
    classes = _class_scores(confusion, places)
    return ValidationReport(
        classes=classes,
        confusion=confusion,
        mean_f1=_mean_f1(classes),
        curve=_learning_curve(judged, folds, rows, words, choice, places, seed),
        folds=int(folds.max()) + 1 if len(folds) else 0,
        notes=_notes(classes, class_names, len(judged) < len(examples)),
    )


def _confusion(examples: Examples, rows: Bools, logits: Float32, choice: Choice, n_classes: int) -> Int64:
    """Return int64 (K, K) counts of objects; an object's answer is the class with the highest mean probability."""
    probabilities = softmax(logits[rows] * choice.temperature_factor, axis=1)
    cases, case = np.unique(np.stack([examples.labels[rows], examples.objects[rows]]), axis=1, return_inverse=True)
    sums = np.zeros((cases.shape[1], n_classes))
    np.add.at(sums, case.reshape(-1), probabilities)
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(counts, (cases[0], sums.argmax(axis=1)), 1)
    return counts


def _class_scores(confusion: Int64, places: Int64) -> tuple[ClassScore, ...]:
    scores = []
    for label in range(len(confusion)):
        right = int(confusion[label, label])
        drawn, given = int(confusion[label].sum()), int(confusion[:, label].sum())
        scores.append(
            ClassScore(
                label=label,
                objects=drawn,
                places=int(places[label]),
                precision=right / given if given else float("nan"),
                recall=right / drawn if drawn else float("nan"),
                f1=2 * right / (drawn + given) if drawn else float("nan"),
            )
        )
    return tuple(scores)


def _mean_f1(classes: Sequence[ClassScore]) -> float:
    judged = [score.f1 for score in classes if score.objects]
    return float(np.mean(judged)) if judged else float("nan")


def _learning_curve(
    examples: Examples, folds: Int64, rows: Bools, words: WordPrior, choice: Choice, places: Int64, seed: int
) -> tuple[CurvePoint, ...]:
    if not rows.any():
        return ()
    rank = _draw_order(examples, seed)
    most = int(rank.max()) + 1
    points = []
    for samples in (*(count for count in CURVE if count < most), most):
        logits = np.zeros((len(examples), words.class_count), dtype=np.float32)
        for fold in np.unique(folds[rows]):
            test = folds == fold
            training = examples.take(~test & _first(examples, rank, ~test, samples))
            logits[test] = answer(fit_choice(training, words, choice), examples.take(test))
        confusion = _confusion(examples, rows, logits, choice, words.class_count)
        points.append(CurvePoint(samples, _mean_f1(_class_scores(confusion, places)), int(confusion.sum())))
    return tuple(points)


def _draw_order(examples: Examples, seed: int) -> Int64:
    """Return int64 (N,): the place of the row's object in a random order of its class's objects."""
    rng = np.random.default_rng(seed)
    rank = np.zeros(len(examples), dtype=np.int64)
    for label in np.unique(examples.labels):
        members = np.flatnonzero(examples.labels == label)
        objects, position = np.unique(examples.objects[members], return_inverse=True)
        rank[members] = rng.permutation(len(objects))[position.reshape(-1)]
    return rank


def _first(examples: Examples, rank: Int64, allowed: Bools, samples: int) -> Bools:
    """Return bool (N,): the rows of the first ``samples`` allowed objects of each class."""
    chosen = np.zeros(len(examples), dtype=np.bool_)
    for label in np.unique(examples.labels):
        members = allowed & (examples.labels == label)
        ranks = np.unique(rank[members])[:samples]
        chosen |= members & np.isin(rank, ranks)
    return chosen


def _notes(classes: Sequence[ClassScore], class_names: Sequence[str], is_thinned: bool) -> tuple[str, ...]:
    notes = []
    few = [class_name(class_names, score.label) for score in classes if 0 < score.places < LEAST_PLACES]
    if few:
        notes.append(
            f"Fewer than {LEAST_PLACES} independent places: {', '.join(few)}. What is said of them is little more than"
            " a guess; add samples elsewhere."
        )
    unjudged = [class_name(class_names, score.label) for score in classes if score.places and not score.objects]
    if unjudged:
        notes.append(f"Not judged, because all samples lie in one place: {', '.join(unjudged)}.")
    wordy = [class_name(class_names, score.label) for score in classes if not score.places]
    if wordy:
        notes.append(f"Not judged, because there are no samples: {', '.join(wordy)}.")
    if is_thinned:
        notes.append(f"Judged on {_MOST_ROWS} of the cells, spread evenly over the samples.")
    return tuple(notes)
