"""The study's tables in markdown."""

from __future__ import annotations

from collections.abc import Sequence

from satclip_engine.harness.teaching.curves import Point


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
