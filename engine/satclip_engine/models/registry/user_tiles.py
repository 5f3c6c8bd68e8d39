"""Pictures of the user's to check a model with: a folder of images and ``captions.jsonl``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from satclip_engine.errors import InputError
from satclip_engine.models.registry.reference_tiles import Tiles

CAPTIONS_FILE_NAME = "captions.jsonl"

# A check is to take seconds: more pictures do not change its verdict.
_MOST_TILES = 256


def read_tiles(folder: Path, size_px: int) -> Tiles:
    """Return the pictures of ``folder``, cropped to a square in their middle and resized to ``size_px``.

    Each line of ``captions.jsonl`` is ``{"image": "name.png", "caption": "words"}``; of several ``captions`` the first
    is taken. The first 256 lines are read.

    Raises:
        InputError: ``tiles`` if the file or a picture is missing or cannot be read, or there are fewer than two
            different captions.
    """
    try:
        lines = (folder / CAPTIONS_FILE_NAME).read_text(encoding="utf-8").splitlines()
        records = [json.loads(line) for line in lines if line.strip()][:_MOST_TILES]
        texts = [str(record["caption"] if "caption" in record else record["captions"][0]) for record in records]
        pictures = [_square(folder / str(record["image"]), size_px) for record in records]
    except (OSError, ValueError, KeyError, IndexError, TypeError, UnidentifiedImageError) as error:
        raise InputError(
            f"The pictures of {folder} cannot be read: {type(error).__name__}: {error}.",
            remedy='Write lines of {"image": "name.png", "caption": "words"} into captions.jsonl, beside the images.',
            code="tiles",
            path=str(folder),
        ) from error
    captions = tuple(dict.fromkeys(texts))
    if len(captions) < 2:
        raise InputError(
            f"The pictures of {folder} have {len(captions)} different captions, and to compare takes two.",
            remedy="Add pictures of something else.",
            code="tiles",
            path=str(folder),
        )
    return Tiles(np.stack(pictures), captions, tuple(captions.index(text) for text in texts))


def _square(path: Path, size_px: int) -> np.ndarray:
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    crop = image.crop((left, top, left + side, top + side)).resize((size_px, size_px), Image.Resampling.BICUBIC)
    return np.asarray(crop, dtype=np.uint8).transpose(2, 0, 1)
