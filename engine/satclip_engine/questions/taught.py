"""Which head answers: the words of a request, a head taught in this engine run, or a saved one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from satclip_engine.errors import HeadError
from satclip_engine.features.source import FeatureSource
from satclip_engine.heads.choice import Choice, FittedHead
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.text_head import TextHead
from satclip_engine.models.encoder import Encoder
from satclip_engine.protocol import ClassSet, FitRequest, FitResult, TextOptions, to_json
from satclip_engine.questions.fitting import Fit

_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, eq=False)
class TaughtHead:
    """A head that was fitted in this engine run, with all that keeping it needs.

    Attributes:
        request: What it was fitted on.
        result: What the user was told.
        head: The head.
        choice: Its kind and settings.
        examples: What it has learnt from.
        encoder: Identity of the encoder whose features they are.
        scene: Facts of the scene, as JSON types.
        crs_wkt: CRS of the samples; empty where the scene has none.
    """

    request: FitRequest
    result: FitResult
    head: FittedHead
    choice: Choice
    examples: Examples
    encoder: dict[str, Any]
    scene: dict[str, Any]
    crs_wkt: str

    @classmethod
    def of(
        cls, request: FitRequest, result: FitResult, fit: Fit, examples: Examples, source: FeatureSource
    ) -> TaughtHead:
        """Return the head of a fit."""
        return cls(
            request,
            result,
            fit.head,
            fit.measured.choice,
            examples,
            source.encoder.identity(),
            scene_facts(source),
            source.scene.grid.crs_wkt,
        )

    def check(self, classes: ClassSet, encoder: Encoder) -> None:
        """Refuse to answer for other classes, or on another encoder's features.

        Raises:
            HeadError: ``head.classes`` or ``head.encoder``.
        """
        check_classes(classes.names, self.request.classes.names)
        if _features_of(self.encoder) != _features_of(encoder.identity()):
            raise HeadError(
                f"The head was taught on features of the model {self.encoder['id']!r}, not of {encoder.id!r}.",
                remedy="Teach again with this model, or choose the other one.",
                code="head.encoder",
            )


def check_classes(asked: Sequence[str], taught: Sequence[str]) -> None:
    """Refuse classes that are not the head's own, in its order.

    Raises:
        HeadError: ``head.classes``.
    """
    if tuple(asked) != tuple(taught):
        raise HeadError(
            f"The head tells {_listed(taught)} apart, but the classes asked for are {_listed(asked)}.",
            remedy="Take the head's classes in its order, or teach a head for these.",
            code="head.classes",
            head_classes=list(taught),
        )


def unknown_head(head_id: str) -> HeadError:
    """Return the error for a head that this engine run does not keep (any more)."""
    return HeadError(
        f"The engine does not know the head {head_id!r}: it was started anew, or many heads were fitted since.",
        remedy="Fit the samples again.",
        code="head.unknown",
        head_id=head_id,
    )


def words_of(encoder: Encoder, classes: ClassSet, text: TextOptions) -> TextHead | None:
    """Return what words say about ``classes``; None where no class has any.

    A class whose phrases hold no letter, such as ``7``, has none.

    Raises:
        OptionError: ``option.templates`` or ``option.temperature``.
    """
    head = TextHead.from_classes(encoder, classes, text)
    worded = [place for place, phrase in enumerate(head.phrases) if _LETTER.search(phrase)]
    if len(worded) == len(head.phrases):
        return head
    if not worded:
        return None
    return replace(
        head,
        phrase_vectors=head.phrase_vectors[worded],
        class_of_phrase=head.class_of_phrase[worded],
        phrases=tuple(head.phrases[place] for place in worded),
    )


def scene_facts(source: FeatureSource) -> dict[str, Any]:
    """Return what a saved head and a run card record of the scene, as JSON types."""
    scene = source.scene
    return {
        "fingerprint": scene.fingerprint,
        "bands": to_json(scene.bands),
        "scaling": to_json(scene.scaling),
        "gsd_m": scene.grid.gsd_m,
        "working_gsd_m": source.grid.gsd_m,
        "notes": list(scene.notes),
    }


def _features_of(identity: dict[str, Any]) -> dict[str, Any]:
    """Return an encoder's identity without what only rounds its features."""
    return {name: value for name, value in identity.items() if name not in ("precision", "device_type")}


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown
