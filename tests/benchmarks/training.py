"""Fine-tuning's speed and memory: ``make bench``. Prints the tables of docs/benchmarks.md, *Fine-tuning*.

The loop of ``satclip train`` with chips cut out of a GeoTIFF stands beside a bare one: the same model, precision and
objective on one batch that is in memory already. Memory is that of processes of their own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.run import ROOT, data_dir, drawn_scene, make_config, table
from tests.engine.helpers.tiny_model import write_model

WORDS = ("houses beside a road", "dry fields", "a river bed", "trees on a slope", "bare soil", "a yard with trees")
CHIP_PX = 256
# Rounds of each loop in turns, and steps in a round: noise meets both alike.
ROUNDS, STEPS = 5, 2


def write_whole_vit(folder: Path) -> Path:
    """Write random weights of ViT-B/16 with its own text tower."""
    from satclip_engine.models.torchvision_compat import ensure_torchvision_imports

    ensure_torchvision_imports()
    import open_clip

    return write_model(folder, dict(open_clip.get_model_config("ViT-B-16")))


def write_chips(scene: Path, folder: Path, count: int) -> Any:
    """Write a training set of windows of ``scene``, as ``satclip captions build`` leaves it."""
    import rasterio
    from satclip_engine.pairs.pair_set import PairSet, write_pair_set
    from satclip_engine.protocol import Pair, PairRaster, PairSetInfo

    with rasterio.open(scene) as raster:
        width, height = raster.width // CHIP_PX, raster.height // CHIP_PX
    places = [(col, row) for row in range(height) for col in range(width)]
    first = max(0, len(places) // 2 - count // 2)  # the middle of the scene; its edges are nodata
    pairs = tuple(
        Pair(f"{n}", str(scene), (f"{WORDS[n % 6]}, number {n}",), (col * CHIP_PX, row * CHIP_PX, CHIP_PX, CHIP_PX))
        for n, (col, row) in enumerate(places[first : first + count])
    )
    pair_set = PairSet(folder, PairSetInfo("chips", rasters=(PairRaster(str(scene)),)), pairs)
    write_pair_set(pair_set)
    return pair_set


class Loops:
    """The product's loop and the bare one on the same learner.

    Args:
        model: Id or path.
        method: What trains.
        pair_set: Chips.
        batch: Pairs per step.
        precision: ``fp32`` or ``bf16``.
        device: ``cpu`` or ``cuda``.
        saving: ``""``, or ``checkpointed``: activations are computed twice.
    """

    def __init__(
        self, model: str, method: str, pair_set: Any, batch: int, precision: str, device: str, saving: str = ""
    ) -> None:
        from satclip_engine.pairs.images import PairImages
        from satclip_engine.protocol import Method, Recipe, Stage, TrainRequest
        from satclip_engine.training.batches import Batches
        from satclip_engine.training.fine_tune import open_fabric
        from satclip_engine.training.learner import load_learner
        from satclip_engine.training.loop import StageRun
        from satclip_engine.training.methods import begin_training
        from satclip_engine.training.objectives import find_objective
        from satclip_engine.training.objectives.objective import Material

        stage = Stage(batch=batch, learning_rate=1e-5)
        recipe = Recipe("bench", "Bench", "", Method(method), (stage,), checkpoint_activations=bool(saving))
        self.fabric = open_fabric(TrainRequest("", "", recipe, device=device, precision=precision))
        self.learner = load_learner(model, self.fabric.device, make_config(Path(tempfile.gettempdir()) / "bench"))
        self.weights = begin_training(self.learner.clip, recipe, 0)
        objective = find_objective("contrastive")(
            self.learner, Material(PairImages(pair_set), pair_set.pairs, None), stage, recipe.views
        )
        self.run = StageRun(objective, self.weights, recipe, stage, 10**6, 0, self.fabric)
        self.batches = Batches(pair_set.pairs, objective, batch, 0, self.fabric)
        self.learner.train()
        self.loop = self.run.run(self.batches, 0, lambda: None)
        self.preloaded = next(self.batches.steps(0, 1))
        self.optimizer = torch_adamw(self.weights)

    def real_s(self, steps: int) -> tuple[float, float]:
        """Return wall and processor time of a step of the product's loop, reading included.

        One loop goes on over all rounds: a new one would read several batches ahead in its first steps.
        """
        with clock(steps) as times:
            for _ in range(steps):
                next(self.loop)
        return times[0]

    def bare_s(self, steps: int) -> tuple[float, float]:
        """Return the times of a step on the batch in memory: forward, loss, backward, AdamW, as in any tutorial."""
        import torch
        from open_clip.loss import ClipLoss

        loss_of = ClipLoss()
        with clock(steps) as times:
            for _ in range(steps):
                self.optimizer.zero_grad(set_to_none=True)
                with self.fabric.autocast():
                    images = self.learner.images(self.preloaded["images"])
                    texts = self.learner.texts(self.preloaded["ids"])
                loss = loss_of(images, texts, self.learner.logit_scale)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(list(self.weights.values()), 1.0)
                self.optimizer.step()
                float(loss.detach())
        return times[0]


@contextmanager
def clock(steps: int) -> Iterator[list[tuple[float, float]]]:
    """Give a list that holds, at the end, wall and processor time per step."""
    times: list[tuple[float, float]] = []
    wall_s, processor_s = time.perf_counter(), time.process_time()
    yield times
    times.append(((time.perf_counter() - wall_s) / steps, (time.process_time() - processor_s) / steps))


def torch_adamw(weights: Any) -> Any:
    import torch

    return torch.optim.AdamW(weights.values(), lr=1e-5)


def throughput(models: dict[str, str], pair_set: Any, batch: int, precision: str, device: str) -> list[list[str]]:
    """Pairs per second of the product's loop over those of the bare one, in turns."""
    rows = []
    for name, model in models.items():
        for method in ("full", "lora"):
            loops = Loops(model, method, pair_set, batch, precision, device)
            loops.real_s(1)
            loops.bare_s(1)
            found = [(*loops.bare_s(STEPS), *loops.real_s(STEPS)) for _ in range(ROUNDS)]
            bare, bare_cpu, real, real_cpu = (statistics.median(each) for each in zip(*found, strict=True))
            ratio = statistics.median(one[0] / one[2] for one in found)
            speeds = f"{batch / bare:.1f}", f"{batch / real:.1f}", f"{ratio:.2f}", f"{bare_cpu / real_cpu:.2f}"
            rows.append([name, method, *speeds])
            loops.loop.close()
    return rows


