"""What each way to fine-tune gains and costs: `python -m satclip_engine.training.study --data $SATCLIP_DATA --out DIR`.

A base is trained on every second class of AID: the embedded model's text tower, and an image tower that starts from
ImageNet. Every method then learns the other classes from their captions, with the same steps, and is asked about test
images of both: what it has learnt, and what it has forgotten. Run again, it continues.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from satclip_engine.config import Config
from satclip_engine.evaluation.classification import linear_probe
from satclip_engine.harness.datasets import find_dataset
from satclip_engine.models.folders import CONFIG_FILE_NAME, embedded_root
from satclip_engine.models.registry.card_facts import read_facts
from satclip_engine.models.registry.imports import copy_companions
from satclip_engine.models.registry.install import save_weights, write_json
from satclip_engine.models.registry.installed import WEIGHTS_FILE_NAME
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.importing.run import import_pairs
from satclip_engine.pairs.pair_set import PairSet, read_pair_set, write_pair_set
from satclip_engine.protocol import TEST, TRAIN, ImportPairsRequest, ProgressUpdate, TrainRequest
from satclip_engine.training.fine_tune import fine_tune
from satclip_engine.training.held_out import held_out_scores, picture_vectors
from satclip_engine.training.learner import Learner, load_learner
from satclip_engine.training.mini.trunk_start import start_from_imagenet
from satclip_engine.training.mini.validation import metrics_of
from satclip_engine.training.recipes import load_recipe

METHODS = ("projection", "last-blocks", "lora", "adapter", "full")
SHOTS = 5
_POOL_PER_CLASS = 60
# The image tower starts without any knowledge of words: the base takes larger steps than a fine-tuning.
BASE_CHANGES = {"method.towers": "image", "learning_rate": 1e-3, "batch": 48, "views.least_area": 0.4}


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--methods", default=",".join(METHODS), show_default=True, help="Recipes to compare.")
@click.option("--base-steps", default=400, show_default=True, help="Steps of the base.")
@click.option("--steps", default=150, show_default=True, help="Steps of each method.")
@click.option("--batch", default=48, show_default=True, help="Pairs per step.")
@click.option("--seed", default=0, show_default=True)
def main(data: Path, out: Path, methods: str, base_steps: int, steps: int, batch: int, seed: int) -> None:
    """Train a base and every method from it, and write `study.json` and `study.md` into OUT."""
    config = Config.from_environment()
    known, new = class_halves(data, out / "aid")
    base = out / "base"
    if not (base / CONFIG_FILE_NAME).is_file():
        start = write_start(out / "start", config)
        train(known, start, base, "full", {**BASE_CHANGES, "steps": base_steps}, seed, config)
    rows = {"base": measure(base, known, new, data, config)}
    for name in methods.split(","):
        folder = out / name
        if not (folder / CONFIG_FILE_NAME).is_file():
            train(new, base, folder, name, {"steps": steps, "batch": batch}, seed, config)
        rows[name] = measure(folder, known, new, data, config)
        (out / "study.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")
        (out / "study.md").write_text(table(rows), encoding="utf-8")
        click.echo(table(rows))


def class_halves(data: Path, folder: Path) -> tuple[Path, Path]:
    """Import AID and return two training sets of it: of every second class by name, and of the others."""
    if not folder.is_dir():
        request = ImportPairsRequest(str(data / "aid_rsicd"), str(folder))
        import_pairs(request, progress=lambda _update: None, check_cancelled=lambda: None)
    whole = read_pair_set(folder)
    names = sorted({pair.label for pair in whole.pairs})
    halves = []
    for title, labels in (("known", names[::2]), ("new", names[1::2])):
        half = folder.with_name(f"aid_{title}")
        chosen = [
            replace(pair, image=str(whole.path_of(pair.image).resolve()))
            for pair in whole.pairs
            if pair.label in labels
        ]
        info = replace(whole.info, title=f"AID, {len(labels)} {title} classes")
        write_pair_set(PairSet(half, info, tuple(chosen)))
        halves.append(half)
    return halves[0], halves[1]


def write_start(folder: Path, config: Config) -> Path:
    """Write a model with the embedded one's text tower and an image tower that knows ImageNet and no words."""
    mini = embedded_root(config) / "mini"
    learner = load_learner(str(mini), torch.device("cpu"), config)
    torch.manual_seed(0)
    start_from_imagenet(learner.clip.visual.trunk)
    for part in learner.clip.visual.head.modules():
        if isinstance(part, torch.nn.Linear):
            part.reset_parameters()
    folder.mkdir(parents=True, exist_ok=True)
    copy_companions(mini, folder)
    save_weights(learner.clip.state_dict(), folder / WEIGHTS_FILE_NAME)
    write_json(folder / "card.json", {**read_facts(mini), "id": folder.name, "title": "Start of the study"})
    return folder


