"""Fitting: candidates judged on places they have not seen, the best one taken, its probabilities calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from satclip_engine.heads.calibration import calibrate, losses
from satclip_engine.heads.choice import (
    LINEAR,
    PROTOTYPES,
    RESIDUAL,
    WORDS,
    Choice,
    FittedHead,
    checked_words,
    class_name,
    refit,
)
from satclip_engine.heads.examples import Bools, Examples, Float64, Int64
from satclip_engine.heads.held_out import held_out_logits, scorable_rows, spatial_folds
from satclip_engine.heads.text_head import TextHead
from satclip_engine.heads.words import WordPrior

RULE = (
    "The first candidate is kept unless another has a lower log-loss on held-out places, classes weighing the same, by"
    " more than four standard errors over the places (two, if it is of the same kind); of those the one with the lowest"
    " is taken."
)
LEAST_PLACES = 3
# Few places make standard errors too small, and samples lie where somebody looked: they do not tell what a head that
# forgets the words does to the rest of the scene. On tiles 1, 2 and 5 of Dubai other kinds won by up to 3.7 errors and
# made maps 4 to 11 points of mean IoU worse. A wrong setting harms less.
_ERRORS_OF_KIND = 4.0
_ERRORS_OF_SETTING = 2.0
_STRENGTHS = (1.0, 30.0)
_TRUSTS = (1.0, 30.0)
_ALPHAS = (3.0, 10.0, 30.0)
_BETAS = (2.0, 8.0)
# The search needs no more to tell candidates apart; the head itself learns from all.
_SEARCHED_ROWS = 1500
# Each key costs one product per cell of the map.
_MOST_KEYS = 500


@dataclass(frozen=True)
class CandidateScore:
    """How one candidate did on held-out places.

    Attributes:
        choice: Kind and settings, its temperature calibrated on the same held-out answers.
        log_loss: Mean cross-entropy in nats, one object one vote, classes weighing the same.
        balanced_accuracy: Mean over classes of the share of held-out votes that went right.
        difference: Log-loss minus that of the first candidate.
        standard_error: Of the difference, over places.
    """

    choice: Choice
    log_loss: float
    balanced_accuracy: float
    difference: float
    standard_error: float


@dataclass(frozen=True)
class FitReport:
    """What was tried and what was taken.

    Attributes:
        chosen: What was taken.
        reason: One sentence: why.
        rule: How candidates are compared.
        scores: Every candidate's, in the order of preference; empty where nothing could be held out.
        scored_examples: Rows that were judged: those whose class has examples in another place.
        folds: How many parts the places were dealt into.
        warnings: Sentences for the user.
    """

    chosen: Choice
    reason: str
    rule: str
    scores: tuple[CandidateScore, ...]
    scored_examples: int
    folds: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A head and how it came about.

    Attributes:
        head: Fitted on all examples.
        report: What was tried.
    """

    head: FittedHead
    report: FitReport

    @property
    def choice(self) -> Choice:
        """What to refit after an edit."""
        return self.report.chosen


def fit_head(
    examples: Examples, text_head: TextHead | None, n_classes: int, *, class_names: Sequence[str] = ()
) -> Fitted:
    """Choose and fit a head.

    Args:
        examples: Any number; none gives the zero-shot map of the words.
        text_head: The words; None where no class has any. A class that none of its phrases names is wordless.
        n_classes: K.
        class_names: For messages.

    Raises:
        HeadError: ``head.no_examples``, ``head.one_class``, ``head.unanswerable`` or ``head.labels``.
    """
    words = checked_words(examples, text_head, n_classes, class_names)
    report = _search(examples, words, class_names)
    head = refit(examples, text_head, n_classes, report.chosen, class_names=class_names)
    return Fitted(head, report)


def candidates(examples: Examples, words: WordPrior) -> tuple[Choice, ...]:
    """Return what is tried, the preferred one first."""
    plain = (LINEAR, PROTOTYPES) if examples.present(words.class_count).all() else ()
    if not words.phrase_count:
        return plain
    cache = [Choice("tip_adapter", alpha=alpha, beta=beta) for alpha in _ALPHAS for beta in _BETAS]
    return (
        RESIDUAL,
        *(replace(RESIDUAL, strength=strength) for strength in _STRENGTHS),
        *(() if words.ground is not None else (replace(RESIDUAL, trust=trust) for trust in _TRUSTS)),
        *(cache if len(examples) <= _MOST_KEYS else ()),
        *plain,
        WORDS,
    )


