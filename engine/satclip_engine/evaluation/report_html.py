"""The report that an analyst opens: one page, readable without network, scripts or knowledge of the field."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from satclip_engine.evaluation.bootstrap import caution
from satclip_engine.evaluation.failures import confused_pairs_table, missed_classes, scale_sentence, worst_images
from satclip_engine.evaluation.html_confusion import confusion_html
from satclip_engine.evaluation.html_parts import (
    bullets,
    examples_html,
    facts,
    link,
    number,
    page,
    range_html,
    section,
    swatch,
    table_html,
    text,
)
from satclip_engine.evaluation.metrics import TUNED_PREFIX, metric_title, percent
from satclip_engine.evaluation.report_data import Example, Report

TASKS = {
    "segmentation": "Open-vocabulary segmentation",
    "classification": "Scene classification from words",
    "retrieval": "Retrieval between images and captions",
    "grounding": "Finding objects from words",
    "change": "Change between two dates",
}
FAILURE_GROUP = "Where it fails"


def report_html(report: Report) -> str:
    """Return the report as one self-contained page."""
    fails, others = _split_examples(report.examples)
    colours = {spec.name: spec.colour for spec in report.prompts.classes}
    parts = [
        ("numbers", "The numbers", _metrics_table(report)),
        ("reading", "How to read them", _reading(report)),
        ("tables", "In detail", "".join(table_html(table, colours) for table in report.tables)),
        ("confusion", "What is taken for what", confusion_html(report.confusion) if report.confusion else ""),
        ("failures", FAILURE_GROUP, _failures(report, fails)),
        ("examples", "Examples", _examples(others)),
        ("words", "The words given to the model", _words(report)),
        ("facts", "Data set, model and command", _facts(report)),
    ]
    parts = [part for part in parts if part[2]]
    contents = "".join(f'<a href="#{anchor}">{text(title)}</a>' for anchor, title, _ in parts)
    body = "\n".join(section(anchor, title, html) for anchor, title, html in parts)
    title = f"{report.model.title} on {report.dataset.title}"
    return page(title, f"{_header(report)}\n{_cards(report)}\n<nav>{contents}</nav>\n{body}")


def task_title(task: str) -> str:
    """Return a task's name for people."""
    return TASKS.get(task, task)


def _header(report: Report) -> str:
    unit = "pair" if report.task == "change" else "image"
    n_items = f"{number(report.dataset.n_items)} {unit}{'' if report.dataset.n_items == 1 else 's'}"
    return (
        f'<p class="eyebrow">{text(task_title(report.task))}</p>\n<h1>{text(report.dataset.title)}</h1>\n'
        f'<p class="lead">Model {text(report.model.title)} · part “{text(report.dataset.split)}” · {text(n_items)}'
        f"{f' · {text(report.created_utc[:10])}' if report.created_utc else ''}</p>"
    )


def _cards(report: Report) -> str:
    headline, tuned = report.headline, TUNED_PREFIX + report.headline
    said = "Untuned: what you get by typing these words." if tuned in report.metrics else ""
    cards = [_card(report, headline, "main", said)]
    if tuned in report.metrics:
        cards.append(_card(report, tuned, "side", "Tuned with labelled images of this set, scored on held-out ones."))
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(report: Report, name: str, kind: str, said: str) -> str:
    title = metric_title(name)
    interval = _interval_words(report, name)
    return (
        f'<div class="card {kind}"><div class="name">{text(title.title)}</div>'
        f'<div class="value">{text(percent(report.metrics[name]))}</div>'
        f"<p>{text(interval)}</p><p>{text(said or title.meaning)}</p></div>"
    )


def _interval_words(report: Report, name: str) -> str:
    low, high = report.intervals.get(name, (float("nan"), float("nan")))
    return "" if low != low else f"95 % interval over images: {low * 100:.1f} to {high * 100:.1f} %"


def _metrics_table(report: Report) -> str:
    classes = [name for name in report.metrics if ":" in name and not name.endswith(report.headline)]
    main = [name for name in report.metrics if name not in classes]
    body = _table_of(report, main, '<th scope="col">what it is</th>')
    return body + (f"<h3>Class by class</h3>{_table_of(report, classes, '')}" if classes else "")


