"""Choosing and fitting a head on gathered examples, and telling how good it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from satclip_engine.heads.choice import Choice, FittedHead, refit
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.fit import _warnings as evidence_warnings
from satclip_engine.heads.fit import fit_head
from satclip_engine.heads.text_head import TextHead
from satclip_engine.heads.validation import validate
from satclip_engine.protocol import CandidateScore, ClassEvidence, ClassSet, FitResult
from satclip_engine.samples.gather import Gathered

# The search is worth its seconds again when there is a quarter more to learn from.
_GROWTH = 1.25


@dataclass(frozen=True)
class Measured:
    """What a search on held-out places found out; it holds while the examples stay much the same.

    Attributes:
        choice: The kind of head that was taken.
        candidates: Every kind that was tried.
        f1: Held-out F1 of each class; None where it could not be measured.
        objects: Drawn objects at that time.
        present: Which classes had examples.
        warnings: What makes the search itself doubtful.
    """

    choice: Choice
    candidates: tuple[CandidateScore, ...]
    f1: tuple[float | None, ...]
    objects: int
    present: tuple[bool, ...]
    warnings: tuple[str, ...]

    def holds_for(self, examples: Examples) -> bool:
        """Return whether ``examples`` are so much the same that the choice need not be made again."""
        few, many = sorted((self.objects, examples.object_count))
        return many <= few * _GROWTH and self.present == _present(examples, len(self.f1))


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted head and what is known about its kind.

    Attributes:
        head: Fitted on all examples.
        measured: From the last search.
    """

    head: FittedHead
    measured: Measured


def fit_examples(examples: Examples, words: TextHead | None, classes: ClassSet, earlier: Fit | None) -> Fit:
    """Fit a head; its kind is searched for only where ``earlier`` does not settle it.

    Args:
        examples: Any number.
        words: What the words say; None where no class has any.
        classes: All classes.
        earlier: The fit of the same classes and words before the last edits.

    Raises:
        HeadError: if the samples and words do not suffice; see ``fit_head``.
    """
    n_classes, names = len(classes), classes.names
    if earlier is not None and earlier.measured.holds_for(examples):
        choice = earlier.measured.choice
        head = refit(examples, words, n_classes, choice, class_names=names, start=earlier.head)
        return Fit(head, earlier.measured)
    fitted = fit_head(examples, words, n_classes, class_names=names)
    scores = validate(examples, words, n_classes, fitted.choice, class_names=names).classes
    candidates = tuple(
        CandidateScore(score.choice.kind, score.log_loss, score.balanced_accuracy) for score in fitted.report.scores
    )
    f1 = tuple(None if math.isnan(score.f1) else score.f1 for score in scores)
    present = _present(examples, n_classes)
    # Those about single classes are told anew after every edit.
    passing = evidence_warnings(examples, n_classes, names)
    warnings = tuple(sentence for sentence in fitted.report.warnings if sentence not in passing)
    return Fit(fitted.head, Measured(fitted.choice, candidates, f1, examples.object_count, present, warnings))


def describe(head_id: str, fit: Fit, gathered: Gathered, classes: ClassSet) -> FitResult:
    """Return what the user is told about a fit."""
    examples, count = gathered.examples, len(classes)
    pairs = np.unique(np.stack([examples.labels, examples.objects]), axis=1)
    objects = np.bincount(pairs[0], minlength=count)
    places = examples.places_per_class(count)
    return FitResult(
        head_id=head_id,
        method=fit.measured.choice.kind,
        candidates=_best_of_each(fit.measured.candidates),
        classes=tuple(
            ClassEvidence(name, int(objects[label]), int(places[label]), fit.measured.f1[label])
            for label, name in enumerate(classes.names)
        ),
        missing_fraction=gathered.missing_fraction,
        warnings=(*evidence_warnings(examples, count, classes.names), *fit.measured.warnings),
        notes=gathered.notes,
    )


def _best_of_each(candidates: Sequence[CandidateScore]) -> tuple[CandidateScore, ...]:
    """Return the best setting of each method, in the order in which methods were tried first."""
    best: dict[str, CandidateScore] = {}
    for candidate in candidates:
        held = best.get(candidate.method)
        if held is None or (candidate.log_loss or 0.0) < (held.log_loss or 0.0):
            best[candidate.method] = candidate
    return tuple(best.values())


def _present(examples: Examples, n_classes: int) -> tuple[bool, ...]:
    return tuple(bool(there) for there in examples.present(n_classes))
