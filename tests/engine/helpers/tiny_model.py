"""A small open_clip model folder with seeded random weights, for every test that needs an encoder."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

VISION = {"image_size": 64, "layers": 3, "width": 64, "head_width": 32, "patch_size": 16}
# A tokenizer without merges: 256 bytes, the same at a word's end, start and end of text.
TEXT = {"context_length": 77, "vocab_size": 514, "width": 64, "heads": 2, "layers": 2}


def write_tiny_model(folder: Path, *, seed: int = 0) -> Path:
    """Write a ViT (patch 16, window 64 px, 32 dimensions) into ``folder`` in open_clip's layout and return it."""
    text = {**TEXT, "tokenizer_kwargs": {"bpe_path": "bpe.txt.gz"}}
    model_cfg = {"embed_dim": 32, "vision_cfg": dict(VISION), "text_cfg": text, "quick_gelu": True}
    return write_model(folder, model_cfg, seed=seed)


def write_model(folder: Path, model_cfg: dict[str, object], *, seed: int = 0) -> Path:
    """Write an open_clip folder for ``model_cfg`` with random weights, a byte tokenizer and a card; return it."""
    import torch
    from safetensors.torch import save_file
    from satclip_engine.models.architecture import build_model

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = build_model(model_cfg)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    settings = {"model_cfg": model_cfg, "preprocess_cfg": {"mean": [0.4, 0.4, 0.4], "std": [0.25, 0.25, 0.25]}}
    (folder / "open_clip_config.json").write_text(json.dumps(settings), encoding="utf-8")
    card = {
        "id": folder.name,
        "title": "Tiny random model",
        "licence": "none",
        "templates": ["{}"],
        "gsd_min_m": 0.1,
        "gsd_max_m": 1000.0,
    }
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with gzip.open(folder / "bpe.txt.gz", "wb") as stream:
        stream.write(b"#version: none")
    return folder
