"""A run through all stages of a recipe: curves, held-out scores, the best weights, and continuing after any end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil
import torch
from lightning_fabric import Fabric
from torch import nn

from satclip_engine.errors import CancelledError, MemoryLimitError, PairsError
from satclip_engine.protocol import CurvePoint, TrainRequest
from satclip_engine.training.batches import Batches
from satclip_engine.training.learner import Learner
from satclip_engine.training.loop import StageRun
from satclip_engine.training.objectives.objective import Material
from satclip_engine.training.plan import Plan, PlannedStage
from satclip_engine.training.run_folder import Curves, RunFolder

# Pairs that a note names.
_NAMED = 5
Scores = dict[str, float]


@dataclass
class Standing:
    """How far a run is, as it is kept on disk.

    Attributes:
        stage: The stage in training, from 0.
        step: Steps of it that are done.
        best: Highest held-out score so far, or None.
        best_by: Which score that is; stages may be judged by different ones.
        elapsed_s: Time spent on steps, over all attempts.
        point_s: Of that, up to the last point of the curves.
        sums: Losses since that point, summed.
        count: Steps since then.
        unreadable: Why pairs could not be read, by their ids.
        notes: What happened that the user should know.
    """

    stage: int = 0
    step: int = 0
    best: float | None = None
    best_by: str = ""
    elapsed_s: float = 0.0
    point_s: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class TrainingRun:
    """Trains a learner's weights by a plan.

    Attributes:
        request: What was asked.
        plan: What it comes to.
        material: What objectives learn from.
        learner: The model.
        weights: Its parameters that train, by name.
        fabric: Device, precision, processes.
        folder: Where state and curves are kept.
        score: Asks the learner about the validation pairs.
        on_point: Told of every point of the curves.
        standing: How far it is.
    """

    request: TrainRequest
    plan: Plan
    material: Material
    learner: Learner
    weights: Mapping[str, nn.Parameter]
    fabric: Fabric
    folder: RunFolder
    score: Callable[[], Scores]
    on_point: Callable[[CurvePoint, float], None]
    standing: Standing = field(default_factory=Standing)

    @property
    def notes(self) -> tuple[str, ...]:
        """What happened that the user should know."""
        unreadable = sorted(self.standing.unreadable)
        if not unreadable:
            return tuple(self.standing.notes)
        names = ", ".join(unreadable[:_NAMED]) + (", ..." if len(unreadable) > _NAMED else "")
        skipped = f"Images that could not be read and were replaced by others: {len(unreadable)} ({names})."
        return (*self.standing.notes, skipped)

    def train(self, check_cancelled: Callable[[], None]) -> None:
        """Train to the end, from where an earlier attempt stopped; leave the best weights in the learner."""
        kept = self._continue()
        # Losses that wait for their point: should it stand there already, the run died before it could say so.
        told = self.done - bool(self.standing.count)
        curves = Curves(self.folder.path, told) if self.fabric.is_global_zero else None
        try:
            for planned in self.plan.stages[self.standing.stage :]:
                self._train_stage(planned, kept and kept["stage"], curves, check_cancelled)
                kept = None
        finally:
            if curves is not None:
                curves.close()
        self.fabric.barrier()  # the first process may still be writing them
        best = self.folder.load_best()
        if best is not None and self.standing.best_by == self.plan.stages[-1].objective.score:
            self._take_weights(best)
        elif self.plan.validation:
            wanted = self.plan.stages[-1].objective.score.replace("_", " ")
            self._note(f"The validation pairs do not allow the score {wanted}: the last weights were kept.")
        if self.standing.unreadable and self.fabric.is_global_zero:
            self.folder.list_skipped(self.standing.unreadable)

    def stop_at_best(self, check_cancelled: Callable[[], None]) -> None:
        """Train no further; leave the best weights so far in the learner, or the last where none were compared."""
        check_cancelled()
        self._continue()
        best = self.folder.load_best()
        if best is not None:
            self._take_weights(best)
        which = "last" if best is None else "best"
        self._note(f"Stopped after {self.done} of {self.plan.steps} steps; the {which} weights until then were kept.")

    def _continue(self) -> dict[str, Any] | None:
        """Take up where an earlier attempt stopped; return the state of its stage, if any."""
        kept = self.folder.load_state()
        if kept is not None:
            self.standing = Standing(**kept["standing"])
            self._take_weights(kept["weights"])
        return kept

    def _train_stage(
        self,
        planned: PlannedStage,
        kept: Mapping[str, Any] | None,
        curves: Curves | None,
        check_cancelled: Callable[[], None],
    ) -> None:
        seed = self.request.seed * 101 + self.standing.stage
        torch.manual_seed(seed)  # a queue starts from random vectors
        objective = planned.objective(self.learner, self.material, planned.stage, self.request.recipe.views)
        stage_run = StageRun(
            objective.to(self.fabric.device),
            self.weights,
            self.request.recipe,
            planned.stage,
            planned.steps,
            seed,
            self.fabric,
        )
        if kept is not None:
            stage_run.load_state(kept)
        batches = Batches(planned.pairs, objective, planned.stage.batch, seed, self.fabric)
        self.learner.train()
        try:
            self._add_point_if_due(stage_run, planned, curves)  # that the former attempt was stopped at
            saved_s = ticked_s = time.monotonic()
            for losses in stage_run.run(batches, self.standing.step, check_cancelled):
                self._count(losses, time.monotonic() - ticked_s)
                self.standing.unreadable.update(batches.unreadable)
                self._add_point_if_due(stage_run, planned, curves)
                ticked_s = time.monotonic()
                if ticked_s - saved_s > self.request.save_every_s:
                    self._save(stage_run.state())
                    saved_s = time.monotonic()
        except (CancelledError, PairsError, MemoryLimitError):
            if self.done:
                self._save(stage_run.state())
            raise
        if stage_run.was_halved:
            self._note(f"Memory did not hold a whole batch: it went through in parts of {stage_run.micro_batch}.")
        stage_run.use_average()
        self.standing.stage, self.standing.step = self.standing.stage + 1, 0
        self._save(None)

    @property
    def done(self) -> int:
        """The steps done over all stages."""
        return sum(stage.steps for stage in self.plan.stages[: self.standing.stage]) + self.standing.step

    def _count(self, losses: Scores, seconds: float) -> None:
        standing = self.standing
        standing.step += 1
        standing.count += 1
        standing.elapsed_s += seconds
        for name, loss in losses.items():
            standing.sums[name] = standing.sums.get(name, 0.0) + loss

    def _add_point_if_due(self, stage_run: StageRun, planned: PlannedStage, curves: Curves | None) -> None:
        standing, done = self.standing, self.done
        if not standing.count or (done % self.plan.point_every and standing.step < planned.steps):
            return
        held_out = None
        if done % self.plan.score_every == 0 or standing.step == planned.steps:
            with stage_run.averaged():
                held_out = self.score()
                self._keep_if_best(planned.objective.score, held_out)
            self.learner.train()
        parts = {name: total / standing.count for name, total in standing.sums.items()}
        point = CurvePoint(
            step=done,
            steps=self.plan.steps,
            stage=standing.stage,
            loss=sum(parts.values()),
            parts=parts,
            learning_rate=float(stage_run.optimizer.param_groups[0]["lr"]),
            pairs_per_s=standing.count * planned.stage.batch / max(standing.elapsed_s - standing.point_s, 1e-9),
            memory_bytes=used_memory_bytes(self.fabric.device),
            held_out=held_out or None,
        )
        standing.sums, standing.count, standing.point_s = {}, 0, standing.elapsed_s
        if curves is not None:
            curves.add(point)
        self.on_point(point, standing.elapsed_s / done * (self.plan.steps - done))

    def _keep_if_best(self, name: str, held_out: Scores) -> None:
        standing, score = self.standing, held_out.get(name, math.nan)
        least = standing.best if standing.best is not None and standing.best_by == name else -math.inf
        if not score > least:  # nor is a score that is not a number
            return
        standing.best, standing.best_by = score, name
        if self.fabric.is_global_zero:
            self.folder.save_best({name: weight.detach() for name, weight in self.weights.items()})

    def _save(self, stage: Mapping[str, Any] | None) -> None:
        if self.fabric.is_global_zero:
            weights = {name: weight.detach() for name, weight in self.weights.items()}
            self.folder.save_state({"standing": asdict(self.standing), "weights": weights, "stage": stage})

    def _take_weights(self, weights: Mapping[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(weights[name])

    def _note(self, sentence: str) -> None:
        if sentence not in self.standing.notes:
            self.standing.notes.append(sentence)


def used_memory_bytes(device: torch.device) -> int:
    """Return the most memory that training took on a GPU so far, or what the process takes now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return int(psutil.Process().memory_info().rss)
