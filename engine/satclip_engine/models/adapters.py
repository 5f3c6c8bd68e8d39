"""Bottleneck adapters: a few small layers in a tower, kept in a file beside the base model's weights."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch.nn import functional

from satclip_engine.errors import ModelError
from satclip_engine.models.folders import ADAPTERS_FILE_NAME
from satclip_engine.models.weights import read_state_dict

# Under this name a tower holds its adapters; none of the base model's names has it.
ADAPTERS = "adapters"

_STAGES_OF_RESNET = ("layer1", "layer2", "layer3", "layer4")


class Adapter(torch.nn.Module):
    """x + s · up(GELU(down(x))), which at first is x.

    Source: Houlsby et al. 2019, "Parameter-Efficient Transfer Learning" (arXiv:1902.00751), figure 2.

    Args:
        width: Length of x: of its last axis for tokens, of its second one for maps.
        bottleneck: Length between the two layers.
        is_map: Whether x is a map (N, C, H, W).

    Attributes:
        share: s in 0..1 (WiSE-FT).
    """

    def __init__(self, width: int, bottleneck: int, *, is_map: bool) -> None:
        super().__init__()
        layer: Any = partial(torch.nn.Conv2d, kernel_size=1) if is_map else torch.nn.Linear
        self.down = layer(width, bottleneck)
        self.up = layer(bottleneck, width)
        torch.nn.init.zeros_(self.up.weight)
        torch.nn.init.zeros_(self.up.bias)
        self.share = 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x adapted, in its own shape."""
        return x + self.share * self.up(functional.gelu(self.down(x)))  # type: ignore[no-any-return]

    def after(self, _module: torch.nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        """Forward hook of the adapted module; a bound method, so that a deep copy of the tower hooks its own copy."""
        return self(output)  # type: ignore[no-any-return]


def insert_adapters(tower: torch.nn.Module, reduction: int) -> None:
    """Put an adapter after every MLP of ``tower``; after every stage where it has none. Adapters it has are kept.

    Args:
        tower: An image or text tower of open_clip.
        reduction: Width of what is adapted over the width of the bottleneck.
    """
    for path, width, is_map in list(_sites(tower)):
        if _key(path) not in getattr(tower, ADAPTERS, ()):
            _attach(tower, path, Adapter(width, max(1, width // reduction), is_map=is_map))


def adapters_of(clip: torch.nn.Module) -> list[Adapter]:
    """Return the model's adapters."""
    return [module for module in clip.modules() if isinstance(module, Adapter)]


def set_adapter_share(clip: torch.nn.Module, share: float) -> None:
    """Use ``share`` in 0..1 of what every adapter adds (WiSE-FT)."""
    for adapter in adapters_of(clip):
        adapter.share = share


def save_adapters(clip: torch.nn.Module, folder: Path) -> Path:
    """Write the model's adapters, with the shares in use, into ``folder`` and return the file."""
    shares = {id(parameter): adapter.share for adapter in adapters_of(clip) for parameter in adapter.up.parameters()}
    path = folder / ADAPTERS_FILE_NAME
    state = {
        name: (parameter * shares.get(id(parameter), 1.0)).detach().cpu().contiguous()
        for name, parameter in clip.named_parameters()
        if ADAPTERS in name.split(".")
    }
    save_file(state, path)
    return path


def load_adapters(clip: torch.nn.Module, path: Path) -> None:
    """Insert the adapters of a file that ``save_adapters`` wrote into their base model.

    Raises:
        ModelError: ``model.corrupt``, or ``model.mismatch`` if they are another model's.
    """
    state = read_state_dict(path)
    try:
        for name in [name for name in state if name.endswith(".down.weight")]:
            tower_path, _, key = name.removesuffix(".down.weight").partition(f".{ADAPTERS}.")
            tower, bottleneck = clip.get_submodule(tower_path), len(state[name])
            path_in_tower, width, is_map = {_key(site[0]): site for site in _sites(tower)}[key]
            _attach(tower, path_in_tower, Adapter(width, bottleneck, is_map=is_map))
        result = clip.load_state_dict(state, strict=False)
    except (AttributeError, KeyError, RuntimeError) as error:
        raise _mismatch(path, str(error).splitlines()[-1].strip()) from error
    wrong = [name for name in result.missing_keys if ADAPTERS in name.split(".")] + result.unexpected_keys
    if wrong:
        raise _mismatch(path, f"{wrong[0]} is missing or too much")


def _attach(tower: torch.nn.Module, path: str, adapter: Adapter) -> None:
    module = tower.get_submodule(path)
    first = next(tower.parameters())
    if not hasattr(tower, ADAPTERS):
        tower.add_module(ADAPTERS, torch.nn.ModuleDict())
    getattr(tower, ADAPTERS)[_key(path)] = adapter.to(first.device, first.dtype)
    module.register_forward_hook(adapter.after)


def _key(path: str) -> str:
    """Return the name of the adapter of the module at ``path``: names of modules hold no dots."""
    return path.replace(".", "/")


def _sites(tower: Any) -> Iterator[tuple[str, int, bool]]:
    """Yield path, width and whether its output is a map, for every module to adapt."""
    mlps = [(path, module) for path, module in tower.named_modules() if path.rpartition(".")[2] == "mlp"]
    for path, module in mlps:
        last = [layer for layer in module.modules() if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d))][-1]
        yield path, int(last.weight.shape[0]), isinstance(last, torch.nn.Conv2d)
    if mlps:
        return
    info = getattr(getattr(tower, "trunk", None), "feature_info", None) or ()
    names = [f"trunk.{stage['module']}" for stage in info] or [
        name for name in _STAGES_OF_RESNET if hasattr(tower, name)
    ]
    for name in names:
        path, module = name, tower.get_submodule(name)
        while isinstance(module, torch.nn.Sequential):  # activation checkpointing calls its parts and not the whole
            path, module = f"{path}.{len(module) - 1}", module[-1]
        convolutions = [layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d)]
        if convolutions:
            yield path, convolutions[-1].out_channels, True


def _mismatch(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"The adapters {path.name} do not fit the model beside them: {reason}.",
        remedy="They belong to other weights; copy the whole model folder again.",
        code="model.mismatch",
        path=str(path),
    )
