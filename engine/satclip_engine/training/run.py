"""A run through all stages of a recipe: curves, held-out scores, the best weights, and continuing after any end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil
import torch
from lightning_fabric import Fabric
from torch import nn

from satclip_engine.errors import CancelledError, RecipeError
from satclip_engine.protocol import CurvePoint, TrainRequest
from satclip_engine.training.batches import Batches
from satclip_engine.training.learner import Learner
from satclip_engine.training.loop import StageRun
from satclip_engine.training.objectives.objective import Material
from satclip_engine.training.plan import Plan, PlannedStage
from satclip_engine.training.run_folder import Curves, RunFolder

# A killed run loses about this much.
_SAVE_EVERY_S = 30.0
Scores = dict[str, float]


@dataclass
class Standing:
    """How far a run is, as it is kept on disk.

    Attributes:
        stage: The stage in training, from 0.
        step: Steps of it that are done.
        best: Highest held-out score so far, or None.
        elapsed_s: Time spent on steps, over all attempts.
        point_s: Of that, up to the last point of the curves.
        sums: Losses since that point, summed.
        count: Steps since then.
    """

    stage: int = 0
    step: int = 0
    best: float | None = None
    elapsed_s: float = 0.0
    point_s: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0


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
        notes: What happened that the user should know.
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
    notes: list[str] = field(default_factory=list)

    def train(self, check_cancelled: Callable[[], None]) -> None:
        """Train to the end, from where an earlier attempt stopped; leave the best weights in the learner."""
        kept = self._continue()
        curves = Curves(self.folder.path, self.done) if self.fabric.is_global_zero else None
        try:
            for planned in self.plan.stages[self.standing.stage :]:
                self._train_stage(planned, kept and kept["stage"], curves, check_cancelled)
                kept = None
        finally:
            if curves is not None:
                curves.close()
        best = self.folder.load_best()
        if best is not None:
            self._take_weights(best)

    def stop_at_best(self, check_cancelled: Callable[[], None]) -> None:
        """Train no further; leave the best weights so far in the learner.

        Raises:
            RecipeError: ``recipe.no_best`` if the held-out pairs were never asked.
        """
        check_cancelled()
        self._continue()
        best = self.folder.load_best()
        if best is None:
            raise RecipeError(
                "This training has no best weights yet: its held-out pairs were not asked so far.",
                remedy="Continue it for a while, with validation pairs in its training set.",
                code="recipe.no_best",
            )
        self._take_weights(best)
        self.notes.append(
            f"Stopped after {self.done} of {self.plan.steps} steps; the best weights until then were kept."
        )

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
        saved_s = ticked_s = time.monotonic()
        self.learner.train()
        try:
            for losses in stage_run.run(batches, self.standing.step, check_cancelled):
                self._count(losses, time.monotonic() - ticked_s)
                if self.done % self.plan.point_every == 0 or self.standing.step == planned.steps:
                    self._add_point(stage_run, planned, curves)
                ticked_s = time.monotonic()
                if ticked_s - saved_s > _SAVE_EVERY_S:
                    self._save(stage_run.state())
                    saved_s = ticked_s
        except CancelledError:
            self._save(stage_run.state())
            raise
        stage_run.use_average()
        self.standing.stage, self.standing.step = self.standing.stage + 1, 0
        self._save(None)
        self._note(stage_run, batches)

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

    def _add_point(self, stage_run: StageRun, planned: PlannedStage, curves: Curves | None) -> None:
        standing, done = self.standing, self.done
        held_out = None
        if done % self.plan.score_every == 0 or standing.step == planned.steps:
            with stage_run.averaged():
                held_out = self.score()
                self._keep_if_best(held_out.get(planned.objective.score))
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

    def _keep_if_best(self, score: float | None) -> None:
        if score is None or (self.standing.best is not None and score <= self.standing.best):
            return
        self.standing.best = score
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

    def _note(self, stage_run: StageRun, batches: Batches) -> None:
        if batches.unreadable:
            names = ", ".join(sorted(batches.unreadable)[:5])
            self.notes.append(f"{len(batches.unreadable)} images could not be read and were replaced: {names}.")
        if stage_run.was_halved:
            self.notes.append(
                f"Memory did not hold a whole batch: it went through in parts of {stage_run.micro_batch}."
            )


def used_memory_bytes(device: torch.device) -> int:
    """Return the most memory that training took on a GPU so far, or what the process takes now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return int(psutil.Process().memory_info().rss)
