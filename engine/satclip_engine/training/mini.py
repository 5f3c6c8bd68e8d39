"""Trains the embedded model: `python -m satclip_engine.training.mini --data $SATCLIP_DATA --out DIR`.

Three stages, each resumable: the text tower learns the teacher's space; the image side learns from captions, scene
names, masks and drawn scenes without any mask of `dubai_mbrsc`; a last, mostly dense stretch adds the masks of its
tiles 1, 2, 4 and 5, and the two are interpolated. Tile 7, and one part each of tiles 1 and 4, are never trained on.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch

from satclip_engine.models.torchvision_compat import ensure_torchvision_imports
from satclip_engine.training.drawn_scenes import collect_textures, draw_scene
from satclip_engine.training.export import export_model
from satclip_engine.training.image_data import (
    AidScenes,
    LabelledImage,
    load_aid,
    load_dubai,
    load_epfl_roads,
    load_landsat_series,
    load_landsat_water,
    load_levir,
    load_naip,
    load_spacenet_buildings,
)
from satclip_engine.training.labels import SCENE_MAIN, bits, mentioned
from satclip_engine.training.loop import DenseSource, ImageSide, LoopOptions, train
from satclip_engine.training.mini_eval import LANDSAT_TEST_STEP, N_EPFL_TRAIN
from satclip_engine.training.synonyms import without_held_out_words
from satclip_engine.training.text_stage import TeacherSpace, build_model, run_text_stage
from satclip_engine.training.text_student import DistilOptions
from satclip_engine.training.trunk_start import freeze_first_stages, start_from_imagenet

DUBAI_TRAIN_TILES = (1, 2, 4, 5)
LANDSAT_MAPPINGS = ((4, 3, 2), (5, 4, 3), (7, 5, 4))
# Parts (tile, index) kept back to decide whether the last stretch helped.
DUBAI_VALIDATION_PARTS = ((1, 8), (4, 8))
# Shares of the last stretch; the zooms of the first stage stay, as the imagery is the same.
LAST_SHARES = {
    "drawn": 0.14,
    "uniform": 0.07,
    "epfl_roads": 0.13,
    "landsat_water": 0.11,
    "landsat_series": 0.02,
    "change_levir": 0.03,
    "naip_series": 0.03,
    "spacenet": 0.05,
}
LAST_DUBAI_SHARE = 0.42
# On the validation parts and images, 0.5, 0.7, 0.85, 1.0 give 37.9, 38.1, 40.1, 42.4 mIoU and 90.1, 90.4, 90.0, 88.6 %.
LAST_WEIGHT = 0.85
N_DRAWN_SCENES = 1200
N_VALIDATION = 700


def load_train_scenes(folder: Path, seed: int) -> AidScenes:
    """Load AID's training images without the validation part and without captions that use a held-out word."""
    scenes = load_aid(folder, "train")
    captions = [
        without_held_out_words(group) or [f"a photo of {name.lower()}"]
        for group, name in zip(scenes.captions, scenes.classes, strict=True)
    ]
    order = np.random.default_rng(seed).permutation(len(captions))
    return AidScenes(scenes.images, scenes.classes, captions).subset(np.sort(order[N_VALIDATION:]))


def dense_sources(data: Path, scenes: AidScenes, seed: int) -> list[DenseSource]:
    """Return the labelled images that use no mask of `dubai_mbrsc`."""
    rng = np.random.default_rng(seed)
    textures = collect_textures(scenes)
    uniform = [
        LabelledImage(image, np.full(image.shape[1:], bits(SCENE_MAIN[name]) | mentioned(captions), np.int64))
        for image, name, captions in zip(scenes.images, scenes.classes, scenes.captions, strict=True)
        if name in SCENE_MAIN
    ]
    chips = data / "landsat_water"
    landsat = [
        item
        for bands in LANDSAT_MAPPINGS
        for index, item in enumerate(load_landsat_water(chips, bands))
        if index % LANDSAT_TEST_STEP
    ]
    drawn = [draw_scene(textures, rng) for _ in range(N_DRAWN_SCENES)]
    return [
        DenseSource("drawn", drawn, 0.34, (0.8, 2.0)),
        DenseSource("uniform", uniform, 0.10, (0.9, 2.2)),
        DenseSource("epfl_roads", load_epfl_roads(data / "epfl_roads")[:N_EPFL_TRAIN], 0.2, (0.5, 1.8)),
        DenseSource("landsat_water", landsat, 0.15, (1.0, 3.0)),
        DenseSource("landsat_series", load_landsat_series(data / "landsat_series"), 0.03, (0.8, 2.5)),
        DenseSource("change_levir", load_levir(data / "change_levir"), 0.05, (0.7, 2.0)),
        DenseSource("naip_series", load_naip(data / "naip_series"), 0.06, (0.5, 2.0)),
        DenseSource("spacenet", load_spacenet_buildings(data / "spacenet"), 0.07, (0.5, 2.0)),
    ]


def last_sources(data: Path, sources: list[DenseSource]) -> list[DenseSource]:
    """Return the sources of the last stretch: those of the first with other shares, and `dubai_mbrsc`."""
    parts = [
        part
        for tile in DUBAI_TRAIN_TILES
        for index, part in enumerate(load_dubai(data / "dubai_mbrsc", tile))
        if (tile, index) not in DUBAI_VALIDATION_PARTS
    ]
    shared = [replace(source, share=LAST_SHARES[source.name]) for source in sources]
    return [DenseSource("dubai_mbrsc", parts, LAST_DUBAI_SHARE, (0.5, 1.6)), *shared]


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
    text = run_text_stage(model, captions, out, DistilOptions(learning_rate=2e-4, seed=seed), report).text
    embed = TeacherSpace(out / "basis.pt")
    start_from_imagenet(model.visual.trunk)
    freeze_first_stages(model.visual.trunk)
    side = ImageSide(model.visual, text.text_projection.shape[1])
    side = side.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    sources = dense_sources(data, scenes, seed)
    first = LoopOptions(steps=steps, scene_batch=24, dense_weight=1.5, seed=seed)
    general = train(side, scenes, sources, embed, first, out / "stage1.pt", report)
    export_model(general, text, out / "bpe.txt.gz", out / "no_dubai_masks")
    last = LoopOptions(steps=last_steps, scene_batch=16, dense_weight=2.0, learning_rate=8e-4, seed=seed + 4)
    with_dubai = last_sources(data, sources)
    dense = train(copy.deepcopy(general), scenes, with_dubai, embed, last, out / "stage2.pt", report)
    export_model(interpolate(general, dense, LAST_WEIGHT), text, out / "bpe.txt.gz", out / "mini")


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


if __name__ == "__main__":
    main()
