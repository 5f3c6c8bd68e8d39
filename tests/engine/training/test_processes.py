"""``satclip train`` as people run it: killed, stopped, under torchrun, on a full disk."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from satclip_engine.models.registry.installed import WEIGHTS_FILE_NAME
from satclip_engine.models.weights import read_state_dict
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.training.run_folder import read_curves

from tests.engine.helpers.engine_process import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")

SATCLIP = [sys.executable, "-m", "satclip_engine"]
# A start loads a few hundred megabytes of libraries, two of them at a time.
PATIENCE_S = 300.0
# Slow enough to be killed in its midst, fast enough to be done soon.
STEPS = ("steps=120", "batch=8", "learning_rate=1e-3", "views.colour=0.1")


class Training:
    """The command line of one training.

    Args:
        pair_set: On what.
        model: To start from.
        out: Folder of the new model.
        settings: Of the recipe.
    """

    def __init__(self, pair_set: PairSet, model: Path, out: Path, *settings: str, recipe: str = "lora") -> None:
        self.out = out
        self.environment = {**os.environ, "SATCLIP_HOME": str(out.parent / "home"), "OMP_NUM_THREADS": "1"}
        options = ["--model", str(model), "--recipe", recipe, "--device", "cpu", "--precision", "fp32", "--json"]
        options += [part for setting in settings for part in ("--set", setting)]
        self.arguments = ["train", str(pair_set.folder), "--out", str(out), "--save-every", "0", *options]

    def start(self, launcher: list[str], *more: str, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": self.environment}
        return subprocess.Popen([*launcher, *self.arguments, *more], **pipes, **options)

    def start_and_wait_for(self, path: Path, launcher: list[str] = SATCLIP) -> subprocess.Popen[str]:
        """Start and return once the process has written ``path`` anew, or ended."""
        before = path.stat().st_mtime_ns if path.is_file() else 0
        process = self.start(launcher)
        wait_until(
            lambda: (path.is_file() and path.stat().st_mtime_ns != before) or process.poll() is not None, PATIENCE_S
        )
        return process

    def run(self, *more: str, launcher: list[str] = SATCLIP, **options: Any) -> tuple[int, str, str]:
        process = self.start(launcher, *more, **options)
        said, told = process.communicate(timeout=PATIENCE_S)
        return process.returncode, said, told

    @property
    def state(self) -> Path:
        return self.out / "run" / "state.pt"

    def curve(self) -> list[Any]:
        points = read_curves(self.out / "run")
        return [(p.step, p.stage, p.loss, p.parts, p.learning_rate, p.held_out) for p in points]

    def weights(self) -> dict[str, torch.Tensor]:
        return read_state_dict(self.out / WEIGHTS_FILE_NAME)


@pytest.fixture
def training(miniature: PairSet, tiny: Path, tmp_path: Path) -> Callable[..., Training]:
    def make(out: str, *settings: str, **options: str) -> Training:
        return Training(miniature, tiny, tmp_path / out, *settings, **options)

    return make


def assert_same(first: Training, second: Training) -> None:
    assert first.curve() == second.curve()
    mine, others = first.weights(), second.weights()
    assert mine.keys() == others.keys()
    assert all(torch.equal(mine[name], others[name]) for name in mine)


def test_killed_at_random_moments_interrupted_and_on_a_full_disk_it_ends_as_if_it_had_not_been(
    training: Callable[..., Training],
) -> None:
    whole, broken = training("whole", *STEPS), training("broken", *STEPS)
    beside = whole.start(SATCLIP)
    chance = random.Random(2)
    for number, ended in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        process = broken.start_and_wait_for(broken.state)
        time.sleep(chance.uniform(0.0, 0.6))
        process.send_signal(number)
        _, told = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == ended, told
    assert not (broken.out / "open_clip_config.json").exists()
    assert 0 < len(broken.curve()) < 120
    before = broken.state.read_bytes()
    limit = len(before) // 2
    code, said, told = broken.run(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert code == 3, told
    assert json.loads(said)["problem"]["code"] == "resource.disk_full"
    assert broken.state.read_bytes() == before
    assert not list((broken.out / "run").glob("*.partial"))
    code, said, told = broken.run()
    assert code == 0, told
    said, told = beside.communicate(timeout=PATIENCE_S)
    assert beside.returncode == 0, told
    assert json.loads(said)["before_after"]["steps"] == 120
    assert_same(whole, broken)


def test_after_ctrl_c_the_best_so_far_makes_a_model(training: Callable[..., Training]) -> None:
    stopped = training("stopped", *STEPS)
    process = stopped.start_and_wait_for(stopped.out / "run" / "best.pt")
    process.send_signal(signal.SIGINT)
    said, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, told
    assert json.loads(said)["problem"]["code"] == "cancelled"
    keep = [*SATCLIP, "keep", str(stopped.out), "--json"]
    done = subprocess.run(keep, capture_output=True, text=True, env=stopped.environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "the best weights until then were kept" in " ".join(json.loads(done.stdout)["before_after"]["notes"])
    assert stopped.weights()


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "satclip_engine"]
# A loss over all rows of a batch, then one with a queue and weights of its own.
CHAINED = """
method: {kind: lora, rank: 2, towers: image}
stages:
  - {objective: contrastive, steps: 4, batch: 9, learning_rate: 1e-3}
  - {objective: ground_photos, steps: 5, batch: 8, learning_rate: 1e-3, queue: 4, pooling: attention}
"""


def test_two_processes_learn_what_one_learns_and_stop_together(
    training: Callable[..., Training], tmp_path: Path
) -> None:
    (tmp_path / "chained.yaml").write_text(CHAINED)
    alone, together = (training(name, recipe=str(tmp_path / "chained.yaml")) for name in ("alone", "together"))
    process = together.start_and_wait_for(together.state, TORCHRUN)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode != 0
    assert not (together.out / "open_clip_config.json").exists()
    code, said, told = together.run(launcher=TORCHRUN)
    assert code == 0, told
    assert json.loads(said)["before_after"]["steps"] == 9  # one object on standard output, not two
    code, _, told = alone.run("--set", "stages.0.batch=8")
    assert code == 0, told
    for mine, others in zip(alone.curve(), together.curve(), strict=True):
        assert mine[:2] == others[:2]
        assert others[2] == pytest.approx(mine[2], rel=1e-4)
    others = together.weights()
    for name, tensor in alone.weights().items():
        torch.testing.assert_close(others[name], tensor, rtol=1e-3, atol=1e-4)
