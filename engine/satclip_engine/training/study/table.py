"""The study's rows as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_FULL = "full"


def table(rows: Mapping[str, Mapping[str, float]], columns: Sequence[str]) -> str:
    """Return a Markdown table in percent; beside each score of the first column, the share of full fine-tuning's gain.

    Args:
        rows: Scores and costs by the row's name; the first row is what the others started from.
        columns: Names of the scores.
    """
    has_full = _FULL in rows
    head = ["", "trained weights", *columns, *(["share of full's gain"] if has_full else []), "s"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for i, (name, row) in enumerate(rows.items()):
        cells = [name, _percent(row["trained_weights"] / row["all_weights"]) if i else "–"]
        cells += [f"{100 * row[column]:.1f}" for column in columns]
        if has_full:
            cells.append(_share(rows, name, columns[0]) if i else "–")
        cells.append(f"{row['seconds']:.0f}" if i else "–")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _share(rows: Mapping[str, Mapping[str, float]], name: str, column: str) -> str:
    first = next(iter(rows.values()))[column]
    gain = rows[_FULL][column] - first
    return _percent((rows[name][column] - first) / gain) if gain else "–"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
