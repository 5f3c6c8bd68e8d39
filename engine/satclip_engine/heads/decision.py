"""From class probabilities to thematic codes: arg-max, per-class thresholds, background and "unknown"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from satclip_engine.protocol import ClassSet


@dataclass(frozen=True)
class DecisionRule:
    """When the winning class is not taken; probabilities in [0, 1].

    Attributes:
        thresholds: Least probability per class, in class order; 0 means none.
        unknown_below: Top probability below which the answer is "unknown"; 0 never abstains.
        background_code: Code that takes pixels below their class's threshold, or None: those are "unknown".
        unknown_code: One past the last class.
    """

    thresholds: tuple[float, ...]
    unknown_below: float
    background_code: int | None
    unknown_code: int

    @classmethod
    def from_classes(cls, classes: ClassSet, unknown_below: float | None) -> DecisionRule:
        """Return the rule that the classes and the abstain level describe."""
        return cls(
            thresholds=tuple(spec.threshold or 0.0 for spec in classes.classes),
            unknown_below=unknown_below or 0.0,
            background_code=classes.background_code,
            unknown_code=classes.unknown_code,
        )


@dataclass(frozen=True)
class Decision:
    """What was decided for each pixel.

    Attributes:
        codes: uint8, or uint16 where the unknown code is above 255: classes from 1, unknown K + 1.
        top: Highest probability, dtype of the probabilities.
        margin: Highest minus second highest (highest itself with one class), same dtype.
    """

    codes: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    top: npt.NDArray[np.generic]
    margin: npt.NDArray[np.generic]


def decide(probabilities: npt.NDArray[np.generic], rule: DecisionRule, *, one: float = 1.0) -> Decision:
    """Return codes, top probability and margin of ``probabilities`` (K, ...).

    winner = arg-max, the first of equals; top < unknown_below → unknown; else top < threshold of the winner →
    background class if there is one, else unknown; else the winner.

    Args:
        probabilities: float in [0, 1], or an unsigned integer coding of it.
        rule: Thresholds in [0, 1].
        one: The coded value of probability 1 (250 for the products' uint8).
    """
    # A running maximum reads every channel once; argmax over the first axis is more than ten times slower.
    code_type = np.uint16 if rule.unknown_code > 255 else np.uint8
    top = probabilities[0].copy()
    second = np.zeros_like(top)
    codes = np.ones(top.shape, dtype=code_type)
    for index in range(1, probabilities.shape[0]):
        channel = probabilities[index]
        wins = channel > top
        np.maximum(second, np.minimum(channel, top), out=second)
        np.copyto(codes, code_type(index + 1), where=wins)
        np.maximum(top, channel, out=top)
    return Decision(codes=_apply(rule, codes, top, one), top=top, margin=top - second)


def _apply(
    rule: DecisionRule, codes: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], top: npt.NDArray[np.generic], one: float
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    if any(rule.thresholds):
        least = (np.array((0.0, *rule.thresholds), dtype=np.float32) * np.float32(one))[codes]
        below = np.less(top, least)
        codes[below] = rule.unknown_code if rule.background_code is None else rule.background_code
    if rule.unknown_below > 0:
        codes[np.less(top, np.float32(rule.unknown_below * one))] = rule.unknown_code
    return codes
