"""Two reports side by side: which differences the images can show, and which they cannot."""

from __future__ import annotations

from dataclasses import dataclass

from satclip_engine.errors import InputError
from satclip_engine.evaluation.bootstrap import Difference, caution, compare
from satclip_engine.evaluation.metrics import metric_title
from satclip_engine.evaluation.report_data import Report
from satclip_engine.evaluation.statistics import statistic_of


@dataclass(frozen=True)
class ComparedMetric:
    """A metric of both reports.

    Attributes:
        name: Of the metric.
        title: For people.
        a: As the first report states it.
        b: As the second does.
        difference: Over the images compared, with its interval; None where a report does not hold what it needs.
    """

    name: str
    title: str
    a: float
    b: float
    difference: Difference | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two reports of one task.

    Attributes:
        a: The first report.
        b: The second.
        name_a: How the first is called.
        name_b: How the second is called.
        metrics: Those that both have, in the order of the first; the headline first.
        classes: IoU per class where both map the same classes.
        warnings: Sentences about what makes the two hard to compare.
    """

    a: Report
    b: Report
    name_a: str
    name_b: str
    metrics: tuple[ComparedMetric, ...]
    classes: tuple[ComparedMetric, ...]
    warnings: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return the finding on the headline."""
        first = self.metrics[0]
        if first.difference is None:
            return f"{first.title}: {first.a * 100:.1f} % and {first.b * 100:.1f} %, without an interval."
        return first.difference.sentence(first.title, self.name_a, self.name_b)


def compare_reports(a: Report, b: Report, n: int = 1000, seed: int = 0) -> Comparison:
    """Compare two reports of one task, metric by metric, by a bootstrap over images.

    Args:
        a: The first, the one to beat.
        b: The second.
        n: Resamples.
        seed: Of the draws.

    Raises:
        InputError: if the tasks differ or the reports share no metric.
    """
    if a.task != b.task:
        raise InputError(
            f"The first report is about {a.task}, the second about {b.task}.",
            remedy="Compare reports of the same task.",
            code="report.tasks_differ",
        )
    names = [name for name in a.metrics if name in b.metrics and (name == a.headline or not name.startswith("iou:"))]
    if not names:
        raise InputError(
            "The two reports have no metric in common.",
            remedy="Evaluate both with the same version.",
            code="report.no_common_metric",
        )
    name_a, name_b = _names(a, b)
    classes = a.confusion.class_names if a.confusion and b.confusion else ()
    same_classes = bool(classes) and b.confusion is not None and classes == b.confusion.class_names
    return Comparison(
        a=a,
        b=b,
        name_a=name_a,
        name_b=name_b,
        metrics=tuple(
            ComparedMetric(
                name, metric_title(name).title, a.metrics[name], b.metrics[name], _difference(a, b, name, n, seed)
            )
            for name in names
        ),
        classes=_class_metrics(a, b, classes, n, seed) if same_classes else (),
        warnings=_warnings(a, b),
    )


def _difference(a: Report, b: Report, metric: str, n: int, seed: int) -> Difference | None:
    of_a, of_b = statistic_of(metric, a.per_image), statistic_of(metric, b.per_image)
    if of_a is None or of_b is None or of_a[0].shape[1:] != of_b[0].shape[1:]:
        return None
    ids_a, ids_b = ([str(i) for i in report.per_image["ids"]] for report in (a, b))
    return compare(ids_a, of_a[0], ids_b, of_b[0], of_a[1], n, seed)


def _class_metrics(a: Report, b: Report, classes: tuple[str, ...], n: int, seed: int) -> tuple[ComparedMetric, ...]:
    found = [(name, _difference(a, b, f"iou:{position}", n, seed)) for position, name in enumerate(classes)]
    return tuple(
        ComparedMetric(f"iou:{name}", name, difference.a, difference.b, difference)
        for name, difference in found
        if difference is not None
    )


def _names(a: Report, b: Report) -> tuple[str, str]:
    """Return short names that differ: the models' ids or titles, else which report is meant."""
    for name_a, name_b in ((a.model.id, b.model.id), (a.model.title, b.model.title)):
        if name_a != name_b:
            return name_a, name_b
    return "the first", "the second"


def _warnings(a: Report, b: Report) -> tuple[str, ...]:
    found: list[str] = []
    if a.dataset.id != b.dataset.id:
        found.append(
            f"The data sets differ ({a.dataset.title}; {b.dataset.title}): the numbers say nothing about the models."
        )
    elif a.dataset.split != b.dataset.split:
        found.append(f"The parts differ (“{a.dataset.split}”; “{b.dataset.split}”); only common images are paired.")
    if a.dataset.protocol != b.dataset.protocol:
        found.append("The protocols differ: read both before comparing numbers.")
    if a.prompts.classes != b.prompts.classes or a.prompts.templates != b.prompts.templates:
        found.append("The words given to the models differ; wording alone moves such numbers by several points.")
    ids_a, ids_b = (set(map(str, report.per_image.get("ids", []))) for report in (a, b))
    if ids_a != ids_b and ids_a & ids_b:
        found.append(
            f"Only {len(ids_a & ids_b)} images are in both reports ({len(ids_a)} and {len(ids_b)}); differences and "
            "intervals are over these."
        )
    if ids_a and (warning := caution(len(ids_a & ids_b) or min(len(ids_a), len(ids_b)))):
        found.append(warning)
    return tuple(found)
