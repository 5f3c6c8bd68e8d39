"""From class probabilities to thematic codes: arg-max, per-class thresholds, background and "unknown"."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from satclip_engine.protocol import ClassSet


@dataclass(frozen=True)
class Decision:
    """What was decided for each pixel.

    Attributes:
        codes: uint8, or uint16 where the unknown code is above 255: classes from 1, unknown K + 1.
        top: Highest probability, shape of the codes.
    """

    codes: torch.Tensor
    top: torch.Tensor


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

    @property
    def class_count(self) -> int:
        """The number of classes K."""
        return len(self.thresholds)

    def decide(self, probabilities: torch.Tensor) -> Decision:
        """Return codes and top probability of float ``probabilities`` (K, ...).

        winner = arg-max, the first of equals; top < unknown_below → unknown; else top < threshold of the winner →
        background class if there is one, else unknown; else the winner.
        """
        # A running maximum reads every channel once; argmax over the first axis is more than ten times slower.
        top = probabilities[0].clone()
        wide = self.unknown_code > 255  # torch has few operations on uint16, so wide codes are int32 until the end
        codes = torch.ones(top.shape, dtype=torch.int32 if wide else torch.uint8)
        for index in range(1, probabilities.shape[0]):
            codes.masked_fill_(probabilities[index] > top, index + 1)
            torch.maximum(top, probabilities[index], out=top)
        self._apply_thresholds(codes, top)
        return Decision(codes=codes.to(torch.uint16) if wide else codes, top=top)

    def second(self, probabilities: torch.Tensor, top: torch.Tensor) -> torch.Tensor:
        """Return the second highest of ``probabilities`` (K, ...), given the highest; 0 with one class."""
        second = torch.zeros_like(top)
        equals = torch.zeros(top.shape, dtype=torch.int32)
        for channel in probabilities:
            is_top = channel == top
            equals += is_top
            torch.maximum(second, channel.masked_fill(is_top, 0), out=second)
        return torch.where(equals > 1, top, second)

    def _apply_thresholds(self, codes: torch.Tensor, top: torch.Tensor) -> None:
        if any(self.thresholds):
            least = torch.tensor((0.0, *self.thresholds), dtype=top.dtype)[codes.long()]
            codes.masked_fill_(top < least, self.background_code or self.unknown_code)
        if self.unknown_below > 0:
            codes.masked_fill_(top < self.unknown_below, self.unknown_code)
