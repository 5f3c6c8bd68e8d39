"""The training loop: one stage, step by step."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from satclip_engine.errors import CancelledError, MemoryLimitError, RecipeError
from satclip_engine.models.batching import is_out_of_memory
from satclip_engine.models.lora import draw_dropout
from satclip_engine.protocol import Recipe, Stage
from satclip_engine.training.batches import Batches
from satclip_engine.training.objectives.objective import Objective, Rows

# Of cosine with warm restarts.
_RESTARTS = 4

logger = logging.getLogger(__name__)


@dataclass
class StageRun:
    """One stage of a recipe in training.

    Attributes:
        objective: What the model is trained towards.
        weights: The parameters that train, by name.
        recipe: The whole recipe.
        stage: The stage.
        steps: Of the stage.
        seed: Of the stage.
        fabric: Device, precision and the other processes.
        average: The averaged weights by name; empty where the recipe keeps the last ones.
        micro_batch: Rows of this process that pass through the model at once.
        was_halved: Whether memory made them fewer than was asked.
    """

    objective: Objective
    weights: Mapping[str, nn.Parameter]
    recipe: Recipe
    stage: Stage
    steps: int
    seed: int
    fabric: Fabric
    average: dict[str, Tensor] = field(default_factory=dict)
    micro_batch: int = 0
    was_halved: bool = False

    def __post_init__(self) -> None:
        own = [weight for weight in self.objective.parameters() if weight.requires_grad]
        trained = [*self.weights.values(), *own]
        # Scales, biases and norms are not drawn towards zero, as in CLIP's training.
        decayed = [weight for weight in trained if weight.ndim > 1]
        others = [weight for weight in trained if weight.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": self.stage.weight_decay}, {"params": others, "weight_decay": 0.0}]
        # Source: CLIP (arXiv:2103.00020), table 18: β₂ = 0.98 and ε = 1e-6 for vision transformers.
        self.optimizer = torch.optim.AdamW(groups, lr=self.stage.learning_rate, betas=(0.9, 0.98), eps=1e-6)
        self.micro_batch = self.stage.micro_batch or math.ceil(self.stage.batch / self.fabric.world_size)
        if self.recipe.ema:
            self.average = {name: weight.detach().clone() for name, weight in self.weights.items()}

    def run(self, batches: Batches, first: int, check_cancelled: Callable[[], None]) -> Iterator[dict[str, float]]:
        """Train from step ``first`` on; yield the losses of each step once it is done.

        Whatever is raised, the weights are those after the last step that was done.

        Raises:
            RecipeError: ``recipe.diverged`` once a loss or its gradient is not a number, ``recipe.method`` if nothing
                that trains takes part in the objective.
            MemoryLimitError: if not even one row fits.
            PairsError: if no image can be read.
        """
        with closing(batches.steps(first, self.steps)) as prepared:
            for step, rows in enumerate(prepared, start=first):
                self._check_together(check_cancelled)
                torch.manual_seed(self.seed * 1_000_003 + step)
                draw_dropout(self.objective.learner.clip)
                for group in self.optimizer.param_groups:
                    group["lr"] = self.stage.learning_rate * learning_rate_share(step, self.steps, self.stage)
                losses = self._step(rows)
                self._update_average(step)
                yield losses

    def state(self) -> dict[str, Any]:
        """Return everything but the weights that the next step depends on."""
        return {
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what ``state`` returned."""
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = {name: tensor.to(self.fabric.device) for name, tensor in state["average"].items()}

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the weights the values that the run keeps, their average where the recipe asks for one."""
        last = {name: self.weights[name].detach().clone() for name in self.average}
        self.use_average()
        try:
            yield
        finally:
            self._put(last)

    def use_average(self) -> None:
        """Put the averaged weights, if any, in the place of the last ones."""
        self._put(self.average)

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self.weights[name].copy_(value)

    def _check_together(self, check_cancelled: Callable[[], None]) -> None:
        """Stop all processes after the same step, whichever of them was asked to."""
        if self.fabric.world_size == 1:
            check_cancelled()
            return
        asked = torch.zeros((), device=self.fabric.device)
        try:
            check_cancelled()
        except CancelledError:
            asked += 1
        if self.fabric.all_reduce(asked, reduce_op="sum") > 0:  # type: ignore[operator]
            raise CancelledError("The training was stopped.", remedy="Start it again to continue.")

    def _step(self, rows: Rows) -> dict[str, float]:
        """Take one step; where memory does not suffice, take it again in halves."""
        while True:
            try:
                self.optimizer.zero_grad(set_to_none=True)
                losses, vectors = self._backward(rows)
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)
        if all(weight.grad is None for weight in self.weights.values()):
            raise RecipeError(
                f"Nothing would be trained: the objective {self.stage.objective!r} asks nothing of the"
                f" {self.recipe.method.towers} tower that the method {self.recipe.method.kind!r} is to train.",
                remedy="Train the other tower, or both (--set method.towers=both).",
                code="recipe.method",
            )
        self._average_gradients()
        trained = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        length = nn.utils.clip_grad_norm_(trained, self.recipe.clip_gradient)
        if not math.isfinite(sum(losses.values())) or not math.isfinite(float(length)):
            raise RecipeError(
                "The training diverged: its loss or the gradient of it is no longer a number.",
                remedy="Train into another folder with a smaller learning rate, or keep the best weights so far"
                " (satclip keep).",
                code="recipe.diverged",
            )
        self.optimizer.step()
        self.objective.after_step(vectors)
        return losses

    def _backward(self, rows: Rows) -> tuple[dict[str, float], Rows]:
        """Leave the gradient of the batch's loss on the weights; see ``Objective``."""
        count = len(next(iter(rows.values())))
        starts = range(0, count, self.micro_batch)
        parts = [{name: value[i : i + self.micro_batch] for name, value in rows.items()} for i in starts]
        with self.fabric.autocast(), torch.set_grad_enabled(len(parts) == 1):
            embedded = [self.objective.embed(part) for part in parts]
        own = {name: torch.cat([vectors[name] for vectors in embedded]).detach() for name in embedded[0]}
        vectors = {name: self._gathered(value) for name, value in own.items()}
        losses = self.objective.losses(vectors)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        for start, part, result in zip(starts, parts, embedded, strict=True):
            if len(parts) > 1:
                with self.fabric.autocast():
                    result = self.objective.embed(part)
            self._backward_part(result, vectors, self.fabric.global_rank * count + start)
        done = {name: value.detach() for name, value in vectors.items()}
        return {name: float(loss.detach()) for name, loss in losses.items()}, done

    def _backward_part(self, part: Rows, vectors: Rows, first: int) -> None:
        """Carry the gradient of the batch's vectors from row ``first`` on through the part that they came from."""
        outputs, gradients = [], []
        for name, output in part.items():
            gradient = vectors[name].grad
            if output.requires_grad and gradient is not None:
                outputs.append(output)
                # Each process has the whole loss, and their gradients are averaged: its own rows count for all.
                gradients.append(gradient[first : first + len(output)] * self.fabric.world_size)
        if outputs:
            torch.autograd.backward(outputs, gradients)

    def _gathered(self, own: Tensor) -> Tensor:
        """Return the rows of all processes, a leaf of the losses' graph."""
        rows = own
        if self.fabric.world_size > 1:
            rows = self.fabric.all_gather(own).flatten(0, 1)  # type: ignore[union-attr]
        return rows.requires_grad_() if rows.is_floating_point() else rows

    def _average_gradients(self) -> None:
        if self.fabric.world_size > 1:
            for group in self.optimizer.param_groups:
                for weight in group["params"]:
                    if weight.grad is not None:
                        weight.grad = self.fabric.all_reduce(weight.grad)

    def _halve(self, error: BaseException) -> None:
        if self.fabric.world_size > 1:  # the others wait for this one's vectors and do not begin again
            raise MemoryLimitError(
                f"Memory does not hold {self.micro_batch} images at a time in each process.",
                remedy="Take a smaller micro_batch of the stage (--set micro_batch=8).",
                code="resource.memory",
            ) from error
        if self.micro_batch <= 1:
            raise MemoryLimitError(
                "There is not enough memory to train on even one image at a time.",
                remedy="Take a smaller model, a method that trains less (LoRA), or checkpoint_activations.",
                code="resource.memory",
            ) from error
        self.micro_batch = math.ceil(self.micro_batch / 2)
        self.was_halved = True
        logger.warning("out of memory: batches go through in parts of %d from now on", self.micro_batch)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        # Young averages forget faster: they would otherwise remember the start for hundreds of steps.
        decay = min(self.recipe.ema, (step + 1) / (step + 10))
        for name, kept in self.average.items():
            kept.lerp_(self.weights[name], 1 - decay)


def learning_rate_share(step: int, steps: int, stage: Stage) -> float:
    """Return the share of the peak learning rate at a step: a linear rise, then a cosine to zero, once or in restarts.

    Source: SGDR, Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983.
    """
    rise = round(steps * stage.warm_up)
    if step < rise:
        return (step + 1) / (rise + 1)
    done = (step - rise) / max(steps - rise, 1)
    if stage.schedule == "restarts":
        done = done * _RESTARTS % 1
    return 0.5 * (1 + math.cos(math.pi * done))
