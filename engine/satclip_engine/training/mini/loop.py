"""The image stage of the embedded model: one loop over scene batches and dense batches."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from satclip_engine.models.atrous import set_output_stride
from satclip_engine.training.mini.augment import jitter_colours, normalise, random_view
from satclip_engine.training.mini.image_data import AidScenes, LabelledImage
from satclip_engine.training.mini.labels import mentioned, possible_labels
from satclip_engine.training.mini.lexicon import AID_NAMES, TEMPLATES
from satclip_engine.training.mini.objective import class_weights, draw_vocabulary, mention_loss, perturb, pixel_set_loss

Embed = Callable[[list[str]], Tensor]
# What each learned logit scale is for.
CAPTIONS, NAMES, PIXELS = range(3)


@dataclass(frozen=True)
class LoopOptions:
    """Schedule and weights of the image stage.

    Attributes:
        steps: Optimiser steps; each sees one scene batch and one dense batch.
        scene_batch: Scene images per step.
        scene_px: Side of a scene view.
        dense_batch: Labelled views per step.
        dense_px: Side of a labelled view.
        dense_stride_px: Output stride at which dense batches run.
        learning_rate: Peak; the pretrained trunk gets half.
        dense_weight: Weight of the pixel losses.
        mention_weight: Weight of the losses that captions put on the cells of scene images.
        word_spread: Longest random step of a class's text vector, relative to its length.
        ema_decay: Decay of the averaged weights, which are what is kept.
        colours: Views in 0..255 and a source of randomness to views in 0..1.
        seed: Seed of every draw.
    """

    steps: int
    scene_batch: int = 64
    scene_px: int = 112
    dense_batch: int = 9
    dense_px: int = 192
    dense_stride_px: int = 16
    learning_rate: float = 1e-3
    dense_weight: float = 1.0
    mention_weight: float = 0.3
    word_spread: float = 0.6
    ema_decay: float = 0.997
    colours: Callable[[Tensor, torch.Generator], Tensor] = jitter_colours
    seed: int = 0


@dataclass(frozen=True)
class DenseSource:
    """Labelled images with the share of dense views taken from them."""

    name: str
    items: list[LabelledImage]
    share: float
    zoom: tuple[float, float]


class ImageSide(nn.Module):
    """What the image stage trains: the image tower, a linear map of the text space, the logit scales."""

    def __init__(self, visual: Any, dim: int) -> None:
        super().__init__()
        self.visual: Any = visual
        self.text_map = nn.Linear(dim, dim, bias=False)
        nn.init.eye_(self.text_map.weight)
        self.log_scales = nn.Parameter(torch.full((3,), math.log(20.0)))

    @classmethod
    def of(cls, visual: Any, text: Any) -> ImageSide:
        """Return the image side of a tower that is to be trained towards a text tower."""
        side = cls(visual, text.text_projection.shape[1])
        return side.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def cells(self, views: Tensor, stride_px: int) -> Tensor:
        """Return float32 (N, h, w, D): one vector per cell, not normalised."""
        set_output_stride(self.visual.trunk, stride_px)
        features = self.visual.trunk.forward_features(views.contiguous(memory_format=torch.channels_last))
        return self.visual.head(features.permute(0, 2, 3, 1))  # type: ignore[no-any-return]

    def texts(self, vectors: Tensor) -> Tensor:
        """Return unit vectors of texts after the linear map."""
        return functional.normalize(self.text_map(vectors), dim=-1)

    def scale(self, which: int) -> Tensor:
        """Return the logit scale ``CAPTIONS``, ``NAMES`` or ``PIXELS``, at most 100."""
        return self.log_scales[which].exp().clamp(max=100.0)


def freeze_statistics(module: nn.Module) -> None:
    """Keep batch normalisation at the pretrained statistics: the batches here are too unlike each other."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()


