"""The search for the best kind of head, beside the answers: a click never waits for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from dataclasses import dataclass

from satclip_engine.heads.choice import LINEAR, RESIDUAL, Choice
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.fit import evidence_warnings, fit_head
from satclip_engine.heads.text_head import TextHead
from satclip_engine.heads.validation import CurvePoint, validate
from satclip_engine.protocol import CandidateScore, ClassSet
from satclip_engine.questions.recent import Recent

# The search is worth its seconds again when there is a quarter more to learn from.
_GROWTH = 1.25
_KEPT = 4
_LOOK_UP_S = 0.05


@dataclass(frozen=True)
class Measured:
    """What a search on held-out places found out; it holds while the examples stay much the same.

    Attributes:
        choice: The kind of head to take.
        candidates: Every kind that was tried, at its best setting; empty where nothing could be held out.
        f1: Held-out F1 of each class; None where it could not be measured.
        curve: The learning curve so far.
        warnings: What makes the search itself doubtful.
        objects: Drawn objects at that time.
        present: Which classes had examples.
    """

    choice: Choice
    candidates: tuple[CandidateScore, ...]
    f1: tuple[float | None, ...]
    curve: tuple[CurvePoint, ...]
    warnings: tuple[str, ...]
    objects: int
    present: tuple[bool, ...]

    def holds_for(self, examples: Examples) -> bool:
        """Return whether ``examples`` are so much the same that the search need not be made again."""
        few, many = sorted((self.objects, examples.object_count))
        return many <= few * _GROWTH and self.present == _present(examples, len(self.f1))


def measure(examples: Examples, words: TextHead | None, classes: ClassSet) -> Measured:
    """Search for the best kind of head, and judge it on places it has not seen.

    Args:
        examples: Any number.
        words: What the words say; None where no class has any.
        classes: All classes.

    Raises:
        HeadError: if samples and words do not suffice; see ``fit_head``.
    """
    n_classes, names = len(classes), classes.names
    report = fit_head(examples, words, n_classes, class_names=names).report
    validation = validate(examples, words, n_classes, report.chosen, class_names=names)
    # Those about single classes are told anew after every edit.
    passing = evidence_warnings(examples, n_classes, names)
    return Measured(
        report.chosen,
        _best_of_each(
            [CandidateScore(score.choice.kind, score.log_loss, score.balanced_accuracy) for score in report.scores]
        ),
        tuple(None if math.isnan(score.f1) else score.f1 for score in validation.classes),
        validation.curve,
        tuple(sentence for sentence in report.warnings if sentence not in passing),
        examples.object_count,
        _present(examples, n_classes),
    )


def unmeasured(examples: Examples, words: TextHead | None, classes: ClassSet) -> Measured:
    """Return what is taken until a search has found out more: the first candidate, about which nothing is known."""
    count = len(classes)
    choice = LINEAR if words is None else RESIDUAL
    return Measured(choice, (), (None,) * count, (), (), examples.object_count, _present(examples, count))


class Search:
    """Runs one search at a time in a thread of its own and keeps what the last ones found."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="search")
        self._running: tuple[str, Future[Measured]] | None = None
        self._found = Recent[Measured](_KEPT)

    def find(self, key: str) -> Measured | None:
        """Return what the last finished search of ``key`` found."""
        return self._found.find(key)

    def start(self, key: str, examples: Examples, words: TextHead | None, classes: ClassSet) -> None:
        """Begin a search unless one runs; see ``measure``."""
        if self._running is None:
            self._running = key, self._pool.submit(measure, examples, words, classes)

    def finish(self, should_stop: Callable[[], bool]) -> bool:
        """Wait for the search that runs.

        Args:
            should_stop: Asked all the while; True ends the call early, not the search.

        Returns:
            Whether one was finished, so that a fit tells more now.

        Raises:
            HeadError: if the search found that samples and words do not suffice.
        """
        while self._running is not None and not should_stop():
            key, future = self._running
            try:
                found = future.result(_LOOK_UP_S)
            except NotYetError:
                continue
            except BaseException:
                self._running = None
                raise
            self._running = None
            self._found.put(key, found)
            return True
        return False


def _best_of_each(candidates: list[CandidateScore]) -> tuple[CandidateScore, ...]:
    """Return the best setting of each method, in the order in which methods were tried first."""
    best: dict[str, CandidateScore] = {}
    for candidate in sorted(candidates, key=lambda one: one.log_loss or 0.0):
        best.setdefault(candidate.method, candidate)
    order = dict.fromkeys(candidate.method for candidate in candidates)
    return tuple(best[method] for method in order)


def _present(examples: Examples, n_classes: int) -> tuple[bool, ...]:
    return tuple(bool(there) for there in examples.present(n_classes))
