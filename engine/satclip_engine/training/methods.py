"""What trains: every weight is frozen, then those that the method names are unlocked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from satclip_engine.errors import RecipeError
from satclip_engine.models.adapters import ADAPTERS, insert_adapters
from satclip_engine.models.bands import input_convolution
from satclip_engine.models.card import PICTURE_BANDS
from satclip_engine.models.lora import insert_lora
from satclip_engine.protocol import Method, Recipe

IMAGE, TEXT = "image", "text"

# Scalars that belong to neither tower.
_SCALES = ("logit_scale", "logit_bias")

# The last linear map of each tower, and what stands between it and the last block, as open_clip names them.
_PROJECTIONS = {
    IMAGE: ("visual.proj", "visual.head", "visual.attnpool.c_proj"),
    TEXT: ("text_projection", "text.text_projection", "text.proj"),
}
_ENDS = {IMAGE: ("visual.ln_post", "visual.attnpool"), TEXT: ("ln_final", "text.ln_final")}

_WORDS = {
    "projection": "projection after it",
    "last_blocks": "blocks to tell apart",
    "lora": "attention and no pointwise convolutions",
    "adapter": "MLPs and no stages",
    "full": "weights",
}


def begin_training(clip: Any, recipe: Recipe, seed: int) -> dict[str, torch.nn.Parameter]:
    """Make a model ready to be trained by a recipe and return the parameters that train; see ``make_trainable``."""
    torch.manual_seed(seed)  # LoRA and adapters start from random numbers
    trained = make_trainable(clip, recipe.method)
    if recipe.checkpoint_activations:
        clip.set_grad_checkpointing()
    return trained


def count_weights(parameters: Iterable[torch.nn.Parameter]) -> int:
    """Return how many numbers parameters hold."""
    return sum(parameter.numel() for parameter in parameters)


def make_trainable(clip: Any, method: Method) -> dict[str, torch.nn.Parameter]:
    """Freeze an open_clip model but for what ``method`` trains, and insert what it adds.

    Args:
        clip: The model, without LoRA and adapters of an earlier call.
        method: What trains.

    Returns:
        The parameters that train, by their names in ``clip``.

    Raises:
        RecipeError: ``recipe.method`` if a tower has nothing that the method could train.
    """
    clip.requires_grad_(requires_grad=False)
    unlocked: set[str] = set()
    for half, path in tower_paths(clip, method.towers).items():
        found = _trained_names(clip, half, path, method)
        if not found:
            raise RecipeError(
                f"The method {method.kind!r} finds nothing to train in this model's {half} tower: it has no"
                f" {_WORDS[method.kind]}.",
                remedy="Choose another method, or train the other tower only.",
                code="recipe.method",
                method=method.kind,
                tower=half,
            )
        unlocked.update(found)
    if method.kind in ("projection", "last_blocks", "full"):
        unlocked.update(_SCALES)
    first, convolution = input_convolution(clip.visual)
    if convolution.in_channels > PICTURE_BANDS and method.towers != "text":
        unlocked.add(f"visual.{first}.weight")  # bands that nobody looked at so far have no weight yet
    trained = {name: parameter for name, parameter in clip.named_parameters() if name in unlocked}
    for parameter in trained.values():
        parameter.requires_grad_(requires_grad=True)
    return trained


def training_mode(clip: torch.nn.Module) -> None:
    """Put the model into training mode, batch norms excepted.

    Their statistics are those of the millions of images it was first trained on; a few chips would replace them.
    """
    clip.train()
    for module in clip.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()


def tower_paths(clip: Any, towers: str) -> dict[str, str]:
    """Return the paths of the towers' modules in ``clip``: those of ``both``, the ``image`` or the ``text`` one."""
    paths = {IMAGE: "visual", TEXT: "text" if hasattr(clip, "text") else "transformer"}
    return {half: path for half, path in paths.items() if towers in ("both", half)}


def _trained_names(clip: Any, half: str, path: str, method: Method) -> set[str]:
    tower = clip.get_submodule(path)
    if method.kind == "lora":
        insert_lora(tower, rank=method.rank, alpha=method.alpha, dropout=method.dropout)
        return _names(clip, half, r"(.*\.)?parametrizations\.\w+\.0\.[ab]")
    if method.kind == "adapter":
        insert_adapters(tower, method.reduction)
        return _names(clip, half, rf"(.*\.)?{ADAPTERS}\..*")
    if method.kind == "full":
        return _names(clip, half, ".*")
    parts = list(_PROJECTIONS[half])
    if method.kind == "last_blocks":
        blocks = [f"{path}.{block}" for block in _last_blocks(tower, method.blocks)]
        if not blocks:
            return set()
        parts += [*blocks, *_ENDS[half]]
    return _names(clip, half, "|".join(rf"{re.escape(part)}(\..*)?" for part in parts))


def _names(clip: torch.nn.Module, half: str, pattern: str) -> set[str]:
    """Return the names of the parameters of one half of the model that match ``pattern`` as a whole."""
    own = [
        name
        for name, _ in clip.named_parameters()
        if name not in _SCALES and name.startswith("visual.") == (half == IMAGE)
    ]
    return {name for name in own if re.fullmatch(pattern, name)}


def _last_blocks(tower: Any, count: int) -> list[str]:
    """Return the paths of the tower's last ``count`` blocks, and of what follows them in a timm trunk."""
    if hasattr(tower, "trunk"):
        return [f"trunk.{name}" for name in _last_of_trunk(tower.trunk, count)]
    if hasattr(tower, "layer4"):  # ResNet of CLIP: blocks lie in four layers
        layers = ("layer1", "layer2", "layer3", "layer4")
        return [f"{layer}.{index}" for layer in layers for index in range(len(getattr(tower, layer)))][-count:]
    lists = [(path, module) for path, module in tower.named_modules() if isinstance(module, torch.nn.ModuleList)]
    if not lists:
        return []
    path, blocks = max(lists, key=lambda found: len(found[1]))
    return [f"{path}.{index}" for index in range(len(blocks))][-count:]


def _last_of_trunk(trunk: Any, count: int) -> Iterator[str]:
    """Yield the names of the parameters of a timm trunk's last blocks and of all after them, as timm groups them."""
    from timm.models import group_parameters

    if not hasattr(trunk, "group_matcher") or not getattr(trunk, "feature_info", None):
        return
    groups = group_parameters(trunk, trunk.group_matcher(coarse=False))
    # What timm cannot match, the norms and layers after the last block, is a group of its own: no block.
    stem = trunk.feature_info[-1]["module"].partition(".")[0].rstrip("0123456789")
    blocks = [group for group in sorted(groups) if any(name.startswith(stem) for name in groups[group])]
    first = blocks[-count:][0]
    for group in sorted(groups):
        if group >= first:
            yield from groups[group]
