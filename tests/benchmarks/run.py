"""Benchmarks as ratios within one run: ``make bench``. Prints the tables that stand in docs/benchmarks.md.

Machines are noisy: nothing here passes or fails, and seconds are only there to make sense of the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CLASSES = "water; forest: trees; building; road; grass; bare soil"
OTHER_CLASSES = "river; woods; house; street; meadow; sand"


def data_dir() -> Path:
    return Path(os.environ.get("SATCLIP_DATA") or ROOT.parent / "shared" / "data")


def write_vit(folder: Path, name: str) -> Path:
    """Write random weights of an open_clip architecture: speed and memory only."""
    from satclip_engine.models.torchvision_compat import ensure_torchvision_imports

    from tests.engine.helpers.tiny_model import TEXT, write_model

    ensure_torchvision_imports()
    import open_clip

    cfg: dict[str, Any] = dict(open_clip.get_model_config(name))
    cfg["text_cfg"] = {**TEXT, "tokenizer_kwargs": {"bpe_path": "bpe.txt.gz"}}
    return write_model(folder, cfg)


def drawn_scene(path: Path, side_px: int) -> Path:
    """Write a large RGB scene made of one tile of the orthophoto, or of noise where there is no imagery."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    source = data_dir() / "scenes" / "ortho_nepal.tif"
    if source.exists():
        with rasterio.open(source) as raster:
            tile = raster.read([1, 2, 3], window=Window(2000, 2000, 1024, 1024))
    else:
        tile = np.random.default_rng(0).integers(0, 256, (3, 1024, 1024), dtype=np.uint8)
    profile = {"driver": "GTiff", "width": side_px, "height": side_px, "count": 3, "dtype": "uint8", "tiled": True}
    profile |= {"blockxsize": 512, "blockysize": 512, "compress": "deflate", "crs": "EPSG:32645"}
    with rasterio.open(path, "w", transform=from_origin(300_000, 3_000_000, 0.5, 0.5), **profile) as raster:
        for row in range(0, side_px, 1024):
            for col in range(0, side_px, 1024):
                size = min(1024, side_px - col), min(1024, side_px - row)
                raster.write(tile[:, : size[1], : size[0]], window=Window(col, row, *size))
    return path


def make_config(folder: Path) -> Any:
    from satclip_engine.config import Config

    return Config(folder / "data", folder / "cache", folder / "models", ROOT / "resources", 10**12)


def segment_once(scene: Path, model: str, folder: Path, classes: str, precision: str) -> dict[str, Any]:
    """Run ``segment`` in this process and return its wall time and the run card's timings."""
    from satclip_engine.protocol import FeatureOptions, SegmentRequest, parse_classes
    from satclip_engine.questions.segment import segment

    options = FeatureOptions(model=model, device="cpu", precision=precision)
    request = SegmentRequest(str(scene), parse_classes(classes), str(folder / "out"), options)
    started_s = time.perf_counter()
    config = make_config(folder)
    segment(request, config=config, progress=lambda _: None, check_cancelled=lambda: None, job_id="bench")
    facts = json.loads((folder / "out" / "run.json").read_text())["facts"]["timings"]
    return {**facts, "wall_s": time.perf_counter() - started_s}


def bare_encoder_s(model: str, folder: Path, windows: int, precision: str, sample: int) -> float:
    """Return the time the bare encoder takes for ``windows`` windows, from a sample of batches in memory."""
    import torch
    from satclip_engine.models.encoder import load_encoder

    encoder = load_encoder(model, device="cpu", precision=precision, config=make_config(folder))
    images = torch.randint(0, 256, (8, 3, encoder.window_px, encoder.window_px), dtype=torch.uint8)
    encoder.encode(images)
    times = []
    for _ in range(sample):
        started_s = time.perf_counter()
        encoder.encode(images)
        times.append(time.perf_counter() - started_s)
    return statistics.median(times) / len(images) * windows


def encoder_speed(models: dict[str, str], precision: str, rounds: int = 15) -> list[list[str]]:
    """Bare encoders beside each other on windows in memory, in turns, so that noise meets all of them alike."""
    import torch
    from satclip_engine.models.encoder import load_encoder

    with tempfile.TemporaryDirectory() as temporary:
        config = make_config(Path(temporary))
        encoders = {
            name: load_encoder(model, device="cpu", precision=precision, config=config)
            for name, model in models.items()
        }
    images = {
        name: torch.randint(0, 256, (8, 3, encoder.window_px, encoder.window_px), dtype=torch.uint8)
        for name, encoder in encoders.items()
    }
    speeds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, encoder in encoders.items():
            started_s = time.perf_counter()
            encoder.encode(images[name])
            mpx = len(images[name]) * encoder.window_px**2 / 1e6
            speeds[name].append(mpx / (time.perf_counter() - started_s))
    medians = {name: statistics.median(found[1:]) for name, found in speeds.items()}
    first = next(iter(medians.values()))
    return [[name, str(encoders[name].cell_px), f"{mpx:.2f}", f"{first / mpx:.1f}"] for name, mpx in medians.items()]


