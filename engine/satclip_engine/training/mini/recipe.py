"""Trains the embedded model: `python -m satclip_engine.training.mini --data $SATCLIP_DATA --out DIR`.

Three stages, each resumable: the text tower learns the teacher's space; the image side learns from captions, scene
names, masks and drawn scenes without any mask of `dubai_mbrsc`; a last, mostly dense stretch adds the masks of its
tiles 1, 2, 4 and 5, and the two are interpolated by a weight that is chosen on what was kept back from training. Tile
7, and one part each of tiles 1 and 4, are never trained on.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click
import torch

from satclip_engine.models.torchvision_compat import ensure_torchvision_imports
from satclip_engine.training.mini.export import export_model
from satclip_engine.training.mini.loop import ImageSide, LoopOptions, train
from satclip_engine.training.mini.sources import dense_sources, last_sources, load_train_scenes
from satclip_engine.training.mini.teacher import SentenceTeacher
from satclip_engine.training.mini.text_stage import TeacherSpace, build_model, run_text_stage
from satclip_engine.training.mini.text_student import DistilOptions
from satclip_engine.training.mini.trunk_start import start_from_imagenet
from satclip_engine.training.mini.validation import ValidationScores, validate

# Shares of the last stretch in the interpolation, of which one is chosen.
LAST_WEIGHTS = (0.5, 0.7, 0.85, 1.0)
# What the dense stretch may cost in recognised scenes.
MOST_FORGOTTEN = 0.01


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--steps", default=1400, show_default=True, help="Steps of the stage without dubai_mbrsc.")
@click.option("--last-steps", default=3000, show_default=True, help="Steps of the stretch with dubai_mbrsc.")
@click.option("--threads", default=2, show_default=True, help="CPU threads; 1 is faster on a busy machine.")
@click.option("--seed", default=0, show_default=True)
def main(data: Path, out: Path, steps: int, last_steps: int, threads: int, seed: int) -> None:
    """Train the embedded model and write `no_dubai_masks/` and `mini/` into OUT; run again to resume."""
    ensure_torchvision_imports()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    log = out / "training.log"

    def report(line: str) -> None:
        click.echo(line)
        with log.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    report(json.dumps({"seed": seed, "steps": steps, "last_steps": last_steps, "torch": torch.__version__}))
    scenes = load_train_scenes(data / "aid_rsicd", seed)
    model = build_model()
    captions = sorted({caption for group in scenes.captions for caption in group})
    teacher = SentenceTeacher()
    text = run_text_stage(model, teacher, captions, out, DistilOptions(learning_rate=2e-4, seed=seed), report).text
    embed = TeacherSpace(teacher, out / "basis.pt")
    start_from_imagenet(model.visual.trunk)
    side = ImageSide.of(model.visual, text)
    sources = dense_sources(data, scenes, seed)
    first = LoopOptions(steps=steps, scene_batch=24, dense_weight=1.5, seed=seed)
    general = train(side, scenes, sources, embed, first, out / "stage1.pt", report)
    export_model(general, text, out / "bpe.txt.gz", out / "no_dubai_masks")
    last = LoopOptions(steps=last_steps, scene_batch=16, dense_weight=2.0, learning_rate=8e-4, seed=seed + 4)
    with_dubai = last_sources(data, sources)
    dense = train(copy.deepcopy(general), scenes, with_dubai, embed, last, out / "stage2.pt", report)
    found = {}
    for weight in LAST_WEIGHTS:
        folder = out / f"weight_{weight}"
        export_model(interpolate(general, dense, weight), text, out / "bpe.txt.gz", folder)
        found[weight] = validate(folder, data, seed)
        report(json.dumps({"weight": weight, **asdict(found[weight])}))
    best = choose_weight(found)
    report(json.dumps({"chosen": best}))
    shutil.copytree(out / f"weight_{best}", out / "mini", dirs_exist_ok=True)


def choose_weight(found: Mapping[float, ValidationScores]) -> float:
    """Return the weight with the best maps among those that recognise nearly as many scenes as the best does."""
    most = max(scores.top1 for scores in found.values())
    allowed = [weight for weight, scores in found.items() if scores.top1 >= most - MOST_FORGOTTEN]
    return max(allowed, key=lambda weight: found[weight].mean_iou)


def interpolate(first: ImageSide, second: ImageSide, weight: float) -> ImageSide:
    """Return the weights between two trainings of one start: nearly all of the second's gain, little forgotten.

    Source: WiSE-FT, Wortsman et al. 2022, https://arxiv.org/abs/2109.01903.

    Args:
        first: Weight ``1 - weight``.
        second: Weight ``weight``.
        weight: In [0, 1].
    """
    between = copy.deepcopy(first)
    other = second.state_dict()
    mixed = {
        name: torch.lerp(value, other[name], weight) if value.is_floating_point() else value
        for name, value in first.state_dict().items()
    }
    between.load_state_dict(mixed)
    return between
