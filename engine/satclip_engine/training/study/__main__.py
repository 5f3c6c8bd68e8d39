"""What each way to fine-tune gains and costs: `python -m satclip_engine.training.study --data $SATCLIP_DATA --out DIR`.

Run again, it continues with what is missing.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from satclip_engine.config import Config
from satclip_engine.models.folders import CONFIG_FILE_NAME
from satclip_engine.protocol import ProgressUpdate, TrainRequest
from satclip_engine.training.fine_tune import fine_tune
from satclip_engine.training.recipes import load_recipe
from satclip_engine.training.study.measure import Judge
from satclip_engine.training.study.places import Places
from satclip_engine.training.study.table import table
from satclip_engine.training.study.trials import PARTS, Trial


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--parts", default=",".join(PARTS), show_default=True, help="What to study.")
@click.option("--seed", default=0, show_default=True)
def main(data: Path, out: Path, parts: str, seed: int) -> None:
    """Train what each part compares, and write its rows into `PART.json` and its table into `PART.md` in OUT."""
    config = Config.from_environment()
    out.mkdir(parents=True, exist_ok=True)
    places = Places(data, out, config)
    judge = Judge(places)
    for name in parts.split(","):
        part = PARTS[name]
        kept = out / f"{name}.json"
        rows: dict[str, dict[str, float]] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
        for trial in part.trials(places):
            if trial.name in rows:
                continue
            folder = trial.start if trial.recipe == "" else trained(trial, out / name / trial.name, seed, config)
            rows[trial.name] = judge.scores(folder, part.columns)
            kept.write_text(json.dumps(rows, indent=2), encoding="utf-8")
            (out / f"{name}.md").write_text(table(rows, part.columns), encoding="utf-8")
            click.echo(table(rows, part.columns))


def trained(trial: Trial, folder: Path, seed: int, config: Config) -> Path:
    """Train a trial's model, unless it is there."""

    def tell(update: ProgressUpdate) -> None:
        if "held-out" in update.message:
            click.echo(f"{trial.name}: {update.message}")

    if not (folder / CONFIG_FILE_NAME).is_file():
        recipe = load_recipe(trial.recipe, config, trial.changes)
        request = TrainRequest(str(trial.pairs), str(folder), recipe, str(trial.start), seed=seed)
        fine_tune(request, config=config, progress=tell, check_cancelled=lambda: None)
    return folder


if __name__ == "__main__":
    main()
