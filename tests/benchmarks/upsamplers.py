"""Learned joint-bilateral upsampling of one window: all features against the scores alone, as ratios within one run.

``python -m tests.benchmarks.upsamplers [--window OF.tif] [--weights UPSAMPLER.safetensors]``: 512 dimensions, six
classes, 14 x 14 cells to 224 x 224 pixels. Without ``--weights`` the upsampler's are random, which changes no time.
Times are the least of some runs in one thread's processor time, so that a busy machine disturbs them less.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from satclip_engine.models.encoder import Encoder, load_encoder
from satclip_engine.models.learned_upsampler import LearnedUpsampler, upsampler_from_state
from satclip_engine.models.projected_upsampling import (
    LENGTH_ONLY,
    MELTED_SHARES,
    project_then_upsample,
    upsample_then_project,
)
from satclip_engine.models.weights import read_state_dict

from tests.benchmarks.run import data_dir, make_config, table, write_vit
from tests.engine.helpers.upsamplers import random_upsampler

CLASSES = 6
WAYS: dict[str, tuple[float, ...]] = {
    "projected, length by components": MELTED_SHARES,
    "projected, every component": (0.0,) * 4,
    "projected, cells' length as one channel": LENGTH_ONLY,
}


def least_ms(run: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):  # the first warms up
        started_s = time.thread_time()
        run()
        times.append(time.thread_time() - started_s)
    return min(times[1:]) * 1000


def unfolded(upsampler: LearnedUpsampler, tokens: torch.Tensor, guidance: torch.Tensor) -> torch.Tensor:
    """The plain definition of the last pass alone: every neighbourhood of every channel laid out in memory."""
    step = upsampler.passes()[-1]
    radius = step.radius_px
    smooth = torch.nn.functional.interpolate(tokens[None], scale_factor=2, mode="bicubic", align_corners=False)
    padded = torch.nn.functional.pad(smooth, (radius,) * 4, mode="reflect")
    neighbours = torch.nn.functional.unfold(padded, 2 * radius + 1).unflatten(1, (tokens.shape[0], -1))[0]
    kernel = step.kernel(step.keys(guidance), guidance).flatten(1)
    return torch.einsum("cop,op->cp", neighbours, kernel)


def window_of(path: Path) -> torch.Tensor:
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(path) as raster:
        row, col = raster.height // 3, raster.width // 3
        return torch.from_numpy(raster.read([1, 2, 3], window=Window(col, row, 224, 224)))


def phrases_near(tokens: torch.Tensor) -> torch.Tensor:
    """Six directions with cosines like those of words that fit: halfway between cells and noise."""
    cells = torch.nn.functional.normalize(tokens.flatten(1)[:, :: tokens[0].numel() // CLASSES][:, :CLASSES].T, dim=1)
    noise = torch.randn(cells.shape, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.normalize(cells + torch.nn.functional.normalize(noise, dim=1), dim=1)


def compare(name: str, tokens: torch.Tensor, image: torch.Tensor, upsampler: LearnedUpsampler) -> list[list[str]]:
    guidance = (image.float() - image.float().mean((1, 2), keepdim=True)) / 68.0
    phrases = phrases_near(tokens)
    plain = upsample_then_project(upsampler, tokens, guidance, phrases)
    whole_ms = least_ms(lambda: upsample_then_project(upsampler, tokens, guidance, phrases), 2)
    scores = torch.einsum("pd,dhw->phw", phrases, tokens)
    scores_ms = least_ms(lambda: upsampler.upsample(scores, guidance), 5)
    rows = [
        [name, "upsampled, projected", f"{whole_ms:.0f}", "1", "-", "-"],
        [name, "projected, no length (exact, linear)", f"{scores_ms:.0f}", f"{whole_ms / scores_ms:.1f}", "-", "-"],
    ]
    for way, shares in WAYS.items():
        off = (project_then_upsample(upsampler, tokens, guidance, phrases, shares) - plain).abs()
        way_ms = least_ms(lambda shares=shares: project_then_upsample(upsampler, tokens, guidance, phrases, shares), 4)
        rows.append([name, way, f"{way_ms:.0f}", f"{whole_ms / way_ms:.1f}", f"{off.max():.5f}", f"{off.mean():.6f}"])
    return rows


def encoded(encoder: Encoder, image: torch.Tensor) -> torch.Tensor:
    return encoder.encode(image[None]).tokens[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--window", type=Path, default=data_dir() / "scenes" / "oem_koeln_50.tif")
    parser.add_argument("--weights", type=Path, help="of an upsampler of 512 channels")
    parser.add_argument("--unfold", action="store_true", help="also the plain definition: needs 13 GB")
    args = parser.parse_args()
    torch.set_num_threads(1)
    image = window_of(args.window)
    of_512 = (
        random_upsampler(512, 5, 0) if args.weights is None else upsampler_from_state(read_state_dict(args.weights))
    )
    with tempfile.TemporaryDirectory() as temporary, torch.inference_mode():
        folder = Path(temporary)
        options = {"device": "cpu", "precision": "fp32", "config": make_config(folder)}
        vit = load_encoder(str(write_vit(folder / "vit-b-16", "ViT-B-16")), **options)
        mini = load_encoder("mini", **options)
        noise = torch.randn(512, 14, 14, generator=torch.Generator().manual_seed(1))
        rows = compare("ViT-B/16 (random), 512", encoded(vit, image), image, of_512)
        rows += compare("white noise, 512", noise, image, of_512)
        rows += compare("mini, 256", encoded(mini, image), image, random_upsampler(256, 5, 0))
        if args.unfold:
            coarse = torch.randn(512, 112, 112)
            unfold_ms = least_ms(lambda: unfolded(of_512, coarse, image.float() / 68), 1)
            rows.append(["512", "the last pass alone, unfolded", f"{unfold_ms:.0f}", "-", "-", "-"])
    head = ["features", "way", "ms", "times faster", "largest error of a cosine", "mean error"]
    print(table("Learned joint-bilateral upsampling of one window of 224 px, six classes", head, rows))


if __name__ == "__main__":
    main()
