"""Writes the trained model as an open_clip folder."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from satclip_engine.models.atrous import set_output_stride
from satclip_engine.training.mini.architecture import CARD, open_clip_config
from satclip_engine.training.mini.loop import PIXELS, ImageSide

WEIGHTS_NAME = "open_clip_model.safetensors"


def fold(side: ImageSide, text: Any) -> tuple[Any, Any]:
    """Return the image tower and a copy of the text tower that ends in the learned map of the text space."""
    set_output_stride(side.visual.trunk, 32)
    folded = copy.deepcopy(text)
    with torch.no_grad():
        folded.text_projection.copy_(text.text_projection @ side.text_map.weight.T)
    return side.visual, folded


def export_model(side: ImageSide, text: Any, bpe_path: Path, folder: Path) -> None:
    """Write ``open_clip_config.json``, ``card.json``, fp16 weights and the vocabulary; each file appears whole.

    Args:
        side: Trained image side.
        text: Distilled text tower in the teacher's space.
        bpe_path: Vocabulary of the tokenizer.
        folder: Receives the model.
    """
    visual, folded = fold(side, text)
    state = {f"visual.{name}": value for name, value in visual.state_dict().items()}
    state |= {f"text.{name}": value for name, value in folded.state_dict().items()}
    state["logit_scale"] = side.log_scales[PIXELS].detach()
    halves = {
        name: (value.half() if value.is_floating_point() else value).contiguous().clone()
        for name, value in state.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(halves, str(folder / f".{WEIGHTS_NAME}"), metadata={"format": "pt"})
    (folder / f".{WEIGHTS_NAME}").replace(folder / WEIGHTS_NAME)
    shutil.copyfile(bpe_path, folder / "bpe.txt.gz")
    n_merges = folded.token_embedding.weight.shape[0] - 514
    card = {**CARD, "temperature": round(float(side.scale(PIXELS).detach()), 1)}
    for name, content in (("open_clip_config.json", open_clip_config(n_merges)), ("card.json", card)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