def peak_bytes(model: str, method: str, folder: Path, *options: str) -> int:
    """Return the most memory that two steps of a process of its own take."""
    code = (
        "import sys, torch; from pathlib import Path; from tests.benchmarks.training import *;"
        "from satclip_engine.pairs.pair_set import read_pair_set; import resource;"
        "m, k, f, b, p, d, s = sys.argv[1:];"
        "Loops(m, k, read_pair_set(Path(f)), int(b), p, d, s).real_s(2);"
        "print(torch.cuda.max_memory_allocated() if d == 'cuda' else"
        " resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    )
    command = [sys.executable, "-c", code, model, method, str(folder), *options]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()[-1])


def memory(model: str, folder: Path, batches: list[int], precision: str, device: str) -> list[list[str]]:
    """Peak memory of LoRA beside that of everything, at the same batch."""
    rows = []
    for batch in batches:
        options = str(batch), precision, device
        full, lora, least = (
            peak_bytes(model, method, folder, *options, saving) / 2**20
            for method, saving in (("full", ""), ("lora", ""), ("lora", "checkpointed"))
        )
        numbers = f"{full:.0f}", f"{lora:.0f}", f"{lora / full:.0%}", f"{least:.0f}", f"{least / full:.0%}"
        rows.append([str(batch), *numbers])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["throughput", "memory"], action="append")
    parser.add_argument("--scene", type=Path, default=data_dir() / "scenes" / "ortho_nepal.tif")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, action="append")
    args = parser.parse_args()
    args.batch = args.batch or [8]
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the engine's workers have it
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scene = args.scene if args.scene.exists() else drawn_scene(folder / "scene.tif", 4096)
        pair_set = write_chips(scene, folder / "pairs", 96)
        vit = str(write_whole_vit(folder / "vit-b-16"))
        if args.only is None or "throughput" in args.only:
            models = {"mini": "mini", "ViT-B/16 (random)": vit}
            rows = throughput(models, pair_set, args.batch[0], args.precision, args.device)
            head = [
                "model",
                "trains",
                "bare loop, pairs/s",
                "satclip train, pairs/s",
                "ratio",
                "ratio of processor time",
            ]
            print(table(f"Training steps, {args.precision}, batch {args.batch[0]}", head, rows))
        if args.only is None or "memory" in args.only:
            rows = memory(vit, pair_set.folder, args.batch, args.precision, args.device)
            head = ["batch", "everything, MB", "LoRA, MB", "share", "LoRA, activations computed twice, MB", "share"]
            print(table(f"Peak memory of training ViT-B/16, {args.precision}", head, rows))


if __name__ == "__main__":
    main()
