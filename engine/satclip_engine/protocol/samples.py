"""Teaching by example: what the analyst drew, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from .classes import ClassSet
from .segment import FeatureOptions, TextOptions


@dataclass(frozen=True)
class Sample:
    """One drawn object whose class is known.

    Attributes:
        id: Unique among the samples of a request; the same object keeps it when it is edited.
        label: 0-based place of its class in the request's classes.
        geometry: GeoJSON point, line, polygon or several of them, in the scene's CRS; in QGIS's coordinates of the
            layer (y = 0 at the top, falling) where the scene has neither CRS nor transform.
    """

    id: str
    label: int
    geometry: dict[str, Any]


@dataclass(frozen=True)
class FitRequest:
    """Words and samples in, a head out.

    Attributes:
        scene: As in ``SegmentRequest``.
        classes: All classes; one may have words, samples, or both.
        samples: In the order in which they were drawn: where two lie on one cell, the later one counts.
        features: As in ``SegmentRequest``.
        text: As in ``SegmentRequest``.

    Raises:
        ValueError: if a sample's label is no class, or two samples have one id.
    """

    scene: str
    classes: ClassSet
    samples: tuple[Sample, ...]
    features: FeatureOptions = field(default_factory=FeatureOptions)
    text: TextOptions = field(default_factory=TextOptions)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for sample in self.samples:
            if sample.id in seen:
                raise ValueError(f"two samples have the id {sample.id!r}")
            seen.add(sample.id)
            if not 0 <= sample.label < len(self.classes):
                raise ValueError(f"sample {sample.id!r} has class {sample.label} of {len(self.classes)} classes")


@dataclass(frozen=True)
class CandidateScore:
    """How well one kind of head did on places it had not seen.

    Attributes:
        method: Its name.
        log_loss: Mean held-out log-loss in nats, lower is better; None where it could not be measured.
        balanced_accuracy: Mean held-out recall over the classes, in [0, 1]; None where it could not be measured.
    """

    method: str
    log_loss: Optional[float] = None
    balanced_accuracy: Optional[float] = None


@dataclass(frozen=True)
class ClassEvidence:
    """What is known about one class.

    Attributes:
        name: The class.
        samples: Drawn objects that gave examples.
        places: Independent places among them.
        f1: Held-out F1 in [0, 1]; None where it could not be measured.
    """

    name: str
    samples: int
    places: int
    f1: Optional[float] = None


@dataclass(frozen=True)
class LearningPoint:
    """How good heads of the chosen kind are that learnt from so many samples, on places they had not seen.

    Attributes:
        samples: Drawn objects per class, or all there were outside the judged place where that is fewer.
        f1: Mean held-out F1 over the classes, in [0, 1].
        objects: How many drawn objects were judged.
    """

    samples: int
    f1: float
    objects: int


@dataclass(frozen=True)
class FitResult:
    """A fitted head and how far to trust it.

    Attributes:
        head_id: Names the head in later requests to the same engine.
        method: The kind of head that was taken.
        candidates: Every kind that was tried.
        classes: One entry per class, in order.
        missing_fraction: Share of the samples' cells whose features are not there yet, in [0, 1].
        warnings: What makes the result doubtful, e.g. a class with fewer than three places.
        notes: What was left out, and why.
        curve: The learning curve so far, fewest samples first; empty while it is not known.
    """

    head_id: str
    method: str
    candidates: tuple[CandidateScore, ...]
    classes: tuple[ClassEvidence, ...]
    missing_fraction: float = 0.0
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    curve: tuple[LearningPoint, ...] = ()