def throughput(models: dict[str, str], scene: Path, precision: str) -> list[list[str]]:
    """Whole run against the bare encoder on the same windows, and a second prompt set on cached features."""
    rows = []
    for name, model in models.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            before = bare_encoder_s(model, folder, 1, precision, 6)
            first = segment_once(scene, model, folder, CLASSES, precision)
            after = bare_encoder_s(model, folder, 1, precision, 6)
            second = segment_once(scene, model, folder, OTHER_CLASSES, precision)
            bare = (before + after) / 2 * first["windows"]
            rows.append(
                [
                    name,
                    f"{first['windows']}",
                    f"{bare:.1f}",
                    f"{first['wall_s']:.1f}",
                    f"{bare / first['wall_s']:.2f}",
                    f"{second['wall_s']:.1f}",
                    f"{second['wall_s'] / first['wall_s']:.1%}",
                    f"{first['pixels'] / 1e6 / first['wall_s']:.2f}",
                ]
            )
    return rows


def preview_latency(models: dict[str, str], scene: Path, precision: str) -> list[list[str]]:
    """A view of 1000 x 1000 px with six classes on cached features: same words, then new words."""
    from satclip_engine.protocol import FeatureOptions, PreviewRequest, parse_classes
    from satclip_engine.questions.preview import PreviewSession

    rows = []
    for name, model in models.items():
        with tempfile.TemporaryDirectory() as temporary:
            session = PreviewSession(make_config(Path(temporary)))
            options = FeatureOptions(model=model, device="cpu", precision=precision)
            source, _ = session.source(str(scene), options)
            left, _, _, top = source.scene.grid.bounds
            size = 1000 * source.scene.grid.map_transform.a
            bounds = (left + size, top - 2 * size, left + 2 * size, top - size)

            def ask(
                words: str,
                session: PreviewSession = session,
                options: FeatureOptions = options,
                bounds: tuple[float, float, float, float] = bounds,
            ) -> float:
                request = PreviewRequest(str(scene), parse_classes(words), bounds, 1000, 1000, options)
                started_s = time.perf_counter()
                session.preview(request)
                return time.perf_counter() - started_s

            ask(CLASSES)
            while session.encode_missing(lambda: False):
                pass
            ask(CLASSES)
            same = statistics.median(ask(CLASSES) for _ in range(9))
            new = statistics.median(ask(CLASSES.replace("road", f"road {i}")) for i in range(5))
            rows.append([name, f"{same * 1000:.0f}", f"{new * 1000:.0f}"])
    return rows


def teaching(models: dict[str, str], scene: Path, precision: str) -> list[list[str]]:
    """One click among about 1,000 samples of 8 classes: gathered and fitted again, and the view repainted."""
    from dataclasses import replace

    from satclip_engine.protocol import AdviceRequest, FeatureOptions, FitRequest, PreviewRequest, parse_classes
    from satclip_engine.questions.teach import TeachSession

    classes = parse_classes(CLASSES + "; crop: field; rock")
    rows = []
    for name, model in models.items():
        with tempfile.TemporaryDirectory() as temporary:
            session = TeachSession(make_config(Path(temporary)))
            options = FeatureOptions(model=model, device="cpu", precision=precision)
            source, _ = session.source(str(scene), options)
            left, bottom, right, top = source.scene.grid.bounds
            x, y, pixel = (left + right) / 2, (bottom + top) / 2, source.scene.grid.map_transform.a
            bounds = (x - 500 * pixel, y - 500 * pixel, x + 500 * pixel, y + 500 * pixel)
            around = (x - 1500 * pixel, y - 1500 * pixel, x + 1500 * pixel, y + 1500 * pixel)
            view = PreviewRequest(str(scene), classes, bounds, 1000, 1000, options)
            session.preview(view)
            samples = _clicks(1400, len(classes), around)  # a quarter lies on nodata
            request = FitRequest(str(scene), classes, samples[:1350], options)
            session.fit(request)  # says what is missing
            while session.encode_missing(lambda: False):
                pass
            session.finish_search(lambda: False)
            session.fit(request)
            started_s = time.perf_counter()
            session.finish_search(lambda: False)
            search_s = time.perf_counter() - started_s
            fits, paints = [], []
            for click in range(15):
                started_s = time.perf_counter()
                result = session.fit(replace(request, samples=samples[: 1351 + click]))
                fits.append(time.perf_counter() - started_s)
                session.preview(replace(view, head_id=result.head_id))
                paints.append(time.perf_counter() - started_s)
            started_s = time.perf_counter()
            session.advise(AdviceRequest(result.head_id, around))
            advice_s = time.perf_counter() - started_s
            medians = (statistics.median(fits), statistics.median(paints), advice_s)
            mpx_per_s = applied_mpx_per_s(session, str(scene), options, result.head_id)
            applied = [f"{mpx_per_s:.0f}", f"{search_s:.1f}"]
            rows.append([name, result.method, *(f"{value * 1000:.0f}" for value in medians), *applied])
    return rows