def train(
    side: ImageSide,
    scenes: AidScenes,
    sources: list[DenseSource],
    embed: Embed,
    options: LoopOptions,
    checkpoint: Path,
    report: Callable[[str], None],
) -> ImageSide:
    """Train and return the averaged weights; continue from ``checkpoint`` where it exists.

    Args:
        side: What is trained; changed in place.
        scenes: AID images with classes and captions.
        sources: Labelled images.
        embed: Texts to float32 unit vectors of the teacher's space.
        options: Schedule.
        checkpoint: File of the resumable state, written atomically every hundred steps.
        report: Called with a line of progress.
    """
    from open_clip.loss import ClipLoss

    clip_loss = ClipLoss()
    texts = _TextTable(scenes, embed)
    mentions = np.array([mentioned(captions) for captions in scenes.captions], np.int64)
    possible = possible_labels(scenes.classes, mentions.tolist())
    trunk = [p for p in side.visual.trunk.parameters() if p.requires_grad]
    groups = [
        {"params": trunk, "lr": options.learning_rate * 0.5},
        {"params": side.visual.head.parameters(), "lr": options.learning_rate},
        {"params": [side.text_map.weight], "lr": options.learning_rate * 0.2, "weight_decay": 0.0},
        {"params": [side.log_scales], "lr": options.learning_rate * 5, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05, betas=(0.9, 0.98))
    average = copy.deepcopy(side).eval()
    step = _restore(checkpoint, side, average, optimizer)
    peaks = [group["lr"] if "initial_lr" not in group else group["initial_lr"] for group in optimizer.param_groups]
    for group, peak in zip(optimizer.param_groups, peaks, strict=True):
        group["initial_lr"] = peak
    sums: dict[str, float] = {}
    started = time.monotonic()
    while step < options.steps:
        rng = np.random.default_rng((options.seed, step))
        generator = torch.Generator().manual_seed(options.seed * 1_000_003 + step)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * _schedule(step, options.steps)
        side.train()
        freeze_statistics(side)
        optimizer.zero_grad(set_to_none=True)
        vocabulary = draw_vocabulary(rng)
        template = TEMPLATES[rng.integers(len(TEMPLATES))]
        class_vectors = embed([template.format(phrase) for phrase in vocabulary.phrases])
        class_vectors = perturb(class_vectors, options.word_spread, generator)

        index = rng.choice(len(scenes.classes), options.scene_batch, replace=False)
        views = torch.stack([random_view(scenes.images[i], options.scene_px, (0.75, 1.8), rng)[0] for i in index])
        cells = side.cells(normalise(options.colours(views, generator)), 32)
        image = functional.normalize(cells.mean((1, 2)), dim=-1)
        captions = side.texts(texts.draw_captions(index, rng))
        names = side.texts(texts.draw_names(rng))
        losses = {
            "captions": clip_loss(image, captions, side.scale(CAPTIONS)),
            "names": functional.cross_entropy(
                side.scale(NAMES) * image @ names.T, texts.class_index[index], label_smoothing=0.05
            ),
        }
        logits = _cell_logits(side, cells, class_vectors)
        sets = torch.from_numpy(possible[index])[:, None, None].expand(-1, *cells.shape[1:3])
        losses["possible"] = options.mention_weight * pixel_set_loss(logits, sets, vocabulary.groups)
        losses["mentions"] = options.mention_weight * mention_loss(
            logits, torch.from_numpy(mentions[index]), vocabulary.groups
        )
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]

        views, labels = draw_dense_batch(sources, options, rng)
        cells = side.cells(normalise(options.colours(views, generator)), options.dense_stride_px)
        logits = _cell_logits(side, cells, class_vectors)
        weights = class_weights(labels, vocabulary.groups)
        losses["pixels"] = options.dense_weight * pixel_set_loss(logits, labels, vocabulary.groups, weights)
        losses["pixels"].backward()

        nn.utils.clip_grad_norm_(side.parameters(), 2.0)
        optimizer.step()
        step += 1
        _update_average(average, side, min(options.ema_decay, step / (step + 10)))
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0.0) + float(loss.detach())
        if step % 50 == 0:
            shown = ", ".join(f"{name} {value / 50:.3f}" for name, value in sums.items())
            report(f"step {step}/{options.steps}, {time.monotonic() - started:.0f} s: {shown}")
            sums = {}
        if step % 100 == 0 or step == options.steps:
            save_state(checkpoint, side, average, optimizer, step)
    set_output_stride(average.visual.trunk, 32)
    return average


def draw_dense_batch(
    sources: list[DenseSource], options: LoopOptions, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return float32 (N, 3, S, S) views in 0..255 and int64 (N, s, s) label bits."""
    shares = np.array([source.share for source in sources])
    views, labels = [], []
    for which in rng.choice(len(sources), options.dense_batch, p=shares / shares.sum()):
        source = sources[which]
        item = source.items[rng.integers(len(source.items))]
        view, cut = random_view(item.image, options.dense_px, source.zoom, rng, item.labels)
        views.append(view)
        labels.append(cut)
    return torch.stack(views), torch.stack(labels)  # type: ignore[arg-type]


def save_state(path: Path, side: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Write the resumable state under a temporary name and rename it."""
    partial = path.with_suffix(".partial")
    state = {
        "side": side.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
    }  # fmt: skip
    torch.save(state, partial)
    partial.replace(path)


class _TextTable:
    """Teacher vectors of all captions and names of the scenes, computed once."""

    def __init__(self, scenes: AidScenes, embed: Embed) -> None:
        distinct = sorted({caption for captions in scenes.captions for caption in captions})
        self._vectors = embed(distinct)
        position = {caption: i for i, caption in enumerate(distinct)}
        self._captions = [[position[caption] for caption in captions] for captions in scenes.captions]
        classes = sorted(AID_NAMES)
        self.class_index = torch.tensor([classes.index(name) for name in scenes.classes])
        self._names = [
            [
                embed([template.format(AID_NAMES[name][i % len(AID_NAMES[name])]) for name in classes])
                for template in TEMPLATES
            ]
            for i in range(2)
        ]

    def draw_captions(self, index: np.ndarray, rng: np.random.Generator) -> Tensor:
        """Return one caption vector per image."""
        return self._vectors[[self._captions[i][rng.integers(len(self._captions[i]))] for i in index]]

    def draw_names(self, rng: np.random.Generator) -> Tensor:
        """Return the 30 class vectors in one template."""
        return self._names[rng.integers(2)][rng.integers(len(TEMPLATES))]


def _cell_logits(side: ImageSide, cells: Tensor, class_vectors: Tensor) -> Tensor:
    cosines = functional.normalize(cells, dim=-1) @ side.texts(class_vectors).T
    return (side.scale(PIXELS) * cosines).permute(0, 3, 1, 2)


def _schedule(step: int, steps: int, warm_up: int = 60) -> float:
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))


def _restore(path: Path, side: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    side.load_state_dict(state["side"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


@torch.no_grad()
def _update_average(average: nn.Module, side: nn.Module, decay: float) -> None:
    for kept, new in zip(average.parameters(), side.parameters(), strict=True):
        kept.lerp_(new, 1 - decay)
