"""The architecture of the embedded model, as an open_clip configuration."""

from __future__ import annotations

from typing import Any

EMBED_DIM = 256
TEXT_WIDTH = 256
TEXT_LAYERS = 4
CONTEXT_LENGTH = 32
N_MERGES = 9000
IMAGE_SIZE_PX = 224
TRUNK = "efficientnet_lite0"
# Source: EfficientNet-Lite's preprocessing, (x - 127) / 128 on bytes; kept because the trunk starts from those weights.
MEAN = (127 / 255,) * 3
STD = (128 / 255,) * 3


def open_clip_config(n_merges: int = N_MERGES) -> dict[str, Any]:
    """Return the ``open_clip_config.json`` of the model.

    The vocabulary holds 512 byte tokens, the merges and two special tokens; ``bpe_path`` is relative to the folder.
    """
    return {
        "model_cfg": {
            "embed_dim": EMBED_DIM,
            "custom_text": True,
            "vision_cfg": {
                "timm_model_name": TRUNK,
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": "linear",
                "image_size": IMAGE_SIZE_PX,
            },
            "text_cfg": {
                "context_length": CONTEXT_LENGTH,
                "vocab_size": 512 + n_merges + 2,
                "width": TEXT_WIDTH,
                "heads": TEXT_WIDTH // 64,
                "layers": TEXT_LAYERS,
                "tokenizer_kwargs": {"bpe_path": "bpe.txt.gz"},
            },
        },
        "preprocess_cfg": {
            "mean": list(MEAN),
            "std": list(STD),
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }
