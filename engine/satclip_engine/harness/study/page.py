"""The study as a page of markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

from satclip_engine.harness.study.plan import Setting
from satclip_engine.harness.study.rows import CHECK, CHOOSE, Row
from satclip_engine.harness.study.summary import KNOB_TITLES, Line, difference, knobs_of, lines, sweep


def page(rows: Sequence[Row], base: Setting) -> str:
    """Return the tables of all sweeps and of the check.

    Args:
        rows: Of one model.
        base: The product's setting.
    """
    if not rows:
        return "Nothing was measured.\n"
    first = rows[0]
    measured = lines(rows, CHOOSE)
    sets = list(dict.fromkeys(row.dataset for row in rows))
    parts = [
        f"Model {first.model} (weights {first.weights}…), {first.device}. Scores are IoU in percent, untuned: of the"
        " set's own class (road, water), else the mean over classes. Times are seconds per megapixel of image.",
    ]
    for knob in knobs_of(measured, base):
        table = [(value, line) for value, line in sweep(measured, base, knob)]
        parts.append(_table(f"### {KNOB_TITLES[knob]}", table, sets, measured.get(base)))
    checked = lines(rows, CHECK)
    if checked:
        table = [(difference(setting, base), line) for setting, line in checked.items()]
        parts.append(_table("### On the parts that nothing was chosen on", table, sets, checked.get(base)))
    return "\n\n".join(parts) + "\n"


def _table(title: str, table: list[tuple[str, Line]], sets: list[str], base: Line | None) -> str:
    head = ["setting", *sets, "mean", "against default", "encode s/Mpx", "label s/Mpx"]
    body = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for value, line in table:
        name = f"**{value}** (default)" if base is not None and line.setting == base.setting else value
        gain = "-" if base is None else f"{100 * (line.mean - base.mean):+.1f}"
        scores = [f"{100 * line.scores[name]:.1f}" if name in line.scores else "-" for name in sets]
        times = [f"{line.encode_s_per_mpx:.2f}", f"{line.label_s_per_mpx:.2f}"]
        body.append(f"| {' | '.join([name, *scores, f'{100 * line.mean:.1f}', gain, *times])} |")
    return "\n".join([title, "", *body])
