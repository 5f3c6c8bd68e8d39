"""A hub on loopback with small models in it, and registries that name them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# A small CLIP with the vocabulary of CLIP's own tokenizer, so that it loads without a tokenizer of its own.
TINY_CLIP = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1},
}


def tiny_state(model_cfg: dict[str, Any] = TINY_CLIP, *, seed: int = 0) -> dict[str, Any]:
    """Return the state dict of a small random CLIP (by default 12.7 MB)."""
    import torch
    from satclip_engine.models.architecture import build_model

    torch.manual_seed(seed)
    return dict(build_model(model_cfg).state_dict())


def put_on_hub(root: Path, repo: str, name: str, state: dict[str, Any]) -> Path:
    """Write ``state`` where a hub that serves ``root`` finds it, as safetensors or with ``torch.save``."""
    import torch
    from safetensors.torch import save_file

    path = root / repo / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def write_registry(models_dir: Path, *models: dict[str, Any], **family: Any) -> Path:
    """Write ``models_dir/registry.json`` with one family of ``models``."""
    models_dir.mkdir(parents=True, exist_ok=True)
    shared = {"family": "Acme CLIP", "architecture": "", "licence": "Acme licence 1.0", "activation": "quickgelu"}
    path = models_dir / "registry.json"
    path.write_text(json.dumps({"families": [{**shared, **family, "models": list(models)}]}), encoding="utf-8")
    return path
