"""The study's rows, brought together per setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from satclip_engine.harness.study.plan import KNOBS, Setting
from satclip_engine.harness.study.rows import Row

# How a person reads the fields of a setting.
KNOB_TITLES = {
    "upsampler": "Upsampler",
    "global_bias": "λ, global bias",
    "templates": "Templates",
    "zoom": "Zoom, working px per image px",
    "stride_share": "Step between windows, in windows",
    "window_px": "Window, working px",
    "head_variant": "Dense head",
}


@dataclass(frozen=True)
class Line:
    """What one setting reached.

    Attributes:
        setting: All knobs.
        scores: By data set, in [0, 1]; a missing set was not measured.
        encode_s_per_mpx: Seconds per megapixel of the images.
        label_s_per_mpx: From features to labels, likewise.
    """

    setting: Setting
    scores: dict[str, float]
    encode_s_per_mpx: float
    label_s_per_mpx: float

    @property
    def mean(self) -> float:
        """Mean score over the data sets."""
        return float(np.mean(list(self.scores.values())))


def lines(rows: Sequence[Row], role: str) -> dict[Setting, Line]:
    """Return one line per setting, of the largest number of images that each set was scored on.

    Args:
        rows: Of one model.
        role: Which parts.
    """
    most: dict[str, int] = {}
    for row in rows:
        if row.role == role:
            most[row.dataset] = max(most.get(row.dataset, 0), row.images)
    found: dict[Setting, list[Row]] = {}
    for row in rows:
        if row.role == role and row.images == most[row.dataset]:
            found.setdefault(row.setting, []).append(row)
    complete = {setting: group for setting, group in found.items() if len(group) == len(most)}
    return {setting: _line(setting, group) for setting, group in complete.items()}


def sweep(measured: dict[Setting, Line], base: Setting, knob: str) -> list[tuple[str, Line]]:
    """Return the measured values of ``knob`` with everything else as in ``base``, numbers in rising order."""
    values = [(getattr(setting, knob), line) for setting, line in measured.items() if _differs(setting, base, knob)]
    if all(isinstance(value, (int, float)) for value, _ in values):
        values.sort(key=lambda pair: pair[0])
    return [(f"{value:g}" if isinstance(value, float) else str(value), line) for value, line in values]


def knobs_of(measured: dict[Setting, Line], base: Setting) -> list[str]:
    """Return the knobs that have more than one measured value."""
    return [knob for knob in KNOB_TITLES if len(sweep(measured, base, knob)) > 1]


def difference(setting: Setting, base: Setting) -> str:
    """Return in words what ``setting`` changes."""
    changed = [
        f"{KNOB_TITLES[knob]} {getattr(setting, knob)}"
        for knob in KNOBS
        if getattr(setting, knob) != getattr(base, knob)
    ]
    return "; ".join(changed) or "the product's default"


def _line(setting: Setting, group: Sequence[Row]) -> Line:
    megapixels = sum(row.megapixels for row in group)
    return Line(
        setting,
        {row.dataset: row.score for row in group},
        sum(row.encode_s for row in group) / megapixels,
        sum(row.label_s for row in group) / megapixels,
    )


def _differs(setting: Setting, base: Setting, knob: str) -> bool:
    """Return whether ``setting`` is ``base`` but, perhaps, for ``knob``."""
    return replace(setting, **{knob: getattr(base, knob)}) == base
