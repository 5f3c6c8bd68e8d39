"""The study's command."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from satclip_engine.config import Config
from satclip_engine.errors import SatclipError
from satclip_engine.harness.datasets import given_root
from satclip_engine.harness.teaching.clicks import POLICIES, simulate
from satclip_engine.harness.teaching.curves import Point, curves
from satclip_engine.harness.teaching.methods import METHODS
from satclip_engine.harness.teaching.page import clicks_table, page
from satclip_engine.harness.teaching.pools import aid_pool, dubai_pool

_POOLS = {"aid_rsicd": aid_pool, "dubai_mbrsc": dubai_pool}


@click.command("teaching")
@click.option("--model", default="mini", show_default=True, help="Model id, or path of an open_clip folder or file.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data sets; SATCLIP_DATA if left out.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of curves.json and curves.md.")
@click.option("--set", "sets", multiple=True, type=click.Choice(tuple(_POOLS)), help="Use only these.")
@click.option("--method", "methods", multiple=True, type=click.Choice(tuple(METHODS)), help="Use only these.")
@click.option("--seeds", type=click.IntRange(min=2), default=10, show_default=True, help="Draws per point.")
def main(model: str, data: Path | None, out: Path, sets: tuple[str, ...], methods: tuple[str, ...], seeds: int) -> None:
    """Draw learning curves of every head on what the model never saw, and teach maps by simulated clicks."""
    config = Config.from_environment()
    config.cache_dir.mkdir(parents=True, exist_ok=True)
    points: list[Point] = []
    clicks: list[str] = []
    try:
        root = given_root(data)
        for name in sets or _POOLS:
            with tempfile.TemporaryDirectory(prefix="teaching-", dir=config.cache_dir) as folder:
                pool = _POOLS[name](model, root, config, Path(folder))
            points += curves(pool, seeds, methods or METHODS, click.echo)
            if pool.metric != "top-1":  # clicks belong to maps
                clicks.append(clicks_table(pool.name, [simulate(pool, policy, seeds) for policy in POLICIES]))
    except SatclipError as error:
        raise click.ClickException(f"{error} {error.remedy}") from error
    out.mkdir(parents=True, exist_ok=True)
    (out / "curves.json").write_text(json.dumps([asdict(point) for point in points], indent=1), encoding="utf-8")
    (out / "curves.md").write_text("\n".join([page(points), *clicks]), encoding="utf-8")