def applied_mpx_per_s(session: Any, scene: str, options: Any, head_id: str) -> float:
    """Return how fast a taught head scores cached features, cell by cell, before any upsampling."""
    from satclip_engine.questions.scores import ScoreMap

    source, feature_map = session.source(scene, options)
    boxes = [source.layout.chunk_box(chunk) for chunk in feature_map.done]
    cells = sum((box.row_stop - box.row_start) * (box.col_stop - box.col_start) for box in boxes)
    speeds = []
    for _ in range(5):
        scores = ScoreMap(feature_map, session.taught_head(head_id).head, keep_chunks=1)
        started_s = time.perf_counter()
        for box in boxes:
            scores.read(box)
        speeds.append(cells * source.layout.cell_px**2 / 1e6 / (time.perf_counter() - started_s))
    return statistics.median(speeds)


def _clicks(count: int, classes: int, bounds: tuple[float, float, float, float]) -> tuple[Any, ...]:
    """Return point samples all over ``bounds`` with a pattern of classes that can be learnt in part."""
    import random

    from satclip_engine.protocol import Sample

    chance = random.Random(0)
    left, bottom, right, top = bounds
    samples = []
    for number in range(count):
        x, y = chance.random(), chance.random()
        label = int(x * 12) + 5 * int(y * 12) if chance.random() < 0.8 else chance.randrange(classes)
        place = [left + x * (right - left), bottom + y * (top - bottom)]
        samples.append(Sample(str(number), label % classes, {"type": "Point", "coordinates": place}))
    return tuple(samples)


def peak_memory(model: str, precision: str) -> list[list[str]]:
    """Peak resident memory of a run over scenes of growing area."""
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as temporary:
        for side_px in (2048, 8192):
            folder = Path(temporary) / str(side_px)
            folder.mkdir()
            scene = drawn_scene(folder / "scene.tif", side_px)
            code = (
                "import resource, sys; from pathlib import Path; from tests.benchmarks.run import *;"
                "segment_once(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), CLASSES, sys.argv[4]);"
                "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
            )
            command = [sys.executable, "-c", code, str(scene), model, str(folder), precision]
            output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
            rows.append([f"{side_px} x {side_px}", f"{int(output.split()[-1]) / 1024:.0f}"])
    rows.append(["ratio", f"{float(rows[1][1]) / float(rows[0][1]):.2f}"])
    return rows


def engine_start() -> list[list[str]]:
    """Time from starting ``satclip serve`` to its first answer."""
    from tests.engine.helpers.engine_process import EngineProcess

    times = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as temporary:
            started_s = time.perf_counter()
            engine = EngineProcess(Path(temporary))
            engine.start()
            times.append(time.perf_counter() - started_s)
            engine.stop()
    return [["first answer of the API, s", f"{statistics.median(times):.2f}"]]


def table(title: str, head: list[str], rows: list[list[str]]) -> str:
    lines = [f"### {title}", "", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", choices=["encoders", "throughput", "preview", "teach", "memory", "start"], action="append"
    )
    parser.add_argument("--scene", type=Path, default=data_dir() / "scenes" / "ortho_nepal.tif")
    parser.add_argument("--model", action="append", help="instead of mini and ViT-B/16")
    parser.add_argument("--precision", default="bf16")
    args = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the engine's workers have it
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scene = args.scene if args.scene.exists() else drawn_scene(folder / "scene.tif", 4096)
        if args.model:
            models = {Path(model).name: model for model in args.model}
        else:
            models = {"mini": "mini", "ViT-B/16 (random)": str(write_vit(folder / "vit-b-16", "ViT-B-16"))}
        first = next(iter(models.values()))
        beside = (
            models if args.model else {**models, "ViT-B/32 (random)": str(write_vit(folder / "vit-b-32", "ViT-B-32"))}
        )
        parts: dict[str, tuple[str, list[str], Callable[[], list[list[str]]]]] = {
            "encoders": (
                f"Bare encoders ({args.precision})",
                ["model", "cell px", "Mpx/s", "times slower"],
                lambda: encoder_speed(beside, args.precision),
            ),
            "throughput": (
                f"Whole run against the bare encoder ({scene.name}, {args.precision})",
                ["model", "windows", "bare s", "run s", "bare / run", "second words s", "second / first", "Mpx/s"],
                lambda: throughput(models, scene, args.precision),
            ),
            "preview": (
                "Live preview, 1000 x 1000 px, 6 classes, features cached",
                ["model", "same words ms", "new words ms"],
                lambda: preview_latency(models, scene, args.precision),
            ),
            "teach": (
                "Teaching: a click among about 1,000 samples of 8 classes, view of 1000 x 1000 px, features cached",
                [
                    "model",
                    "method",
                    "click to head ms",
                    "click to repainted view ms",
                    "advice ms",
                    "head applied Mpx/s",
                    "search aside s",
                ],
                lambda: teaching(models, scene, args.precision),
            ),
            "memory": ("Peak memory of a run", ["scene px", "MiB"], lambda: peak_memory(first, args.precision)),
            "start": ("Engine", ["what", "median"], engine_start),
        }
        for name, (title, head, measure) in parts.items():
            if not args.only or name in args.only:
                print(table(title, head, measure()), flush=True)


if __name__ == "__main__":
    main()
