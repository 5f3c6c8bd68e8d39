"""The study as one figure: a panel per knob, scores above, seconds per megapixel below; SVG written by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from satclip_engine.harness.study.plan import Setting
from satclip_engine.harness.study.rows import CHOOSE, Row
from satclip_engine.harness.study.summary import KNOB_TITLES, Line, knobs_of, lines, sweep

_COLUMNS = 3
_PANEL_W, _PANEL_H = 330, 250
_LEFT, _TOP, _PLOT_W, _PLOT_H = 46, 34, 268, 128
_BAR_TOP, _BAR_H = 178, 26
_HEAD_H = 42
# Okabe and Ito's colours: told apart by colour-blind readers, and readable on light and dark.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00")
_STYLE = """
svg { background: #ffffff; } text { font: 11px system-ui, sans-serif; fill: #222222; }
.title { font-weight: 600; font-size: 12px; } .faint { fill: #6b6b6b; font-size: 10px; }
.grid { stroke: #dddddd; } .mean { stroke: #222222; fill: none; stroke-width: 2; }
.dot { fill: #222222; } .bar { fill: #b8bec6; } .default { stroke: #222222; fill: none; }
@media (prefers-color-scheme: dark) {
  svg { background: #1e1f22; } text { fill: #e6e6e6; } .faint { fill: #a0a0a0; } .grid { stroke: #3a3c40; }
  .mean { stroke: #e6e6e6; } .dot { fill: #e6e6e6; } .bar { fill: #5a6068; } .default { stroke: #e6e6e6; }
}
"""


def figure(rows: Sequence[Row], base: Setting) -> str:
    """Return the figure as a self-contained SVG.

    Args:
        rows: Of one model.
        base: The product's setting; circled in every panel.
    """
    measured = lines(rows, CHOOSE)
    knobs = knobs_of(measured, base)
    sets = sorted({name for line in measured.values() for name in line.scores})
    width = _PANEL_W * min(max(len(knobs), 1), _COLUMNS)
    height = _HEAD_H + _PANEL_H * math.ceil(max(len(knobs), 1) / _COLUMNS)
    span = _span(measured)
    panels = [
        f'<g transform="translate({_PANEL_W * (index % _COLUMNS)} {_HEAD_H + _PANEL_H * (index // _COLUMNS)})">'
        f"{_panel(KNOB_TITLES[knob], sweep(measured, base, knob), base, sets, span)}</g>"
        for index, knob in enumerate(knobs)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img"'
            ' aria-label="Score and time of every setting that the study tried">',
            f"<style>{_STYLE}</style>",
            _legend(sets),
            *panels,
            "</svg>\n",
        ]
    )


def _legend(sets: Sequence[str]) -> str:
    parts, x = [], _LEFT
    for name, colour in zip(sets, _COLOURS, strict=False):
        parts.append(f'<circle cx="{x}" cy="18" r="4" fill="{colour}"/>{_text(x + 9, 22, name)}')
        x += 26 + 7 * len(name)
    parts.append(f'<path class="mean" d="M{x} 18h18"/>{_text(x + 24, 22, "mean; the circle is the default")}')
    return "".join(parts)


def _panel(
    title: str,
    values: list[tuple[str, Line]],
    base: Setting,
    sets: Sequence[str],
    span: tuple[float, float],
) -> str:
    step = _PLOT_W / len(values)
    xs = [_LEFT + step * (index + 0.5) for index in range(len(values))]

    def y(score: float) -> float:
        return _TOP + _PLOT_H * (1 - (score - span[0]) / (span[1] - span[0]))

    parts = [_text(_LEFT, 18, title, "title")]
    for tick in range(round(100 * span[0]), round(100 * span[1]) + 1, 10):
        at = y(tick / 100)
        parts.append(
            f'<path class="grid" d="M{_LEFT} {at:.1f}h{_PLOT_W}"/>{_text(_LEFT - 6, at + 4, str(tick), "faint", "end")}'
        )
    for name, colour in zip(sets, _COLOURS, strict=False):
        points = [(x, y(line.scores[name])) for x, (_, line) in zip(xs, values, strict=True)]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-opacity=".6" points="{_points(points)}"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in points]
    means = [(x, y(line.mean)) for x, (_, line) in zip(xs, values, strict=True)]
    parts.append(f'<polyline class="mean" points="{_points(means)}"/>')
    longest = max(line.encode_s_per_mpx + line.label_s_per_mpx for _, line in values)
    for (x, at), (value, line) in zip(means, values, strict=True):
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{at:.1f}" r="3.5"/>')
        if line.setting == base:
            parts.append(f'<circle class="default" cx="{x:.1f}" cy="{at:.1f}" r="7"/>')
        parts += _time_bar(x, min(step * 0.5, 34), line, longest)
        parts.append(_value_label(x, value, step))
    parts.append(_text(_LEFT - 6, _BAR_TOP + _BAR_H, "s/Mpx", "faint", "end"))
    return "".join(parts)


def _time_bar(x: float, width: float, line: Line, longest: float) -> list[str]:
    seconds = line.encode_s_per_mpx + line.label_s_per_mpx
    height = _BAR_H * seconds / longest
    top = _BAR_TOP + _BAR_H - height
    return [
        f'<rect class="bar" x="{x - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"/>',
        _text(x, _BAR_TOP - 4, f"{seconds:.2g}", "faint", "middle"),
    ]


def _value_label(x: float, value: str, step: float) -> str:
    """Return the value under its bar, in two lines where it is long."""
    at = _BAR_TOP + _BAR_H + 15
    if 6 * len(value) <= step or " " not in value:
        return _text(x, at, value, "", "middle")
    first, _, second = value.partition(" ")
    return _text(x, at, first, "", "middle") + _text(x, at + 13, second, "", "middle")


def _span(measured: dict[Setting, Line]) -> tuple[float, float]:
    """Return the scores' range, widened to tens of percent."""
    scores = [score for line in measured.values() for score in line.scores.values()] or [0.0, 1.0]
    low, high = math.floor(10 * min(scores)) / 10, math.ceil(10 * max(scores)) / 10
    return low, max(high, low + 0.1)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    css = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{css}>{escape(words)}</text>'
