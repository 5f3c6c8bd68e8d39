"""What the study tries: every value of every knob, one knob at a time around the product's own setting."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import NamedTuple

from satclip_engine.models.card import DEFAULT_TEMPLATES
from satclip_engine.models.encoder import Encoder
from satclip_engine.models.head_variants import HEAD_VARIANTS

BASE = "base"
COMBINED = "combined"

WINDOWS_PX = (128, 224, 320, 448)
STRIDE_SHARES = (1.0, 0.5, 0.25)
ZOOMS = (0.5, 0.71, 1.0, 1.41, 2.0)
# Source: SegEarth-OV's λ = -0.3, and its neighbourhood.
GLOBAL_BIASES = (0.0, -0.15, -0.3, -0.5)
TEMPLATE_SETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "card": (),
        "word": ("{}",),
        "satellite": ("a satellite image of {}",),
        "aerial": ("an aerial view of {}",),
        "three": DEFAULT_TEMPLATES,
        "eight": (
            *DEFAULT_TEMPLATES,
            "{}",
            "{} seen from a satellite",
            "an orthophoto that shows {}",
            "a remote sensing image with {}",
            "{} in a landscape",
        ),
    }
)


class Encoding(NamedTuple):
    """What decides a feature map.

    Attributes:
        window_px: Side of the encoder's window in working pixels.
        stride_share: Step between windows, in windows.
        zoom: Working pixels per image pixel and axis.
        head_variant: Dense head; empty where the tower has one only.
    """

    window_px: int
    stride_share: float
    zoom: float
    head_variant: str

    def window_cells(self, cell_px: int) -> tuple[int, int]:
        """Return the window's side and its step in cells."""
        cells = self.window_px // cell_px
        return cells, max(round(cells * self.stride_share), 1)


@dataclass(frozen=True)
class Setting:
    """One point of the study.

    Attributes:
        window_px: See ``Encoding``.
        stride_share: See ``Encoding``.
        zoom: See ``Encoding``.
        head_variant: See ``Encoding``.
        global_bias: λ.
        templates: A name in ``TEMPLATE_SETS``.
        upsampler: A name in the study's upsamplers.
    """

    window_px: int
    stride_share: float
    zoom: float
    head_variant: str
    global_bias: float
    templates: str
    upsampler: str

    @property
    def encoding(self) -> Encoding:
        """The part that needs the image to be encoded."""
        return Encoding(self.window_px, self.stride_share, self.zoom, self.head_variant)


KNOBS = tuple(field.name for field in fields(Setting))
# These ask another question of the same feature map: they cost no encoding.
LABEL_KNOBS = ("global_bias", "templates", "upsampler")


@dataclass(frozen=True)
class Trial:
    """A setting, and why it is tried.

    Attributes:
        knob: The field that differs from the base; ``base`` or ``combined``.
        setting: All values.
    """

    knob: str
    setting: Setting

    @property
    def value(self) -> str:
        """The knob's value in words."""
        return "" if self.knob in (BASE, COMBINED) else str(getattr(self.setting, self.knob))


def base_setting(encoder: Encoder) -> Setting:
    """Return what the product does with this model when nobody asks for anything else."""
    cells = encoder.window_px // encoder.cell_px
    stride = max(cells - max(cells // 4, 2), 1)
    return Setting(
        window_px=encoder.window_px,
        stride_share=round(stride / cells, 3),
        zoom=1.0,
        head_variant=encoder.head_variant,
        global_bias=encoder.global_bias,
        templates="card",
        upsampler="joint-bilateral",
    )


def plan(base: Setting, cell_px: int, upsamplers: Iterable[str], knobs: Iterable[str] = KNOBS) -> list[Trial]:
    """Return the base and then every other value of each of ``knobs``, cheap ones first.

    Args:
        base: The product's setting.
        cell_px: Side of the model's cell: windows are multiples of it.
        upsamplers: Names at hand.
        knobs: Which to vary.
    """
    values: dict[str, Iterable[object]] = {
        "upsampler": upsamplers,
        "global_bias": GLOBAL_BIASES,
        "templates": TEMPLATE_SETS,
        "zoom": ZOOMS,
        "stride_share": STRIDE_SHARES,
        "window_px": [px for px in WINDOWS_PX if px % cell_px == 0],
        "head_variant": HEAD_VARIANTS if base.head_variant else (),
    }
    wanted = set(knobs)
    trials = [Trial(BASE, base)]
    for knob, choices in values.items():
        if knob in wanted:
            trials += [
                Trial(knob, replace(base, **{knob: value}))  # type: ignore[arg-type]
                for value in choices
                if value != getattr(base, knob)
            ]
    return trials


def by_encoding(trials: Iterable[Trial]) -> dict[Encoding, list[Trial]]:
    """Group trials that share a feature map, in the order in which they first need it."""
    groups: dict[Encoding, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.setting.encoding, []).append(trial)
    return groups


def combine(base: Setting, means: Mapping[Trial, float], least_gain: float, knobs: Iterable[str] = KNOBS) -> Setting:
    """Return the base with each of ``knobs`` at its best value, where that gains at least ``least_gain``.

    Args:
        base: The product's setting.
        means: Mean score of each trial that was run, the base among them.
        least_gain: Smaller differences are taken for noise.
        knobs: Which may change.
    """
    reached = next((score for trial, score in means.items() if trial.knob == BASE), math.inf)
    best = base
    for knob in knobs:
        rivals = {trial: score for trial, score in means.items() if trial.knob == knob}
        winner = max(rivals, key=lambda trial: rivals[trial], default=None)
        if winner is not None and rivals[winner] - reached >= least_gain:
            best = replace(best, **{knob: getattr(winner.setting, knob)})
    return best
