"""Which kind of head with which settings, and fitting exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from satclip_engine.errors import HeadError
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.linear import PROBE_C, LinearHead, fit_probe, one_class
from satclip_engine.heads.prototypes import fit_prototypes
from satclip_engine.heads.residual import TRUST, ResidualHead, fit_residual
from satclip_engine.heads.text_head import TextHead
from satclip_engine.heads.threads import keep_to_one_thread
from satclip_engine.heads.tip_adapter import CacheHead, fit_cache
from satclip_engine.heads.words import WordPrior

FittedHead = LinearHead | ResidualHead | CacheHead
Kind = Literal["words", "residual", "linear", "prototypes", "tip_adapter"]

# Of 5, 30 and 100 the one that teaches best by simulated clicks; see ``satclip_engine.harness.teaching``.
RESIDUAL_C = 5.0
# More rows than this only make an edit slower; every object keeps some of its own.
_LEARNT_ROWS = 10_000
_NEEDS_EXAMPLES_OF_ALL = ("linear", "prototypes")


@dataclass(frozen=True)
class Choice:
    """A kind of head and its settings.

    Attributes:
        kind: ``words`` takes no examples, ``residual`` and ``tip_adapter`` start from words.
        strength: C of the residual or the probe; 0 for the others.
        trust: Objects per class after which the residual's words count half.
        alpha: α of Tip-Adapter; 0 for the others.
        beta: β of Tip-Adapter; 0 for the others.
        temperature_factor: What calibration multiplies the temperature by.
    """

    kind: Kind
    strength: float = 0.0
    trust: float = TRUST
    alpha: float = 0.0
    beta: float = 0.0
    temperature_factor: float = 1.0


WORDS = Choice("words")
RESIDUAL = Choice("residual", strength=RESIDUAL_C)
LINEAR = Choice("linear", strength=PROBE_C)
PROTOTYPES = Choice("prototypes")


def refit(
    examples: Examples,
    text_head: TextHead | None,
    n_classes: int,
    choice: Choice,
    *,
    class_names: Sequence[str] = (),
    start: FittedHead | None = None,
) -> FittedHead:
    """Fit the chosen kind without a search: what every edit of the samples asks for.

    A kind that needs examples of every class gives way to the residual while some class has words alone.

    Args:
        examples: Any number.
        text_head: The words; None where no class has any.
        n_classes: K.
        choice: As ``fit_head`` found it.
        class_names: For messages.
        start: The head before the edit; the residual begins its search there.

    Raises:
        HeadError: ``head.no_examples``, ``head.one_class``, ``head.unanswerable`` or ``head.labels``.
    """
    words = checked_words(examples, text_head, n_classes, class_names)
    if choice.kind in _NEEDS_EXAMPLES_OF_ALL and not examples.present(n_classes).all():
        choice = RESIDUAL
    head = fit_choice(examples.thinned(_LEARNT_ROWS), words, choice, start=start)
    return replace(head, temperature=head.temperature * choice.temperature_factor)


def checked_words(
    examples: Examples, text_head: TextHead | None, n_classes: int, class_names: Sequence[str]
) -> WordPrior:
    """Return the prior of the words, if every class can be answered by words or examples.

    Raises:
        HeadError: ``head.no_examples``, ``head.one_class``, ``head.unanswerable`` or ``head.labels``.
    """
    examples.check_classes(n_classes)
    if not len(examples) and text_head is None:
        raise HeadError(
            "There are neither samples nor words to learn from.",
            remedy="Draw samples of at least two classes, or give the classes words.",
            code="head.no_examples",
        )
    words = WordPrior.of(text_head, n_classes, examples.vectors.shape[1])
    answerable = words.worded | examples.present(n_classes)
    if answerable.sum() < 2 and not words.worded.all():
        raise one_class()
    if not answerable.all():
        missing = [class_name(class_names, int(index)) for index in np.flatnonzero(~answerable)]
        raise HeadError(
            f"There is nothing to find {', '.join(missing)} by: no samples and no words.",
            remedy="Draw samples of it, give it words, or remove it.",
            code="head.unanswerable",
            classes=missing,
        )
    return words


def fit_choice(examples: Examples, words: WordPrior, choice: Choice, *, start: FittedHead | None = None) -> FittedHead:
    """Return the head of ``choice``, its temperature not calibrated; classes may lack examples."""
    keep_to_one_thread()
    if choice.kind == "linear":
        return fit_probe(examples, words.class_count, choice.strength)
    if choice.kind == "prototypes":
        return fit_prototypes(examples, words.class_count)
    if choice.kind == "tip_adapter":
        return fit_cache(examples, words, choice.alpha, choice.beta)
    nothing = np.zeros(len(examples), dtype=np.bool_)
    if choice.kind == "words":
        return fit_residual(examples.take(nothing), words, RESIDUAL_C)
    usable = start if isinstance(start, ResidualHead) and start.weights.shape[0] == words.class_count else None
    return fit_residual(examples, words, choice.strength, trust=choice.trust, start=usable)


def class_name(names: Sequence[str], index: int) -> str:
    """Return the quoted name of a class, or its number from 1."""
    return f'"{names[index]}"' if index < len(names) else f"class {index + 1}"
