"""Models that see more than three bands: a first convolution with one set of weights for each band.

A 1×1 mixing of bands into three channels, the channels' normalisation and the first convolution are linear one after
the other; together they are one convolution over all bands. So a model for more bands differs from an ordinary one by
the width of its first convolution only. It starts by seeing the three bands of its picture and ignoring the others;
training finds out what these are worth.
"""

from __future__ import annotations

from typing import Any

import torch

from satclip_engine.errors import ModelError


def input_convolution(visual: torch.nn.Module) -> tuple[str, torch.nn.Conv2d]:
    """Return the first convolution of an image tower and its name in it.

    Raises:
        ModelError: ``model.bands`` if the tower starts otherwise.
    """
    for name, module in visual.named_modules():
        if isinstance(module, torch.nn.Conv2d) and module.groups == 1:
            return name, module
    raise ModelError(
        "This model cannot take more than three bands: its image tower does not start with a convolution.",
        remedy="Choose three bands, or another model.",
        code="model.bands",
    )


def widen_input(visual: Any, bands: int) -> None:
    """Let an image tower take ``bands`` channels; those it did not have before start without weight.

    Raises:
        ModelError: ``model.bands`` if its first layer is no convolution.
    """
    _, first = input_convolution(visual)
    added = bands - first.in_channels
    if added > 0:
        nothing = first.weight.new_zeros(first.weight.shape[0], added, *first.weight.shape[2:])
        first.weight = torch.nn.Parameter(torch.cat([first.weight.detach(), nothing], dim=1))
        first.in_channels = bands
