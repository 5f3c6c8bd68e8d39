"""Evaluates an embedded model's folder: `python -m satclip_engine.training.mini_eval --model DIR --data DIR`.

Every figure is untuned: fixed wording, no thresholds, winner takes all. Dense figures are at the images' own pixel
size, with cells of 16 px upsampled bilinearly.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from satclip_engine.evaluation.retrieval import distinct_captions, recall_at
from satclip_engine.evaluation.segmentation import confusion_matrix, segmentation_scores
from satclip_engine.models.atrous import set_output_stride
from satclip_engine.models.torchvision_compat import ensure_torchvision_imports
from satclip_engine.training.architecture import CONTEXT_LENGTH
from satclip_engine.training.augment import normalise
from satclip_engine.training.image_data import (
    AidScenes,
    Bytes,
    LabelledImage,
    load_aid,
    load_dubai,
    load_epfl_roads,
    load_landsat_water,
)
from satclip_engine.training.labels import BARE, VEGETATION, Label, bits
from satclip_engine.training.lexicon import AID_NAMES
from satclip_engine.training.synonyms import DENSE_SYNONYMS, SCENE_SYNONYMS

CELL_PX = 16
TEMPLATES = ("{}", "a satellite image of {}", "an aerial view of {}")
DUBAI_CLASSES: dict[str, tuple[int, tuple[str, ...]]] = {
    "building": (bits(Label.BUILDING), ("building", "house", "rooftop")),
    "land": (BARE, ("bare soil", "bare land", "sand")),
    "road": (bits(Label.ROAD), ("road", "street")),
    "vegetation": (VEGETATION, ("vegetation", "trees", "grass")),
    "water": (bits(Label.WATER), ("water",)),
}
ROAD_CLASSES = (
    ("road", "street"),
    ("building", "house"),
    ("trees",),
    ("grass",),
    ("bare soil",),
    ("parking lot",),
    ("water",),
)
WATER_CLASSES = (
    ("water", "lake", "river"),
    ("vegetation", "trees", "grass"),
    ("bare soil", "bare land"),
    ("buildings",),
)
FALSE_COLOUR = (5, 4, 3)
N_EPFL_TRAIN = 18
# Chips in the order of their names are alike: the last dozen is nearly dry. Every third one is a fair sample.
LANDSAT_TEST_STEP = 3


@dataclass
class MiniModel:
    """A loaded model: images to cells and to vectors, words to vectors."""

    model: Any
    tokenizer: Any

    @classmethod
    def load(cls, folder: Path) -> MiniModel:
        """Load an open_clip folder with its own vocabulary."""
        ensure_torchvision_imports()
        import open_clip
        from open_clip.tokenizer import SimpleTokenizer

        model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        return cls(model.float().eval(), SimpleTokenizer(str(folder / "bpe.txt.gz"), context_length=CONTEXT_LENGTH))

    @torch.inference_mode()
    def words(self, classes: Sequence[Sequence[str]]) -> tuple[Tensor, list[int]]:
        """Return (P, D) phrase vectors (mean over templates) and the class of each phrase."""
        owner = [i for i, phrases in enumerate(classes) for _ in phrases]
        texts = [template.format(phrase) for phrases in classes for phrase in phrases for template in TEMPLATES]
        vectors = self.sentences(texts).unflatten(0, (-1, len(TEMPLATES))).mean(1)  # type: ignore[no-untyped-call]
        return functional.normalize(vectors, dim=-1), owner

    @torch.inference_mode()
    def sentences(self, texts: list[str]) -> Tensor:
        """Return (N, D) unit vectors."""
        parts = [self.model.encode_text(self.tokenizer(texts[i : i + 512])) for i in range(0, len(texts), 512)]
        return functional.normalize(torch.cat(parts), dim=-1)

    @torch.inference_mode()
    def images(self, images: Bytes) -> Tensor:
        """Return (N, D) unit vectors of uint8 (N, 3, H, W)."""
        set_output_stride(self.model.visual.trunk, 32)
        batches = [images[i : i + 32] for i in range(0, len(images), 32)]
        vectors = [self.model.encode_image(_as_input(batch)) for batch in batches]
        return functional.normalize(torch.cat(vectors), dim=-1)

    @torch.inference_mode()
    def class_map(self, image: Bytes, classes: Sequence[Sequence[str]], zoom: float = 1.0) -> NDArray[np.int64]:
        """Return int64 (H, W): the class with the best phrase at every pixel of uint8 (3, H, W)."""
        vectors, owner = self.words(classes)
        cosines = self.cell_cosines(image, vectors, zoom)
        best = torch.stack([cosines[[i for i, o in enumerate(owner) if o == k]].amax(0) for k in range(len(classes))])
        full = functional.interpolate(best[None], scale_factor=CELL_PX / zoom, mode="bilinear")[0]
        return full[:, : image.shape[1], : image.shape[2]].max(0).indices.numpy()

    @torch.inference_mode()
    def cell_cosines(self, image: Bytes, vectors: Tensor, zoom: float = 1.0) -> Tensor:
        """Return float32 (P, h, w) cosines of the cells with unit vectors (P, D)."""
        set_output_stride(self.model.visual.trunk, CELL_PX)
        x = _as_input(image[None])
        if zoom != 1.0:
            x = functional.interpolate(x, scale_factor=zoom, mode="bilinear")
        pad = [-side % 32 for side in x.shape[2:]]
        padded = functional.pad(x, (0, pad[1], 0, pad[0]), mode="replicate")
        cells = self.model.visual.head(self.model.visual.trunk.forward_features(padded).permute(0, 2, 3, 1))
        return (functional.normalize(cells, dim=-1) @ vectors.T)[0].permute(2, 0, 1)


def evaluate_scenes(model: MiniModel, test: AidScenes) -> dict[str, Any]:
    """Return top-1 from names and from synonyms, and retrieval on distinct captions."""
    classes = sorted(AID_NAMES)
    truth = np.array([classes.index(name) for name in test.classes])
    vectors = model.images(test.images)
    names, owner = model.words([AID_NAMES[name] for name in classes])
    scores = (vectors @ names.T).numpy()
    by_class = np.stack([scores[:, [i for i, o in enumerate(owner) if o == k]].max(1) for k in range(30)], 1)
    result: dict[str, Any] = {"aid_top1": float((by_class.argmax(1) == truth).mean())}
    top5 = np.argsort(-by_class, 1)[:, :5]
    result["aid_top5"] = float((top5 == truth[:, None]).any(1).mean())
    result["aid_recall_per_class"] = {
        n: float((by_class.argmax(1)[truth == i] == i).mean()) for i, n in enumerate(classes)
    }
    hits = {}
    for name, words in SCENE_SYNONYMS.items():
        for word in words:
            synonym, _ = model.words([(word,)])
            swapped = by_class.copy()
            swapped[:, classes.index(name)] = (vectors @ synonym.T).numpy()[:, 0]
            inside = truth == classes.index(name)
            hits[word] = float((swapped.argmax(1)[inside] == classes.index(name)).mean())
    result["synonym_recall"] = {"mean": float(np.mean(list(hits.values()))), **hits}
    captions, image_of_text = distinct_captions(test.captions)
    recall = recall_at((vectors @ model.sentences(captions).T).numpy(), image_of_text)
    result["retrieval"] = {"n_captions": len(captions), **recall}
    for way in ("image_to_text", "text_to_image"):
        result["retrieval"][f"{way}_mean"] = float(np.mean(list(recall[way].values())))
    return result


def evaluate_dubai(model: MiniModel, data: Path, tiles: Sequence[int], zoom: float = 1.0) -> dict[str, Any]:
    """Return per-class IoU and mIoU over all pixels of the tiles, with the usual words and with held-out synonyms."""
    result: dict[str, Any] = {}
    wordings = {
        "words": [words for _, words in DUBAI_CLASSES.values()],
        "synonyms": [DENSE_SYNONYMS[name] for name in DUBAI_CLASSES],
    }
    totals = {key: np.zeros((5, 6), np.int64) for key in wordings}
    for tile in tiles:
        for item in load_dubai(data / "dubai_mbrsc", tile):
            reference = codes_of(item, [code for code, _ in DUBAI_CLASSES.values()])
            for key, classes in wordings.items():
                totals[key] += confusion_matrix(reference, model.class_map(item.image, classes, zoom), 5)
    for key, total in totals.items():
        scores = segmentation_scores(total)
        result[key] = {
            "miou": scores.mean_iou,
            "pixel_accuracy": scores.pixel_accuracy,
            "iou": dict(zip(DUBAI_CLASSES, scores.iou.tolist(), strict=True)),
        }
    return result


def colour_baseline(labelled: Sequence[LabelledImage], test: Sequence[LabelledImage]) -> dict[str, Any]:
    """Return the scores of the nearest mean RGB per class, learned from labelled images: what any model must beat."""
    wanted = [code for code, _ in DUBAI_CLASSES.values()]
    pixels = np.concatenate([item.image.reshape(3, -1) for item in labelled], 1).astype(np.float32)
    codes = np.concatenate([codes_of(item, wanted).ravel() for item in labelled])
    means = np.stack([pixels[:, codes == k].mean(1) for k in range(len(wanted))])
    total = np.zeros((5, 6), np.int64)
    for item in test:
        flat = item.image.reshape(3, -1).T.astype(np.float32)
        nearest = ((flat[:, None, :] - means) ** 2).sum(2).argmin(1).reshape(item.labels.shape)
        total += confusion_matrix(codes_of(item, wanted), nearest, 5)
    scores = segmentation_scores(total)
    return {"miou": scores.mean_iou, "iou": dict(zip(DUBAI_CLASSES, scores.iou.tolist(), strict=True))}


def evaluate_one_class(
    model: MiniModel, items: Sequence[LabelledImage], classes: Sequence[Sequence[str]], label: Label, zoom: float
) -> float:
    """Return the IoU of the first class against the pixels that carry exactly ``label``."""
    total = np.zeros((2, 3), np.int64)
    for item in items:
        found = model.class_map(item.image, classes, zoom) != 0
        total += confusion_matrix((item.labels != bits(label)).astype(np.int64), found.astype(np.int64), 2)
    return float(segmentation_scores(total).iou[0])


def codes_of(item: LabelledImage, wanted: Sequence[int]) -> NDArray[np.int64]:
    """Return int64 (H, W): the position of each pixel's label set in ``wanted``, -1 elsewhere."""
    codes = np.full(item.labels.shape, -1, np.int64)
    for code, value in enumerate(wanted):
        codes[item.labels == value] = code
    return codes