def evidence_warnings(examples: Examples, n_classes: int, class_names: Sequence[str]) -> tuple[str, ...]:
    """Return at most two sentences, naming the classes whose samples, or their lack, make the result doubtful."""
    if not len(examples):
        return ()
    places = examples.places_per_class(n_classes)
    sentences = []
    few = [class_name(class_names, label) for label in np.flatnonzero((places > 0) & (places < LEAST_PLACES)).tolist()]
    if few:
        verb = "has" if len(few) == 1 else "have"
        sentences.append(f"{listed(few)} {verb} samples in fewer than {LEAST_PLACES} places: add some elsewhere.")
    none = [class_name(class_names, label) for label in np.flatnonzero(places == 0).tolist()]
    if none:
        verb, whose = ("has", "its") if len(none) == 1 else ("have", "their")
        sentences.append(f"{listed(none)} {verb} no samples: {whose} words alone answer.")
    return tuple(s[0].upper() + s[1:] for s in sentences)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return ``a, b and c``, at most ``most`` of them by name."""
    if len(names) == 1:
        return names[0]
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more classes"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _search(examples: Examples, words: WordPrior, class_names: Sequence[str]) -> FitReport:
    n_classes = words.class_count
    searched = examples.thinned(_SEARCHED_ROWS)
    folds = spatial_folds(searched, n_classes)
    rows = scorable_rows(searched, folds, n_classes)
    tried = candidates(searched, words)
    warnings = evidence_warnings(examples, n_classes, class_names)
    if not len(examples):
        return FitReport(tried[0], "There are no samples yet: the words alone answer.", RULE, (), 0, 0, warnings)
    if not rows.any():
        note = "No class has samples in two places: nothing could be held out, and probabilities are not calibrated."
        reason = "It is the first choice where nothing can be held out."
        return FitReport(tried[0], reason, RULE, (), 0, 0, (*warnings, note))
    scores = _scores(searched, folds, rows, words, tried)
    better = [score for score in scores if _is_better(score, tried[0])]
    best = min(better, key=lambda score: score.log_loss) if better else scores[0]
    reason = (
        "It did clearly better on held-out places than the first choice."
        if better
        else "No other did clearly better on held-out places."
    )
    fold_count = int(folds.max()) + 1
    return FitReport(best.choice, reason, RULE, tuple(scores), int(rows.sum()), fold_count, warnings)


def _is_better(score: CandidateScore, first: Choice) -> bool:
    if score.choice.kind == "words":  # for comparison only: the residual leaves them no further than samples ask for
        return False
    errors = _ERRORS_OF_SETTING if score.choice.kind == first.kind else _ERRORS_OF_KIND
    return score.difference < -errors * score.standard_error


def _scores(
    examples: Examples,
    folds: Int64,
    rows: Bools,
    words: WordPrior,
    tried: Sequence[Choice],
) -> list[CandidateScore]:
    known = examples.take(rows)
    votes = known.weights(words.class_count)
    votes *= known.object_count / votes.sum()
    found: list[CandidateScore] = []
    first: Float64 | None = None
    for choice, all_logits in zip(tried, held_out_logits(examples, folds, words, tried), strict=True):
        logits = all_logits[rows]
        factor = calibrate(logits, known.labels, votes)
        loss = losses(logits, known.labels, factor)
        first = loss if first is None else first
        hits = (logits.argmax(axis=1) == known.labels).astype(np.float64)
        difference, error = _paired(loss - first, votes, known.independent_places())
        found.append(
            CandidateScore(
                replace(choice, temperature_factor=factor),
                float(votes @ loss / votes.sum()),
                _balanced(hits, known, votes),
                difference,
                error,
            )
        )
    return found


def _paired(differences: Float64, votes: Float64, places: Int64) -> tuple[float, float]:
    """Return the weighted mean of ``differences`` and its standard error, places being what was drawn.

    Source: the linearised variance of a ratio under cluster sampling; Cochran, Sampling Techniques (1977), 9A.
    """
    total = votes.sum()
    mean = float(votes @ differences / total)
    _, place = np.unique(places, return_inverse=True)
    count = int(place.max()) + 1
    if count < 2:
        return mean, float("inf")
    deviations = np.bincount(place, weights=votes * (differences - mean))
    return mean, float(np.sqrt(count / (count - 1) * (deviations**2).sum()) / total)


def _balanced(hits: Float64, examples: Examples, votes: Float64) -> float:
    right = np.bincount(examples.labels, weights=votes * hits)
    whole = np.bincount(examples.labels, weights=votes)
    return float((right[whole > 0] / whole[whole > 0]).mean())
