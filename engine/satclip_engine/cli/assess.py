"""``satclip assess``: how accurate a map is and how large its classes are, from a labelled random sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.errors import OptionError

if TYPE_CHECKING:
    from satclip_engine.harness.assessment.plan import Design
    from satclip_engine.harness.assessment.report import Report


@click.group("assess")
def assess_group() -> None:
    """Assess any thematic map: draw points to label, then estimate accuracy and areas (Olofsson et al. 2014)."""


@assess_group.command("design")
@click.argument("map_path", metavar="MAP")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="GeoPackage to write; must not exist.")
@click.option(
    "--standard-error", default=0.01, show_default=True, help="Wanted of the overall accuracy; sets the size."
)
@click.option(
    "--expected-accuracy",
    multiple=True,
    metavar="[CLASS=]SHARE",
    help="User's accuracy expected of every class (0.85 if left out), or of one class; may be repeated.",
)
@click.option("--min-per-class", type=click.IntRange(min=2), default=50, show_default=True, help="However rare.")
@click.option("--total", type=click.IntRange(min=2), help="Points in all, instead of --standard-error.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draw.")
@json_option
@click.pass_obj
def design_command(
    output: Output, /, map_path: str, out: Path, expected_accuracy: tuple[str, ...], **options: Any
) -> None:
    """Draw a stratified random sample from MAP, a single-band raster of class codes, and write it for labelling."""
    from satclip_engine.harness.assessment.answers import design_answer
    from satclip_engine.harness.assessment.design import design_sample
    from satclip_engine.protocol import DesignOptions, to_json

    overall, by_class = parse_accuracies(expected_accuracy, DesignOptions.expected_accuracy)
    asked = DesignOptions(expected_accuracy=overall, expected_by_class=by_class, **options)
    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json) as progress:
        design = design_sample(map_path, out.resolve(), asked, progress, check_cancelled)
    message = {"points": str(out.resolve()), **to_json(design_answer(design))}
    output.result(message, _design_text(design, out.resolve()))


@assess_group.command("report")
@click.argument("map_path", metavar="MAP")
@click.argument("points", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the report; made if missing.")
@json_option
@click.pass_obj
def report_command(output: Output, map_path: str, points: Path, out: Path) -> None:
    """Estimate accuracy and areas of MAP from its labelled POINTS; empty labels are left out."""
    from satclip_engine.harness.assessment.report import write_report

    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json) as progress:
        report = write_report(map_path, points, out.resolve(), progress, check_cancelled)
    output.result(_report_json(report), _report_text(report))


def parse_accuracies(texts: tuple[str, ...], usual: float) -> tuple[float, dict[str, float]]:
    """Return the accuracy expected of every class, ``usual`` if none is given, and those of classes by name or code.

    Raises:
        OptionError: if one is no number.
    """
    overall, by_class = usual, {}
    for text in texts:
        name, _, share = text.rpartition("=")
        try:
            value = float(share)
        except ValueError as error:
            raise OptionError(
                f"The expected accuracy {text!r} is no number.",
                remedy="Write 0.85, or CLASS=0.85.",
                code="option.expected_accuracy",
            ) from error
        if name:
            by_class[name] = value
        else:
            overall = value
    return overall, by_class


def _design_text(design: Design, out: Path) -> str:
    from satclip_engine.evaluation.assessment.numbers import area_unit
    from satclip_engine.evaluation.metrics import percent

    unit = area_unit(float(design.areas.sum()), design.in_metres)
    shares = design.areas / design.areas.sum()
    lines = [
        f"{int(design.points.sum())} points in {len(design.class_names)} classes; standard error of the overall "
        f"accuracy to expect: {percent(design.overall_error, 2)}.",
        f"  {'class':<24} {unit.name:>12} {'share':>8} {'points':>7} {'error':>8}",
    ]
    for k, name in enumerate(design.class_names):
        lines.append(
            f"  {name:<24} {unit.text(float(design.areas[k])):>12} {percent(float(shares[k])):>8} "
            f"{int(design.points[k]):>7} {percent(float(design.user_errors[k])):>8}"
        )
    lines += [
        *design.notes,
        f"  {out}",
        "Write the class that is really there, or “none of these”, into the field “reference”.",
    ]
    return "\n".join(lines)


def _report_json(report: Report) -> dict[str, Any]:
    from satclip_engine.harness.assessment.answers import accuracy_answer
    from satclip_engine.protocol import to_json

    files = report.files
    return {
        "report": str(files.html),
        "csv": [str(files.estimates_csv), str(files.counts_csv), str(files.proportions_csv)],
        **to_json(accuracy_answer(report.assessment)),
    }


def _report_text(report: Report) -> str:
    from satclip_engine.evaluation.assessment.numbers import area_unit, share_text

    assessment = report.assessment
    accuracy, total = assessment.accuracy, assessment.total_area
    unit = area_unit(total, assessment.in_metres)
    overall = share_text(float(accuracy.overall.values[0]), float(accuracy.overall.half_widths[0]))
    lines = [
        f"Overall accuracy {overall} (95 %), from {int(assessment.counts.sum())} labelled points.",
        f"  {'class':<24} {'user':>14} {'producer':>15} {f'area, {unit.name}':>22}",
    ]
    for k, name in enumerate(assessment.class_names):
        users, producers = (
            share_text(float(estimates.values[k]), float(estimates.half_widths[k]))
            for estimates in (accuracy.users, accuracy.producers)
        )
        area = unit.text(float(accuracy.shares.values[k]) * total)
        margin = float(accuracy.shares.half_widths[k]) * total
        shown = area if margin != margin else f"{area} ± {unit.text(margin)}"
        lines.append(f"  {name:<24} {users:>14} {producers:>15} {shown:>22}")
    return "\n".join([*lines, *assessment.notes, f"  {report.files.html}"])
