"""Fitting a head of a settled kind, and telling the user what is known about it."""

from __future__ import annotations

from dataclasses import dataclass

from satclip_engine.errors import HeadError
from satclip_engine.heads.choice import FittedHead, refit
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.fit import evidence_warnings
from satclip_engine.heads.text_head import TextHead
from satclip_engine.protocol import ClassEvidence, ClassSet, FitResult, LearningPoint
from satclip_engine.questions.search import Measured
from satclip_engine.samples.gather import Gathered


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted head and what is known about its kind.

    Attributes:
        head: Fitted on all examples.
        measured: From the last search.
    """

    head: FittedHead
    measured: Measured


def fit_examples(
    examples: Examples, words: TextHead | None, classes: ClassSet, measured: Measured, before: FittedHead | None
) -> Fit:
    """Fit a head of the kind that ``measured`` names.

    Args:
        examples: Any number.
        words: What the words say; None where no class has any.
        classes: All classes.
        measured: What is known.
        before: The head before the last edit, to begin at.

    Raises:
        HeadError: ``head.one_class`` for a single class, or if samples and words do not suffice; see ``refit``.
    """
    refuse_one_class(classes)
    head = refit(examples, words, len(classes), measured.choice, class_names=classes.names, start=before)
    return Fit(head, measured)


def refuse_one_class(classes: ClassSet) -> None:
    """Refuse a single class.

    Raises:
        HeadError: ``head.one_class``.
    """
    if len(classes) < 2:
        raise HeadError(
            f"There is only the class {classes.names[0]!r}: nothing to tell it from.",
            remedy="Add a second class, for example one for all the rest.",
            code="head.one_class",
        )


def not_encoded_yet() -> HeadError:
    """Return the error for samples without features, where no words can answer meanwhile."""
    return HeadError(
        "The ground under the samples is still being encoded, and the classes have no words to go by meanwhile.",
        remedy="Wait a moment: it is tried again as soon as the features are there.",
        code="head.no_features",
    )


def describe(head_id: str, fit: Fit, gathered: Gathered, classes: ClassSet) -> FitResult:
    """Return what the user is told about a fit."""
    examples, count = gathered.examples, len(classes)
    objects, places = examples.objects_per_class(count), examples.places_per_class(count)
    evidence = zip(classes.names, objects.tolist(), places.tolist(), fit.measured.f1, strict=True)
    return FitResult(
        head_id=head_id,
        method=fit.measured.choice.kind,
        candidates=fit.measured.candidates,
        classes=tuple(ClassEvidence(*facts) for facts in evidence),
        missing_fraction=gathered.missing_fraction,
        warnings=(*evidence_warnings(examples, count, classes.names), *fit.measured.warnings),
        notes=gathered.notes,
        curve=tuple(LearningPoint(at.samples, at.mean_f1, at.objects) for at in fit.measured.curve),
    )
