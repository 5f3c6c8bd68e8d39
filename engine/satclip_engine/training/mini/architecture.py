"""The architecture of the embedded model, as an open_clip configuration, and the facts of its card."""

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

# The model card but for the temperature, which is learned.
CARD: dict[str, Any] = {
    "id": "mini",
    "title": "SatCLIP mini (EfficientNet-Lite0, 9.4 M parameters)",
    "licence": "Weights: research use, as AID, RSICD, EPFL roads and LEVIR among the training sets; see README.md. "
    "Code: GPL-2.0-or-later",
    "notes": "Small embedded model for CPUs: land cover, water, roads, buildings, vegetation, 30 scene types. Trained "
    "on two CPU cores; the model card says what it reaches and what not.",
    "gsd_min_m": 0.3,
    "gsd_max_m": 15.0,
    "gsd_recommended_m": 1.0,
    "gsd_m": {
        "min": 0.3,
        "max": 15.0,
        "recommended": 1.0,
        "reason": "Scene images of 2-32 m/px and masks of 0.3-5 m/px were trained on, enlarged 0.5 to 2.2 times, and "
        "Landsat chips of 30 m, enlarged 1 to 3 times: these are read at 15 m, where water is found better (see the "
        "scale study). Finer imagery than 0.3 m is shrunk to it: roofs larger than a window have no context.",
    },
    "window_px": IMAGE_SIZE_PX,
    "stride_px": IMAGE_SIZE_PX // 2,
    "cell_px": 16,
    "output_stride": 16,
    "templates": ["{}", "a satellite image of {}", "an aerial view of {}"],
    "global_bias": 0.0,
    # Trained at 112 px, it loses scenes at its window's size.
    "scene_px": 144,
}


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