def _as_input(images: Bytes) -> Tensor:
    floats = torch.from_numpy(images.astype(np.float32) / 255)
    return normalise(floats).contiguous(memory_format=torch.channels_last)


@click.command()
@click.option("--model", "model_folder", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="JSON file; printed if left out.")
@click.option("--tiles", default="7", help="Tiles of dubai_mbrsc to score, comma-separated.")
def main(model_folder: Path, data: Path, out: Path | None, tiles: str) -> None:
    """Evaluate an embedded model's folder on the sets it is reported on."""
    model = MiniModel.load(model_folder)
    numbers = [int(tile) for tile in tiles.split(",")]
    result: dict[str, Any] = {"scenes": evaluate_scenes(model, load_aid(data / "aid_rsicd", "test"))}
    result["dubai"] = {f"tile{n}": evaluate_dubai(model, data, [n]) for n in numbers}
    if len(numbers) > 1:
        result["dubai"]["all"] = evaluate_dubai(model, data, numbers)
    tile7 = load_dubai(data / "dubai_mbrsc", 7)
    result["colour_baseline_tile7"] = colour_baseline(load_dubai(data / "dubai_mbrsc", 5), tile7)
    roads = load_epfl_roads(data / "epfl_roads")
    result["epfl_road_iou_all_25"] = evaluate_one_class(model, roads, ROAD_CLASSES, Label.ROAD, 1.0)
    result["epfl_road_iou_7_unseen"] = evaluate_one_class(model, roads[N_EPFL_TRAIN:], ROAD_CLASSES, Label.ROAD, 1.0)
    water = load_landsat_water(data / "landsat_water", FALSE_COLOUR)[::LANDSAT_TEST_STEP]
    result["landsat_water_iou_14_unseen_false_colour"] = evaluate_one_class(
        model, water, WATER_CLASSES, Label.WATER, 2.0
    )
    text = json.dumps(result, indent=1)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
