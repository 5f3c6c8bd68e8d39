"""Which ingredient gives what: `python -m satclip_engine.training.mini.ablation --data $SATCLIP_DATA --out DIR`.

Every variant is one short training from the same start with one ingredient taken away, scored on what training keeps
back. The differences are those of a short training; the shipped model is trained ten times as long.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import torch
from torch import Tensor
from torch.nn import functional

from satclip_engine.models.torchvision_compat import ensure_torchvision_imports
from satclip_engine.training.mini.export import export_model
from satclip_engine.training.mini.image_data import AidScenes
from satclip_engine.training.mini.loop import DenseSource, ImageSide, LoopOptions, train
from satclip_engine.training.mini.sources import dense_sources, last_sources, load_train_scenes
from satclip_engine.training.mini.teacher import SentenceTeacher
from satclip_engine.training.mini.text_stage import Teacher, TeacherSpace, build_model, run_text_stage
from satclip_engine.training.mini.text_student import DistilOptions
from satclip_engine.training.mini.trunk_start import start_from_imagenet
from satclip_engine.training.mini.validation import ValidationScores, validate


class RandomWords:
    """A teacher without knowledge: a text is the mean of random vectors of its words."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(words)

    def whole_words(self) -> list[str]:
        """Return the vocabulary of the real teacher."""
        return self._words

    def encode(self, texts: list[str]) -> Tensor:
        """Return float32 (N, 384) unit vectors."""
        rows = [torch.stack([self._vector(word) for word in text.split() or [""]]).mean(0) for text in texts]
        return functional.normalize(torch.stack(rows), dim=-1)

    def _vector(self, word: str) -> Tensor:
        # A checksum, as Python's own hash differs from process to process.
        seed = zlib.crc32(word.strip(".,").encode("utf-8"))
        return torch.randn(384, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class Ingredients:
    """What a variant is trained with.

    Attributes:
        teacher: Of the text tower.
        scenes: AID images with classes and captions.
        sources: Labelled images.
        options: Schedule.
        is_pretrained: Whether the image tower starts from ImageNet weights.
    """

    teacher: Teacher
    scenes: AidScenes
    sources: list[DenseSource]
    options: LoopOptions
    is_pretrained: bool = True


def _without_teacher(full: Ingredients) -> Ingredients:
    return replace(full, teacher=RandomWords(full.teacher.whole_words()))


def _without_captions(full: Ingredients) -> Ingredients:
    captions = [[f"a photo of {name.lower()}"] for name in full.scenes.classes]
    return replace(full, scenes=replace(full.scenes, captions=captions))


def _without_drawn(full: Ingredients) -> Ingredients:
    return replace(full, sources=[source for source in full.sources if source.name != "drawn"])


def _without_dubai(full: Ingredients) -> Ingredients:
    return replace(full, sources=[source for source in full.sources if source.name != "dubai_mbrsc"])


def _without_zoom(full: Ingredients) -> Ingredients:
    return replace(full, sources=[replace(source, zoom=(1.0, 1.0)) for source in full.sources])


def _with(**changes: Any) -> Callable[[Ingredients], Ingredients]:
    return lambda full: replace(full, options=replace(full.options, **changes))


def plain_colours(views: Tensor, _generator: torch.Generator) -> Tensor:
    """Return the views in 0..1 as they are."""
    return views / 255


VARIANTS: MappingProxyType[str, Callable[[Ingredients], Ingredients]] = MappingProxyType(
    {
        "full recipe": lambda full: full,
        "no sentence teacher (random word vectors)": _without_teacher,
        "no captions (scene names only)": _without_captions,
        "no dense supervision": _with(dense_weight=0.0, mention_weight=0.0),
        "no captions' words on cells": _with(mention_weight=0.0),
        "no masks of dubai_mbrsc": _without_dubai,
        "no drawn scenes": _without_drawn,
        "no change of colours": _with(colours=plain_colours),
        "no change of scale in labelled views": _without_zoom,
        "no spread of class vectors": _with(word_spread=0.0),
        "labelled views of 96 px instead of 192": _with(dense_px=96, dense_batch=36),
        "cells of 32 px in training": _with(dense_stride_px=32),
        "no ImageNet start": lambda full: replace(full, is_pretrained=False),
    }
)


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--steps", default=400, show_default=True, help="Steps of each training.")
@click.option("--threads", default=2, show_default=True, help="CPU threads; 1 is faster on a busy machine.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(tuple(VARIANTS)), help="Train only these; all if left out.")
def main(data: Path, out: Path, steps: int, threads: int, seed: int, only: tuple[str, ...]) -> None:
    """Train every variant and write `ablation.md` into OUT; run again to resume."""
    ensure_torchvision_imports()
    torch.set_num_threads(threads)
    scenes = load_train_scenes(data / "aid_rsicd", seed)
    options = LoopOptions(steps=steps, scene_batch=16, dense_weight=2.0, seed=seed)
    full = Ingredients(SentenceTeacher(), scenes, last_sources(data, dense_sources(data, scenes, seed)), options)
    captions = sorted({caption for group in scenes.captions for caption in group})
    found: dict[str, ValidationScores] = {}
    for name in only or VARIANTS:
        folder = out / "".join(letter if letter.isalnum() else "_" for letter in name)
        scores = folder / "scores.json"
        if not scores.exists():
            folder.mkdir(parents=True, exist_ok=True)
            result = validate(_train(VARIANTS[name](full), captions, folder, seed), data, seed)
            scores.write_text(json.dumps(asdict(result)), encoding="utf-8")
        found[name] = ValidationScores(**json.loads(scores.read_text(encoding="utf-8")))
        (out / "ablation.md").write_text(table(found), encoding="utf-8")


def table(found: dict[str, ValidationScores]) -> str:
    """Return the markdown table, in percent."""
    lines = [
        "| variant | AID top-1 | mean recall | dubai mIoU | same, words never trained |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, scores in found.items():
        lines.append(f"| {name} | " + " | ".join(f"{100 * value:.1f}" for value in asdict(scores).values()) + " |")
    return "\n".join(lines) + "\n"


def _train(ingredients: Ingredients, captions: list[str], folder: Path, seed: int) -> Path:
    """Train one variant in ``folder`` and return the model's folder; variants with one teacher share a text tower."""

    def report(line: str) -> None:
        click.echo(f"{folder.name}: {line}")

    torch.manual_seed(seed)
    model = build_model()
    # The bag of words that the tower starts as has all but a thousandth of the cosine: the later epochs are left out.
    distil = DistilOptions(epochs=0, seed=seed)
    words = folder.parent / type(ingredients.teacher).__name__
    words.mkdir(exist_ok=True)
    text = run_text_stage(model, ingredients.teacher, captions, words, distil, report).text
    embed = TeacherSpace(ingredients.teacher, words / "basis.pt")
    if ingredients.is_pretrained:
        start_from_imagenet(model.visual.trunk)
    side = ImageSide.of(model.visual, text)
    trained = train(
        side, ingredients.scenes, ingredients.sources, embed, ingredients.options, folder / "state.pt", report
    )
    export_model(trained, text, words / "bpe.txt.gz", folder / "model")
    return folder / "model"


if __name__ == "__main__":
    main()
