"""The study's command: measures, chooses, checks on the reported parts, and writes table, page and figure."""

from __future__ import annotations

import time
from pathlib import Path

import click

from satclip_engine.config import Config
from satclip_engine.errors import SatclipError
from satclip_engine.harness.datasets import given_root
from satclip_engine.harness.study.figure import figure
from satclip_engine.harness.study.page import page
from satclip_engine.harness.study.plan import (
    BASE,
    COMBINED,
    KNOBS,
    LABEL_KNOBS,
    Setting,
    Trial,
    base_setting,
    combine,
    plan,
)
from satclip_engine.harness.study.rows import CHECK, CHOOSE, Row, Table
from satclip_engine.harness.study.run import STUDY_SETS, OutOfTimeError, Study, load_parts
from satclip_engine.harness.study.upsamplers import study_upsamplers
from satclip_engine.protocol import FeatureOptions

# A percent of IoU: less is noise on parts this small, and would buy overlap that costs twice the time.
LEAST_GAIN = 0.01

_SET_NAMES = tuple(chosen.dataset for chosen in STUDY_SETS)


@click.command("study")
@click.option("--model", default="mini", show_default=True, help="Model id, or path of an open_clip folder or file.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data sets; SATCLIP_DATA if left out.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of study.csv, .md and .svg.")
@click.option("--budget-minutes", type=click.FloatRange(min=0), default=20.0, show_default=True)
@click.option("--knob", "knobs", multiple=True, type=click.Choice(KNOBS), help="Vary only these; all if left out.")
@click.option("--set", "sets", multiple=True, type=click.Choice(_SET_NAMES), help="Use only these; all if left out.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many images of each set, evenly spaced.")
@click.option("--upsampler-weights", type=click.Path(path_type=Path), help="A trained joint-bilateral upsampler.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N or mps.")
@click.option("--precision", default="auto", show_default=True, type=click.Choice(["auto", "fp32", "bf16", "fp16"]))
def main(
    model: str,
    data: Path | None,
    out: Path,
    budget_minutes: float,
    knobs: tuple[str, ...],
    sets: tuple[str, ...],
    limit: int | None,
    upsampler_weights: Path | None,
    device: str,
    precision: str,
) -> None:
    """Sweep scale, overlap, words and upsampling against score and time.

    Settings are chosen on parts that no card reports, once among those that cost no encoding and once among all; the
    chosen ones are then looked at once on the reported parts.
    Run the same command again to go on where the budget ended.
    """
    started_s = time.monotonic()
    chosen_sets = [chosen for chosen in STUDY_SETS if not sets or chosen.dataset in sets]
    out.mkdir(parents=True, exist_ok=True)
    table = Table(out / "study.csv")
    try:
        root = given_root(data)
        upsamplers = study_upsamplers(upsampler_weights)
        features = FeatureOptions(model=model, device=device, precision=precision)
        deadline_s = started_s + 60 * budget_minutes
        study = Study(features, upsamplers, table, Config.from_environment(), deadline_s, _say)
        encoder = study.encoder("")
        base = base_setting(encoder)
        trials = plan(base, encoder.cell_px, upsamplers, knobs or KNOBS)
        parts = load_parts(chosen_sets, root, CHOOSE, limit)
        finished = True
        try:
            study.measure(trials, parts)
            means = study.means(trials, parts)
            best = [combine(base, means, LEAST_GAIN, allowed) for allowed in (LABEL_KNOBS, KNOBS)]
            chosen = [Trial(BASE, base), *(Trial(COMBINED, one) for one in dict.fromkeys(best) if one != base)]
            study.measure(chosen, parts)
            study.measure(chosen, load_parts(chosen_sets, root, CHECK, limit))
        except OutOfTimeError:
            finished = False
    except SatclipError as error:
        raise click.ClickException(f"{error} {error.remedy}") from error
    _write(out, [row for row in table.rows if row.weights == encoder.weights_sha256[:12]], base)
    _say(f"{len(table.rows)} rows in {out / 'study.csv'}; page and figure beside it.")
    if not finished:
        _say("The budget ended before the plan: run the same command again to go on.")


def _write(out: Path, rows: list[Row], base: Setting) -> None:
    (out / "study.md").write_text(page(rows, base), encoding="utf-8")
    (out / "study.svg").write_text(figure(rows, base), encoding="utf-8")


def _say(line: str) -> None:
    click.echo(line)
