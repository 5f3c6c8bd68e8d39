"""The study's tables in markdown."""

from __future__ import annotations

from collections.abc import Sequence

from satclip_engine.harness.teaching.clicks import ClickCurve
from satclip_engine.harness.teaching.curves import Point

_SHOWN_CLICKS = (0, 5, 10, 20, 40, 60)


def page(points: Sequence[Point]) -> str:
    """Return one table per data set, in percent: methods by number of samples, mean ± standard deviation."""
    parts = []
    for pool in dict.fromkeys(point.pool for point in points):
        own = [point for point in points if point.pool == pool]
        shots = sorted({point.shots for point in own})
        lines = [
            f"#### {pool}",
            "",
            "| samples per class | " + " | ".join(str(count) for count in shots) + " |",
            "|---|" + "---:|" * len(shots),
        ]
        for method in dict.fromkeys(point.method for point in own):
            by_shots = {point.shots: point for point in own if point.method == method}
            cells = [f"{100 * by_shots[count].mean:.1f} ± {100 * by_shots[count].sd:.1f}" for count in shots]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def clicks_table(pool: str, curves: Sequence[ClickCurve]) -> str:
    """Return the table of scores, in percent, after some numbers of clicks, one row per way of choosing places."""
    lines = [
        f"#### {pool}, clicks",
        "",
        "| clicks | " + " | ".join(str(count) for count in _SHOWN_CLICKS) + " | to 90 % of the last |",
        "|---|" + "---:|" * (len(_SHOWN_CLICKS) + 1),
    ]
    for curve in curves:
        cells = [f"{100 * curve.scores[count]:.1f}" for count in _SHOWN_CLICKS]
        lines.append(f"| {curve.policy} | " + " | ".join(cells) + f" | {curve.clicks_to_share:.1f} |")
    return "\n".join(lines) + "\n"
