"""Last-block fine-tuning: how good scene classification gets when only the end of the image tower may learn.

The last block of the image tower, what follows it, and a linear classifier that starts from the class names' text
vectors are trained on k labelled images per class. Everything before the block is frozen, so its output is computed
once per image and the training runs on that: seconds on a CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from satclip_engine.config import Config
from satclip_engine.models.encoder import Encoder, load_clip
from satclip_engine.models.preprocess import Preprocess
from satclip_engine.models.source import find_model

EPOCHS = 8
BATCH = 32
LEARNING_RATE = 1e-4
CLASSIFIER_LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-2
_ENCODE_BATCH = 32

Bytes = npt.NDArray[np.uint8]


class _Reached(Exception):  # noqa: N818 - no error: it ends a forward pass where the last block begins
    """The last block is about to run."""


@dataclass(frozen=True)
class SplitTower:
    """An image tower cut before its last block.

    Attributes:
        visual: The whole open_clip image tower, in float32 and evaluation mode.
        block: Its last block.
        preprocess: How images are normalised.
        side_px: Side of the pictures.
        device: Where it computes.
    """

    visual: nn.Module
    block: nn.Module
    preprocess: Preprocess
    side_px: int
    device: torch.device

    def before(self, images: Bytes) -> Tensor:
        """Return what the last block is given for uint8 ``images`` (N, 3, side, side), batch first."""
        parts = [self._before(images[i : i + _ENCODE_BATCH]) for i in range(0, len(images), _ENCODE_BATCH)]
        return torch.cat(parts)

    @torch.no_grad()
    def _before(self, images: Bytes) -> Tensor:
        caught: list[Tensor] = []

        def catch(_block: nn.Module, arguments: tuple[Any, ...]) -> None:
            caught.append(arguments[0].detach())
            raise _Reached

        handle = self.block.register_forward_pre_hook(catch)
        try:
            self.visual(self.preprocess.normalise(torch.from_numpy(images).to(self.device), torch.float32))
        except _Reached:
            return caught[0]
        finally:
            handle.remove()
        raise RuntimeError("the image tower never ran its last block")

    def after(self, inputs: Tensor) -> Tensor:
        """Return the global vectors (N, D) for inputs of the last block.

        What lies before it runs on one empty window only, and its output is replaced by ``inputs``: no gradient
        reaches it.
        """

        def replace(_block: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
            return (inputs, *arguments[1:])

        handle = self.block.register_forward_pre_hook(replace)
        try:
            vectors: Tensor = self.visual(torch.zeros(1, 3, self.side_px, self.side_px, device=self.device))
            return vectors
        finally:
            handle.remove()

    def trained(self, inputs: Tensor) -> list[nn.Parameter]:
        """Return the parameters of the block and of what follows it: those that ``after`` depends on."""
        self.visual.requires_grad_(requires_grad=True)
        parameters = list(self.visual.parameters())
        gradients = torch.autograd.grad(self.after(inputs).sum(), parameters, allow_unused=True)
        self.visual.requires_grad_(requires_grad=False)
        found = [parameter for parameter, gradient in zip(parameters, gradients, strict=True) if gradient is not None]
        for parameter in found:
            parameter.requires_grad = True
        return found


def split_tower(encoder: Encoder, model: str, side_px: int, config: Config) -> SplitTower | None:
    """Return a fresh float32 copy of the model's image tower, cut; None where no last block is known for its kind.

    Args:
        encoder: The loaded model, for its device.
        model: As given to ``load_encoder``.
        side_px: Side of the pictures that it will see.
        config: Folders.
    """
    source = find_model(model, config)
    visual: nn.Module = load_clip(source).visual.float().eval()
    name = _last_block(visual)
    if name is None:
        return None
    visual.to(encoder.device)
    return SplitTower(visual, visual.get_submodule(name), source.preprocess, side_px, encoder.device)


def _last_block(visual: nn.Module) -> str | None:
    """Return the dotted name of the tower's last block."""
    modules = dict(visual.named_modules())
    for name in ("transformer.resblocks", "trunk.stages", "trunk.blocks", "layer4"):
        group = modules.get(name)
        if isinstance(group, nn.Sequential | nn.ModuleList) and len(group):
            return name if name == "layer4" else f"{name}.{len(group) - 1}"
    return None


def fine_tune(
    tower: SplitTower,
    class_vectors: Tensor,
    inputs: Tensor,
    labels: Sequence[int],
    seed: int,
    logit_scale: float,
) -> nn.Linear:
    """Train the end of ``tower`` and a classifier; the tower is changed in place.

    Args:
        tower: Cut, fresh: its weights are the model's own.
        class_vectors: (C, D) unit text vectors: where the classifier starts, so that no training is zero-shot.
        inputs: What ``SplitTower.before`` returned for N images.
        labels: N class positions.
        seed: Of the order of the batches.
        logit_scale: Factor on the cosines.

    Returns:
        The classifier on unit vectors.
    """
    torch.manual_seed(seed)
    classifier = nn.Linear(class_vectors.shape[1], class_vectors.shape[0])
    with torch.no_grad():
        classifier.weight.copy_(class_vectors)
        classifier.bias.zero_()
    classifier.to(tower.device)
    targets = torch.tensor(labels, device=tower.device)
    groups = [
        {"params": tower.trained(inputs[:1]), "lr": LEARNING_RATE},
        {"params": list(classifier.parameters()), "lr": CLASSIFIER_LEARNING_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * -(-len(targets) // BATCH))
    for _ in range(EPOCHS):
        for chosen in torch.split(torch.randperm(len(targets)), BATCH):
            logits = logit_scale * classifier(functional.normalize(tower.after(inputs[chosen]), dim=-1))
            optimizer.zero_grad()
            functional.cross_entropy(logits, targets[chosen]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return classifier


@torch.no_grad()
def predict(tower: SplitTower, classifier: nn.Linear, inputs: Tensor) -> npt.NDArray[np.int64]:
    """Return the best class (N,) for N inputs of the last block."""
    parts = []
    for start in range(0, len(inputs), _ENCODE_BATCH):
        vectors = functional.normalize(tower.after(inputs[start : start + _ENCODE_BATCH]), dim=-1)
        parts.append(classifier(vectors).argmax(dim=-1))
    return np.asarray(torch.cat(parts).cpu().numpy(), dtype=np.int64)
