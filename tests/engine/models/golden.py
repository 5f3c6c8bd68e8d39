"""The golden numbers of the reference implementations, and the model they were made with."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from satclip_engine.models.architecture import build_model, load_weights

ROOT = Path(__file__).resolve().parents[3]

# Facts of the tiny golden model that its tensors do not tell (golden README).
HEADS = 2


def load_golden(name: str) -> Any:
    """Open ``name`` of the golden folder, or skip the test where it is absent."""
    folder = Path(os.environ.get("SATCLIP_GOLDEN") or ROOT.parent / "shared" / "golden")
    path = folder / name
    if not path.is_file():
        pytest.skip(f"no golden numbers: {name} is absent (set SATCLIP_GOLDEN)")
    return np.load(path)


def tiny_clip(golden: Any) -> Any:
    """Return the open_clip model whose weights lie under ``sd/``."""
    state = {name[3:]: torch.from_numpy(golden[name]) for name in golden.files if name.startswith("sd/")}
    width, _, _, patch = state["visual.conv1.weight"].shape
    side = round((len(state["visual.positional_embedding"]) - 1) ** 0.5)
    text_width = state["positional_embedding"].shape[1]
    model = build_model(
        {
            "embed_dim": state["text_projection"].shape[1],
            "quick_gelu": True,
            "vision_cfg": {
                "image_size": side * patch,
                "patch_size": patch,
                "width": width,
                "head_width": width // HEADS,
                "layers": len([name for name in state if name.startswith("visual.") and name.endswith("in_proj_bias")]),
            },
            "text_cfg": {
                "context_length": len(state["positional_embedding"]),
                "vocab_size": len(state["token_embedding.weight"]),
                "width": text_width,
                "heads": HEADS,
                "layers": len([name for name in state if name.startswith("trans") and name.endswith("in_proj_bias")]),
            },
        }
    )
    load_weights(model, state)
    return model


def random_numbers(seed: int, tags: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    """The golden README's seeded normal numbers, float64."""
    return np.random.default_rng([seed, *(zlib.crc32(tag.encode()) for tag in tags)]).standard_normal(shape)


def recipe_weight(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The golden README's weight recipe, float32."""
    z = random_numbers(seed, ("weight", name), shape)
    parts = name.split(".")
    if parts[-1] == "weight" and any(part.startswith("ln_") for part in parts):
        z = 1 + 0.1 * z
    elif parts[-1] in ("bias", "in_proj_bias"):
        z = 0.1 * z
    elif parts[-1] == "proj":
        z = z / np.sqrt(shape[0])
    elif parts[-1] in ("positional_embedding", "class_embedding"):
        z = z / np.sqrt(shape[-1])
    else:
        z = z / np.sqrt(np.prod(shape[1:]))
    return z.astype(np.float32)
