"""``satclip evaluate``: how good a model is on a data set, on one's own folder, or beside another model."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from satclip_engine.cli.output import Output, duration_text, json_option
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.cli.request import parse_gsd
from satclip_engine.config import Config, evaluation_data_dir
from satclip_engine.errors import DataSetError
from satclip_engine.protocol import FeatureOptions, TextOptions

if TYPE_CHECKING:
    from satclip_engine.evaluation.report import Report
    from satclip_engine.harness.datasets import DataSet

_HEADLINES = 6


@click.command("evaluate")
@click.argument("dataset", required=False)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data sets; SATCLIP_DATA if left out.")
@click.option("--list", "wants_list", is_flag=True, help="List the data sets, found here or not.")
@click.option("--compare", nargs=2, type=click.Path(path_type=Path), help="Compare two reports (folders or files).")
@click.option("--model", default="mini", show_default=True, help="Model id, or path of an open_clip folder or file.")
@click.option("--task", default="", help="segmentation, classification, retrieval, grounding or change.")
@click.option("--split", default="", help="Part of the data set; its default one if left out.")
@click.option("--limit", type=click.IntRange(min=1), help="Score at most so many items, evenly spaced.")
@click.option(
    "--few-shots/--no-few-shots", default=True, help="Also learn from a few labelled scenes (classification); slow."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the report.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N or mps.")
@click.option("--precision", default="auto", show_default=True, type=click.Choice(["auto", "fp32", "bf16", "fp16"]))
@click.option("--gsd", default="auto", show_default=True, help="Working resolution in metres per pixel.")
@click.option(
    "--scene-px", type=click.IntRange(min=16), help="Side to which whole pictures are resized; the model's if left out."
)
@click.option("--head-variant", default="segearth", show_default=True, help="Dense head of vision transformers.")
@click.option("--global-bias", type=float, help="λ, weight of the window's global similarity.")
@click.option("--templates", multiple=True, metavar="TEXT", help="Prompt template with one {}; may be repeated.")
@click.option("--upsampler", default="guided", show_default=True, type=click.Choice(["guided", "bilinear"]))
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything that is drawn.")
@json_option
@click.pass_obj
def evaluate_command(
    output: Output, /, dataset: str | None, data: Path | None, wants_list: bool, compare: Any, **options: Any
) -> None:
    """Score a model on DATASET, the name of a data set or a folder of your own with images and masks."""
    root = data or evaluation_data_dir()
    if wants_list:
        _list(root, output)
    elif compare:
        _compare(compare[0], compare[1], options["out"], output)
    elif dataset is None:
        raise click.UsageError("Name a data set or a folder; --list shows the data sets.")
    else:
        _evaluate(open_dataset(dataset, root, options["task"]), options, output)


def open_dataset(name: str, root: Path | None, task: str) -> DataSet:
    """Return the data set called ``name``, or the folder of that path; a bare name is a data set first.

    Raises:
        DataSetError: if it is neither, or not laid out as it should be.
    """
    from satclip_engine.harness.datasets import find_dataset, load_folder

    if Path(name).name != name and Path(name).is_dir():
        return load_folder(Path(name), task or None)
    try:
        return find_dataset(name, root)
    except DataSetError as error:
        if error.code == "dataset.unknown" and Path(name).is_dir():
            return load_folder(Path(name), task or None)
        raise


def _evaluate(dataset: DataSet, options: dict[str, Any], output: Output) -> None:
    from satclip_engine.evaluation.report import save_report
    from satclip_engine.harness.context import EvaluateOptions
    from satclip_engine.harness.run import evaluate

    asked = EvaluateOptions(
        features=FeatureOptions(
            model=options["model"],
            gsd_m=parse_gsd(options["gsd"]),
            device=options["device"],
            precision=options["precision"],
            head_variant=options["head_variant"],
        ),
        text=TextOptions(
            templates=options["templates"], global_bias=options["global_bias"], upsampler=options["upsampler"]
        ),
        split=options["split"],
        scene_px=options["scene_px"],
        limit=options["limit"],
        few_shots=options["few_shots"],
        seed=options["seed"],
        command=_command(click.get_current_context()),
    )
    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json) as progress:
        report = evaluate(
            dataset,
            options["task"],
            asked,
            config=Config.from_environment(),
            progress=progress,
            check_cancelled=check_cancelled,
        )
    folder = options["out"] or Path(f"report-{dataset.id}-{report.task}-{report.model.id}")
    saved = save_report(report, folder.resolve())
    output.result(
        {
            "report": str(saved.html),
            "json": str(saved.json),
            "row": str(saved.row),
            "metrics": _known(report.metrics),
            "intervals": {name: list(interval) for name, interval in report.intervals.items()},
            "seconds": report.seconds,
        },
        _summary(report, saved.html),
    )


def _known(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Return metrics as JSON has them: null where a number is not defined."""
    return {name: None if value != value else value for name, value in metrics.items()}


def _command(context: click.Context) -> str:
    """Return the command with every option that was given, but the folder of the report."""
    words = ["satclip", "evaluate"]
    for parameter in context.command.params:
        name = parameter.name or ""
        if name == "out" or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params.get(name)
        values = value if isinstance(value, tuple) else (value,)
        if isinstance(parameter, click.Argument):
            words += [str(one) for one in values]
        elif parameter.expose_value:
            words += [text for one in values for text in (parameter.opts[-1], str(one))]
    return shlex.join(words)


def _summary(report: Report, html: Path) -> str:
    from satclip_engine.evaluation.metrics import metric_title, percent

    lines = [
        f"{report.model.title} on {report.dataset.title}, split {report.dataset.split}: "
        f"{report.dataset.n_items} items in {duration_text(report.seconds)}."
    ]
    for name, value in list(report.metrics.items())[:_HEADLINES]:
        low, high = report.intervals.get(name, (float("nan"), float("nan")))
        interval = f"  (95 %: {percent(low)} to {percent(high)})" if low == low else ""
        lines.append(f"  {metric_title(name).title:<22} {percent(value):>8}{interval}")
    return "\n".join([*lines, f"  {html}"])


def _list(root: Path | None, output: Output) -> None:
    from satclip_engine.harness.datasets import list_datasets

    datasets = list_datasets(root)
    rows = [
        {
            "id": dataset.id,
            "title": dataset.title,
            "tasks": list(dataset.tasks),
            "licence": dataset.licence,
            "url": dataset.url,
            "found": dataset.found,
            "folder": str(dataset.folder) if dataset.folder is not None else None,
        }
        for dataset in datasets
    ]
    lines = [
        f"{dataset.id:<20} {'found' if dataset.found else '-':<6} {', '.join(dataset.tasks):<28} {dataset.licence}"
        for dataset in datasets
    ]
    place = "No folder of data sets is set (--data or SATCLIP_DATA)." if root is None else f"Data sets below {root}:"
    output.result({"datasets": rows}, "\n".join([place, *lines]))


def _compare(first: Path, second: Path, out: Path | None, output: Output) -> None:
    from satclip_engine.evaluation.comparison import compare_reports
    from satclip_engine.evaluation.comparison_files import save_comparison
    from satclip_engine.evaluation.report import load_report

    comparison = compare_reports(load_report(first), load_report(second))
    saved = save_comparison(comparison, (out or Path("comparison")).resolve())
    shown = {"comparison": str(saved.html), "json": str(saved.json), "finding": comparison.sentence}
    output.result(shown, f"{comparison.sentence}\n  {saved.html}")
