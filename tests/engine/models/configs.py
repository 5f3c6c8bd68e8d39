"""Small open_clip configurations of every kind of tower, and the engine configuration of a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from satclip_engine.config import Config

TEXT = {"context_length": 77, "vocab_size": 514, "width": 64, "heads": 2, "layers": 1}
TOKENIZER = {"tokenizer_kwargs": {"bpe_path": "bpe.txt.gz"}}

VIT = {"image_size": 64, "layers": 3, "width": 64, "head_width": 32, "patch_size": 16}
RESNET = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}


def clip_cfg(vision_cfg: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A whole ``model_cfg`` around an image tower."""
    return {"embed_dim": 32, "vision_cfg": dict(vision_cfg), "text_cfg": {**TEXT, **TOKENIZER}, **more}


def timm_cfg(name: str, image_size: int = 64, **more: Any) -> dict[str, Any]:
    """A ``vision_cfg`` of a timm trunk with average pooling."""
    return {"timm_model_name": name, "timm_pool": "avg", "timm_proj": "linear", "image_size": image_size, **more}


def engine_config(root: Path) -> Config:
    """Folders under ``root``."""
    return Config(root / "home", root / "cache", root / "models", root / "resources", 1024**3)