def _table_of(report: Report, names: Sequence[str], last_head: str) -> str:
    rows = "".join(_metric_row(report, name, bool(last_head)) for name in names)
    head = '<th scope="col">metric</th><th scope="col" class="num">value</th>'
    if report.intervals:
        head += '<th scope="col" class="num">95 % interval</th><th scope="col">0 to 100 %</th>'
    kind = ' class="wide"' if last_head else ""
    return (
        f'<div class="scroll"><table{kind}><thead><tr>{head}{last_head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _metric_row(report: Report, name: str, is_explained: bool) -> str:
    title, value = metric_title(name), report.metrics[name]
    low, high = report.intervals.get(name, (float("nan"), float("nan")))
    interval = "–" if low != low else f"{low * 100:.1f} – {high * 100:.1f}"
    drawn = f'<td class="num">{interval}</td><td>{range_html(value, low, high)}</td>' if report.intervals else ""
    meaning = f'<td class="meaning">{text(title.meaning)}</td>' if is_explained else ""
    return (
        f'<tr><th scope="row" class="name">{text(title.title)}</th><td class="num">{text(percent(value))}</td>'
        f"{drawn}{meaning}</tr>\n"
    )


def _reading(report: Report) -> str:
    sentences = [*report.notes]
    if report.confusion is not None and (scale := scale_sentence(report.confusion, report.headline)):
        sentences.append(scale)
    tuned = report.metrics.get(TUNED_PREFIX + report.headline)
    if tuned is not None and tuned < report.metrics[report.headline]:
        sentences.append(
            "Tuning does not help here: numbers fitted to some of these images do not carry over to the others."
        )
    if report.intervals:
        sentences.append(
            "Intervals: 95 %, from a bootstrap over images. They say how far the number would move with other images "
            "of the same kind, not with other places or sensors."
        )
    if report.per_image and (warning := caution(len(report.per_image["ids"]))):
        sentences.append(warning)
    return f"<p><strong>Protocol.</strong> {text(report.dataset.protocol)}</p>{bullets(sentences)}"


def _failures(report: Report, examples: Sequence[Example]) -> str:
    body = ""
    if report.confusion is not None:
        missed = [
            f"{name}: only {share * 100:.1f} % of it was found." for name, share in missed_classes(report.confusion)
        ]
        worst = worst_images(report.per_image, report.confusion.class_names)
        tables = [table for table in (confused_pairs_table(report.confusion), worst) if table is not None]
        body = bullets(missed) + "".join(table_html(table) for table in tables)
    return body + examples_html(examples)


def _split_examples(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    fails = [example for example in examples if example.group == FAILURE_GROUP]
    return fails, [example for example in examples if example.group != FAILURE_GROUP]


def _examples(examples: Sequence[Example]) -> str:
    body = ""
    for group, members in groupby(examples, key=lambda example: example.group):
        body += f'<p class="eyebrow">{text(group)}</p>' if group else ""
        body += examples_html(list(members))
    return body


def _words(report: Report) -> str:
    prompts = report.prompts
    has_thresholds = any(spec.threshold is not None for spec in prompts.classes)
    rows = "".join(
        f'<tr><th scope="row">{swatch(spec.colour)}{text(spec.name)}</th><td>{text(", ".join(spec.phrases))}</td>'
        + (f'<td class="num">{number(spec.threshold)}</td>' if has_thresholds else "")
        + "</tr>\n"
        for spec in prompts.classes
    )
    last = '<th scope="col" class="num">least probability</th>' if has_thresholds else ""
    table = (
        '<div class="scroll"><table><thead><tr><th scope="col">class</th><th scope="col">phrases</th>'
        f"{last}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    temperature = "" if prompts.temperature is None else f"{prompts.temperature:g}"
    templates = " · ".join(f"<code>{text(template)}</code>" for template in prompts.templates)
    return (table if rows else "") + (
        facts([("templates", templates), ("temperature", text(temperature))]) if templates or temperature else ""
    )


def _facts(report: Report) -> str:
    dataset, model = report.dataset, report.model
    command = f"<h3>Repeat it</h3><pre>{text(report.command)}</pre>" if report.command else ""
    return (
        facts(
            [
                ("data set", f"{text(dataset.title)} (<code>{text(dataset.id)}</code>), part “{text(dataset.split)}”"),
                ("images", text(number(dataset.n_items))),
                ("licence", text(dataset.licence)),
                ("source", link(dataset.url) if dataset.url else ""),
                ("cite", text(dataset.citation)),
                ("model", f"{text(model.title)} (<code>{text(model.id)}</code>)"),
                ("weights, sha256", f"<code>{text(model.weights_sha256)}</code>"),
                ("computed on", text(model.computed_on)),
                ("took", f"{report.seconds:.0f} s" if report.seconds else ""),
                ("finished", text(report.created_utc)),
            ]
        )
        + command
    )