def train(
    pairs: Path, model: Path, out: Path, recipe: str, changes: Mapping[str, Any], seed: int, config: Config
) -> None:
    """Fine-tune ``model`` by a recipe with some settings changed."""
    request = TrainRequest(str(pairs), str(out), load_recipe(recipe, config, changes), str(model), seed=seed)

    def tell(update: ProgressUpdate) -> None:
        if "held-out" in update.message:
            click.echo(f"{out.name}: {update.message}")

    fine_tune(request, config=config, progress=tell, check_cancelled=lambda: None)


def measure(model: Path, known: Path, new: Path, data: Path, config: Config) -> dict[str, float]:
    """Return what a model knows of the new and of the known classes, and of Dubai's masks; and what it cost."""
    found: dict[str, float] = {}
    learner = load_learner(str(model), torch.device("cpu"), config)
    for title, folder in (("new", new), ("known", known)):
        pair_set = read_pair_set(folder)
        with PairImages(pair_set) as images:
            test = pair_set.of_split(TEST)
            scores = held_out_scores(learner, test, images, pair_set.info.classes, lambda: None)
            found |= {f"{title}_{name}": value for name, value in scores.items()}
            if title == "new":
                found["new_few_shot"] = _few_shot(learner, pair_set, images)
    found["dubai_mean_iou"] = metrics_of(find_dataset("dubai_mbrsc", data), "segmentation", model)["mean_iou"]
    training = read_facts(model).get("training", {}).get("before_after", {})
    found |= {name: float(training[name]) for name in ("trained_weights", "all_weights", "seconds")}
    return found


def _few_shot(learner: Learner, pair_set: PairSet, images: PairImages) -> float:
    """Return the accuracy of a linear probe on a few images per class, the mean over five draws."""
    names = sorted({pair.label for pair in pair_set.pairs})
    train_pairs, test_pairs = pair_set.of_split(TRAIN), pair_set.of_split(TEST)
    order = np.random.default_rng(0).permutation(len(train_pairs))[: _POOL_PER_CLASS * len(names)]
    with torch.inference_mode():
        pool, pool_pairs = picture_vectors(learner, [train_pairs[i] for i in order], images, lambda: None)
        test, seen = picture_vectors(learner, test_pairs, images, lambda: None)
    pool_labels = np.array([names.index(pair.label) for pair in pool_pairs])
    test_labels = np.array([names.index(pair.label) for pair in seen])
    return linear_probe(pool, pool_labels, test, test_labels, shots=(SHOTS,))[0].mean


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return the figures as a Markdown table; gains as shares of full fine-tuning's where that is there."""
    head = (
        "method", "trained weights", "new: recall", "new: zero-shot", f"new: {SHOTS} shots", "known: recall",
        "known: zero-shot", "Dubai tile 7 mIoU", "share of full's gain", "s",
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, row in rows.items():
        percent = [100 * row[key] for key in _SCORES]
        share = "–"
        if name != "base" and "full" in rows:
            gain = [rows[one]["new_recall"] - rows["base"]["new_recall"] for one in (name, "full")]
            share = f"{100 * gain[0] / gain[1]:.0f} %" if gain[1] else "–"
        trained = "–" if name == "base" else f"{100 * row['trained_weights'] / row['all_weights']:.1f} %"
        cells = [name, trained, *(f"{value:.1f}" for value in percent), share, f"{row['seconds']:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


_SCORES = ("new_recall", "new_accuracy", "new_few_shot", "known_recall", "known_accuracy", "dubai_mean_iou")

if __name__ == "__main__":
    main()
