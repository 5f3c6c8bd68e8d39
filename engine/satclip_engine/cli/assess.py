"""``satclip assess``: how accurate a map is and how large its classes are, from a labelled random sample."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.errors import OptionError

if TYPE_CHECKING:
    from satclip_engine.evaluation.assessment.assessment import Assessment
    from satclip_engine.evaluation.assessment.estimators import Estimates
    from satclip_engine.evaluation.assessment.files import SavedAssessment
    from satclip_engine.harness.assessment.design import Design


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
    from satclip_engine.harness.assessment.design import DesignOptions, design_sample

    overall, by_class = parse_accuracies(expected_accuracy, DesignOptions.expected_accuracy)
    asked = DesignOptions(expected_accuracy=overall, expected_by_class=by_class, **options)
    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json) as progress:
        design = design_sample(map_path, out.resolve(), asked, progress, check_cancelled)
    output.result(_design_json(design, out.resolve()), _design_text(design, out.resolve()))


@assess_group.command("report")
@click.argument("map_path", metavar="MAP")
@click.argument("points", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the report; made if missing.")
@json_option
@click.pass_obj
def report_command(output: Output, map_path: str, points: Path, out: Path) -> None:
    """Estimate accuracy and areas of MAP from its labelled POINTS; empty labels are left out."""
    from satclip_engine.evaluation.assessment.files import save_assessment
    from satclip_engine.harness.assessment.assess import assess_map

    command = shlex.join(["satclip", "assess", "report", map_path, str(points)])
    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json) as progress:
        assessment = assess_map(map_path, points, progress, check_cancelled, command)
    saved = save_assessment(assessment, out.resolve())
    output.result(_report_json(assessment, saved), _report_text(assessment, saved))


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


def _design_json(design: Design, out: Path) -> dict[str, Any]:
    return {
        "points": str(out),
        "total": int(design.points.sum()),
        "expected_standard_error": _known(design.overall_error),
        "classes": [
            {"name": name, "area": float(area), "points": int(n), "expected_standard_error": _known(float(error))}
            for name, area, n, error in zip(
                design.class_names, design.areas, design.points, design.user_errors, strict=True
            )
        ],
        "area_unit": "m2" if design.in_metres else "pixels",
        "notes": list(design.notes),
    }


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
    lines += [*design.notes, f"  {out}", "Write the class that is really there into the field “reference”."]
    return "\n".join(lines)


def _report_json(assessment: Assessment, saved: SavedAssessment) -> dict[str, Any]:
    accuracy = assessment.accuracy
    return {
        "report": str(saved.html),
        "csv": [str(saved.estimates_csv), str(saved.counts_csv), str(saved.proportions_csv)],
        "points": int(assessment.counts.sum()),
        "unlabelled": assessment.n_unlabelled,
        "overall_accuracy": _estimates_json(accuracy.overall)[0],
        "classes": [
            {
                "name": name,
                "users_accuracy": users,
                "producers_accuracy": producers,
                "area_share": share,
                "mapped_area": float(area),
            }
            for name, users, producers, share, area in zip(
                assessment.class_names,
                _estimates_json(accuracy.users),
                _estimates_json(accuracy.producers),
                _estimates_json(accuracy.shares),
                assessment.areas,
                strict=True,
            )
        ],
        "total_area": assessment.total_area,
        "area_unit": "m2" if assessment.in_metres else "pixels",
        "notes": list(assessment.notes),
    }


def _report_text(assessment: Assessment, saved: SavedAssessment) -> str:
    from satclip_engine.evaluation.assessment.numbers import area_unit, share_text

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
    return "\n".join([*lines, *assessment.notes, f"  {saved.html}"])


def _estimates_json(estimates: Estimates) -> list[dict[str, float | None]]:
    return [
        {"value": _known(float(value)), "standard_error": _known(float(error))}
        for value, error in zip(estimates.values, estimates.standard_errors, strict=True)
    ]


def _known(value: float) -> float | None:
    """Return a number as JSON has it: null where it is not defined."""
    return None if value != value else value
