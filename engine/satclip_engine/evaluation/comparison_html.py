"""A comparison of two reports as a page and as a markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from satclip_engine.evaluation.bootstrap import FEW_IMAGES
from satclip_engine.evaluation.comparison import ComparedMetric, Comparison
from satclip_engine.evaluation.html_parts import facts, page, section, text
from satclip_engine.evaluation.metrics import percent, signed_points
from satclip_engine.evaluation.report_data import Report
from satclip_engine.evaluation.report_html import task_title


def comparison_html(comparison: Comparison) -> str:
    """Return the comparison as one self-contained page."""
    a, b = comparison.a, comparison.b
    warnings = "".join(f'<div class="warning"><p>{text(warning)}</p></div>' for warning in comparison.warnings)
    sets = a.dataset.title if a.dataset.id == b.dataset.id else f"{a.dataset.title} / {b.dataset.title}"
    title = _title(comparison)
    header = (
        f'<p class="eyebrow">Comparison · {text(task_title(a.task))}</p>\n<h1>{text(title)}</h1>\n'
        f'<p class="lead">{text(sets)} · part “{text(a.dataset.split)}”</p>'
        f'<div class="cards"><div class="card main"><div class="name">{text(comparison.sentence)}</div>'
        "<p>Differences are in percentage points, second minus first. Where an interval includes zero, these images "
        "cannot tell the two apart.</p></div></div>"
        + facts([("the first", _run_words(a)), ("the second", _run_words(b))])
    )
    body = [
        header,
        warnings,
        section("metrics", "Metric by metric", _table(comparison, comparison.metrics)),
        section("classes", "IoU class by class", _classes(comparison)),
        section("reports", "The two reports", _report_facts("First", a) + _report_facts("Second", b)),
    ]
    return page(title, "\n".join(body))


def comparison_markdown(comparison: Comparison) -> str:
    """Return the comparison as a markdown table, the finding above it."""
    lines = [comparison.sentence, "", *(f"Note: {warning}" for warning in comparison.warnings), ""]
    lines += [
        f"| metric | {_cell(comparison.name_a)} | {_cell(comparison.name_b)} | difference | 95 % interval |",
        "| --- | --: | --: | --: | --: |",
    ]
    named = [(metric.title, metric) for metric in comparison.metrics]
    named += [(f"IoU {metric.title}", metric) for metric in comparison.classes]
    for title, metric in named:
        change, interval, _ = _words(metric)
        lines.append(f"| {_cell(title)} | {percent(metric.a)} | {percent(metric.b)} | {change} | {interval} |")
    return "\n".join(lines)


def _title(comparison: Comparison) -> str:
    a, b = comparison.a.model, comparison.b.model
    if a.title == b.title:
        return f"{a.title}, two evaluations"
    return f"{b.title} against {a.title}"


def _run_words(report: Report) -> str:
    return (
        f"{text(report.model.title)}<br><code>{text(report.command)}</code>"
        if report.command
        else text(report.model.title)
    )


def _classes(comparison: Comparison) -> str:
    if not comparison.classes:
        return ""
    note = "Of many classes compared at once, about one in twenty leaves zero out by chance alone."
    return f'<p class="soft">{note}</p>{_table(comparison, comparison.classes)}'


def _table(comparison: Comparison, metrics: Sequence[ComparedMetric]) -> str:
    widest = max(
        (abs(x) for m in metrics if m.difference for x in (m.difference.low, m.difference.high) if x == x), default=0.0
    )
    rows = "".join(_row(metric, widest) for metric in metrics)
    scale = f"−{widest * 100:.0f} to +{widest * 100:.0f} points"
    return (
        '<div class="scroll"><table class="wide"><thead><tr><th scope="col"></th>'
        f'<th scope="col" class="num">{text(comparison.name_a)}</th>'
        f'<th scope="col" class="num">{text(comparison.name_b)}</th>'
        '<th scope="col" class="num">difference</th><th scope="col" class="num">95 % interval</th>'
        f'<th scope="col">{scale}</th><th scope="col">finding</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(metric: ComparedMetric, widest: float) -> str:
    change, interval, verdict = _words(metric)
    style = {"better": ' class="better"', "worse": ' class="worse"'}.get(verdict, ' class="soft"')
    return (
        f'<tr><th scope="row" class="name">{text(metric.title)}</th><td class="num">{text(percent(metric.a))}</td>'
        f'<td class="num">{text(percent(metric.b))}</td><td class="num">{change}</td><td class="num">{interval}</td>'
        f"<td>{_drawn(metric, widest)}</td><td{style}>{verdict}</td></tr>\n"
    )


def _words(metric: ComparedMetric) -> tuple[str, str, str]:
    """Return difference, interval and finding."""
    found = metric.difference
    if found is None:
        return signed_points(metric.b - metric.a), "–", "no interval"
    change = signed_points(found.difference)
    if found.low != found.low:
        return change, "–", "too few images"
    interval = f"{signed_points(found.low)} to {signed_points(found.high)}"
    if not found.decided:
        return change, interval, "not told apart"
    word = "better" if found.difference > 0 else "worse"
    return change, interval, f"likely {word}" if found.n_images < FEW_IMAGES else word


def _drawn(metric: ComparedMetric, widest: float) -> str:
    found = metric.difference
    if found is None or found.low != found.low or not widest:
        return ""
    left, right, dot = (50 + 50 * min(max(x / widest, -1.0), 1.0) for x in (found.low, found.high, found.difference))
    return (
        f'<span class="range"><i class="zero"></i><i class="band" style="left:{left:.1f}%;width:{right - left:.1f}%">'
        f'</i><i class="dot" style="left:{dot:.1f}%"></i></span>'
    )


def _report_facts(title: str, report: Report) -> str:
    dataset, model = report.dataset, report.model
    return f"<h3>{title}</h3>" + facts(
        [
            ("model", f"{text(model.title)} (<code>{text(model.id)}</code>)"),
            ("weights, sha256", f"<code>{text(model.weights_sha256)}</code>"),
            ("computed on", text(model.computed_on)),
            ("data set", f"{text(dataset.title)}, part “{text(dataset.split)}”, {dataset.n_items} images"),
            ("protocol", text(dataset.protocol)),
            ("finished", text(report.created_utc)),
        ]
    )


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")
