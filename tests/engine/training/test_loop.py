"""One step of every objective: the same gradient however the batch is cut, sums of losses, memory, divergence."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from satclip_engine.config import Config
from satclip_engine.errors import MemoryLimitError, RecipeError
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import TRAIN, Method, Recipe, Stage, Views
from satclip_engine.training.batches import Batches
from satclip_engine.training.learner import Learner, load_learner
from satclip_engine.training.loop import StageRun, learning_rate_share
from satclip_engine.training.losses.regions import pool_cells
from satclip_engine.training.methods import begin_training
from satclip_engine.training.objectives import find_objective
from satclip_engine.training.objectives.contrastive import Contrastive
from satclip_engine.training.objectives.objective import Material, Rows
from satclip_engine.training.photo_vectors import photo_vectors

from tests.engine.models.golden import load_golden

CPU = torch.device("cpu")
STAGES = {
    "contrastive": Stage("contrastive"),
    "few_shot": Stage("few_shot"),
    "dense": Stage("dense"),
    "farslip_patches": Stage("farslip_patches", crops=2),
    "farslip_patches ema": Stage("farslip_patches", crops=2, teacher="ema", captions=0.0),
    "farslip_regions": Stage("farslip_regions", boxes=2),
    "ground_photos": Stage("ground_photos", queue=8, pooling="attention"),
    "ground_photos cosine": Stage("ground_photos", loss="cosine"),
}


def do_nothing() -> None:
    pass


class Bench:
    """One learner, made trainable, whose steps can be taken."""

    def __init__(
        self, model: Path, pair_set: PairSet, config: Config, method: Method, checkpoint: bool = False
    ) -> None:
        self.learner: Learner = load_learner(str(model), CPU, config)
        self.images = PairImages(pair_set)
        self.pairs = pair_set.of_split(TRAIN)
        photos = photo_vectors(self.learner, self.pairs, self.images)
        self.material = Material(self.images, self.pairs, pair_set.info.classes, photos)
        self.recipe = Recipe("t", "T", "", method, (Stage(),), checkpoint_activations=checkpoint)
        self.weights = begin_training(self.learner.clip, self.recipe, 1)
        with torch.no_grad():  # away from the start, where half of all gradients are zero
            for weight in self.weights.values():
                weight.add_(0.02 * torch.randn(weight.shape))

    def stage_run(self, stage: Stage, steps: int = 1) -> StageRun:
        torch.manual_seed(4)
        objective = find_objective(stage.objective)(self.learner, self.material, stage, self.recipe.views)
        self.learner.train()
        return StageRun(objective, self.weights, self.recipe, stage, steps, 4, Fabric(accelerator="cpu", devices=1))

    def step(self, stage: Stage) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        """Return losses and (clipped) gradients of a step at learning rate zero."""
        run = self.stage_run(stage)
        batches = Batches(self.pairs, run.objective, stage.batch, 4, run.fabric)
        (losses,) = list(run.run(batches, 0, do_nothing))
        return losses, {n: w.grad.clone() for n, w in self.weights.items() if w.grad is not None}


def at_rest(stage: Stage, **changes: int) -> Stage:
    return replace(stage, batch=8, learning_rate=0.0, weight_decay=0.0, **changes)


@pytest.mark.parametrize("name", STAGES)
def test_a_batch_in_parts_has_the_gradient_of_the_whole(
    name: str, tiny: Path, miniature: PairSet, config: Config
) -> None:
    bench = Bench(tiny, miniature, config, Method("lora", rank=2, dropout=0.3))
    whole, gradients = bench.step(at_rest(STAGES[name]))
    parts, others = bench.step(at_rest(STAGES[name], micro_batch=3))
    assert parts == pytest.approx(whole, rel=1e-5)
    assert others.keys() == gradients.keys()
    assert any(gradient.abs().max() > 1e-4 for gradient in gradients.values())
    for key, gradient in gradients.items():
        torch.testing.assert_close(others[key], gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("method", ["full", "adapter", "last_blocks", "projection"])
def test_so_has_every_method_and_activations_that_are_computed_twice(
    method: str, tiny: Path, miniature: PairSet, config: Config
) -> None:
    stage = STAGES["farslip_patches"]
    whole, gradients = Bench(tiny, miniature, config, Method(method)).step(at_rest(stage))
    again, others = Bench(tiny, miniature, config, Method(method), checkpoint=True).step(at_rest(stage, micro_batch=5))
    assert again == pytest.approx(whole, rel=1e-5)
    for key, gradient in gradients.items():
        torch.testing.assert_close(others[key], gradient, rtol=1e-3, atol=1e-6)


def test_activations_that_are_computed_twice_are_not_kept(tiny: Path, miniature: PairSet, config: Config) -> None:
    def kept_bytes(checkpoint: bool) -> int:
        bench = Bench(tiny, miniature, config, Method("full"), checkpoint)
        seen = {}
        with torch.autograd.graph.saved_tensors_hooks(lambda t: seen.setdefault(t.data_ptr(), t), lambda t: t):
            images = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)
            loss = bench.learner.images(images).sum() + bench.learner.tokens(images).sum()
        assert loss.requires_grad
        return sum(tensor.nbytes for tensor in seen.values())

    assert kept_bytes(True) < 0.5 * kept_bytes(False)


def test_the_losses_of_farslips_first_stage_are_weighed_as_published(
    tiny: Path, miniature: PairSet, config: Config
) -> None:
    bench = Bench(tiny, miniature, config, Method("full"))
    run = bench.stage_run(at_rest(STAGES["farslip_patches"]))
    rng = np.random.default_rng(0)
    rows = [run.objective.row(pair, rng) for pair in bench.pairs[:6]]
    batch = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    vectors = run.objective.embed(batch)
    losses = run.objective.losses(vectors)
    # By hand: symmetric InfoNCE of six different captions, and one less the mean cosine of crops and patches.
    logits = bench.learner.logit_scale * vectors["image"] @ vectors["text"].T
    both = [-torch.log_softmax(each, dim=1).diagonal().mean() for each in (logits, logits.T)]
    agreement = 1 - (vectors["under"] * vectors["by_itself"]).sum(-1).mean()
    wanted = sum(both) / 2 + 0.1 * agreement
    torch.testing.assert_close(torch.stack(list(losses.values())).sum(), wanted)


def test_it_totals_what_the_published_code_totals(tiny: Path, miniature: PairSet, config: Config) -> None:
    golden = load_golden("farslip_losses.npz")
    stage = Stage("farslip_patches")
    assert (stage.captions, stage.distillation) == tuple(golden["total/weights_global_local_distill"][[0, 2]])
    bench = Bench(tiny, miniature, config, Method("full"))
    with torch.no_grad():
        bench.learner.clip.logit_scale.fill_(math.log(1 / 0.07))
    crops = torch.from_numpy(golden["distill/g7x7/crop_patches"]).double()
    pictures, texts = (torch.from_numpy(golden[f"itc/{name}_features"]).double() for name in ("image", "text"))
    vectors = {
        "under": torch.from_numpy(golden["distill/g7x7/roi_embeddings"]),
        "by_itself": pool_cells(crops.transpose(1, 2)[..., None]),
        "image": pictures,
        "text": texts,
        "ids": torch.arange(len(texts))[:, None],
    }
    total = torch.stack(list(bench.stage_run(stage).objective.losses(vectors).values())).sum()
    wanted = golden["itc/scale14.2857/loss"] + 0.1 * golden["distill/g7x7/roi2pooled/loss"]
    assert total.item() == pytest.approx(float(wanted), abs=1e-5)


class Hungry(Contrastive):
    """An objective whose images take terabytes above three rows."""

    def embed(self, rows: Rows) -> Rows:
        if len(rows["images"]) > 3:
            torch.empty(2**45)
        return super().embed(rows)


def test_a_batch_that_memory_does_not_hold_is_halved(
    tiny: Path, miniature: PairSet, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tiny, miniature, config, Method("full"))
    stage = at_rest(STAGES["contrastive"])
    _, gradients = bench.step(stage)
    run = bench.stage_run(stage)
    run.objective = Hungry(bench.learner, bench.material, stage, Views())
    list(run.run(Batches(bench.pairs, run.objective, 8, 4, run.fabric), 0, do_nothing))
    assert (run.micro_batch, run.was_halved) == (2, True)
    assert [record.message for record in caplog.records][-1].endswith("parts of 2 from now on")
    for key, gradient in gradients.items():
        torch.testing.assert_close(bench.weights[key].grad, gradient, rtol=1e-3, atol=1e-6)


class Insatiable(Contrastive):
    """An objective that no memory holds."""

    def embed(self, rows: Rows) -> Rows:
        torch.empty(2**45)
        return super().embed(rows)


def test_one_image_that_memory_does_not_hold_is_an_error(tiny: Path, miniature: PairSet, config: Config) -> None:
    bench = Bench(tiny, miniature, config, Method("full"))
    run = bench.stage_run(at_rest(STAGES["contrastive"]))
    run.objective = Insatiable(bench.learner, bench.material, run.stage, Views())
    before = [weight.clone() for weight in bench.weights.values()]
    with pytest.raises(MemoryLimitError, match="even one image"):
        list(run.run(Batches(bench.pairs, run.objective, 8, 4, run.fabric), 0, do_nothing))
    assert all(torch.equal(*both) for both in zip(before, bench.weights.values(), strict=True))


class Diverging(Contrastive):
    """An objective whose third step has a finite loss without a finite gradient."""

    step = 0

    def losses(self, vectors: Rows) -> Rows:
        losses = super().losses(vectors)
        self.step += 1
        if self.step == 3:
            losses["root"] = (vectors["image"].sum() * 0.0).abs().sqrt()
        return losses


def test_a_gradient_that_is_no_number_ends_the_run_before_it_spoils_the_weights(
    tiny: Path, miniature: PairSet, config: Config
) -> None:
    bench = Bench(tiny, miniature, config, Method("full"))
    run = bench.stage_run(Stage(batch=8, learning_rate=1e-3), steps=9)
    run.objective = Diverging(bench.learner, bench.material, run.stage, Views())
    steps = run.run(Batches(bench.pairs, run.objective, 8, 4, run.fabric), 0, do_nothing)
    with pytest.raises(RecipeError, match="diverged") as caught:
        list(steps)
    assert caught.value.code == "recipe.diverged"
    assert all(bool(weight.isfinite().all()) for weight in bench.weights.values())


@pytest.mark.parametrize("stage", [Stage("farslip_patches", captions=0.0), Stage("ground_photos")])
def test_a_method_that_the_objective_asks_nothing_of_is_refused_at_the_first_step(
    stage: Stage, tiny: Path, miniature: PairSet, config: Config
) -> None:
    bench = Bench(tiny, miniature, config, Method("lora", towers="text"))
    with pytest.raises(RecipeError, match="Nothing would be trained") as caught:
        bench.step(stage)
    assert caught.value.code == "recipe.method"


def test_the_learning_rate_rises_and_falls() -> None:
    stage = Stage(warm_up=0.1)
    shares = [learning_rate_share(step, 100, stage) for step in range(100)]
    assert shares[:11] == pytest.approx([(n + 1) / 11 for n in range(11)])
    assert all(after < before for before, after in pairwise(shares[10:]))
    assert shares[-1] < 0.001
    again = [learning_rate_share(step, 110, Stage(warm_up=0.1, schedule="restarts")) for step in range(110)]
    assert sum(after > 0.9 and before < 0.2 for before, after in pairwise(again[11:])) == 3
