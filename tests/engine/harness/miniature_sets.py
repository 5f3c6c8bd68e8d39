"""Miniature copies of the published layouts of data sets, made of a few pixels."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from PIL import Image

SIDE_PX = 8


def colour(code: int) -> tuple[int, int, int]:
    return code >> 16, code >> 8 & 255, code & 255


def picture(path: Path, width: int = SIDE_PX, height: int = SIDE_PX, seed: int = 0) -> Path:
    """Write a noisy RGB picture in the format of the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def raster(path: Path, bands: int, width: int = SIDE_PX, height: int = SIDE_PX, dtype: str = "uint16") -> Path:
    """Write a GeoTIFF without georeference whose band ``b`` holds about ``b`` hundred."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(bands)
    values = np.arange(1, bands + 1)[:, None, None] * 100 + rng.integers(0, 50, (bands, height, width))
    with rasterio.open(path, "w", driver="GTiff", width=width, height=height, count=bands, dtype=dtype) as target:
        target.write(values.astype(dtype))
    return path


def value_mask(path: Path, values: Sequence[int], palette: dict[int, int] | None = None) -> Path:
    """Write a mask one pixel high that holds ``values`` from left to right; with a palette where one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = Image.fromarray(np.array([values], dtype=np.uint8))
    if palette is not None:
        mask = mask.copy()
        mask.putpalette([part for index in range(256) for part in colour(palette.get(index, 0))])
    mask.save(path)
    return path


def colour_mask(path: Path, colours: Sequence[int]) -> Path:
    """Write a mask one pixel high with ``0xRRGGBB`` from left to right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array([[colour(code) for code in colours]], dtype=np.uint8)).save(path)
    return path


def labelled_pair(image: Path, mask: Path, values: Sequence[int] = (), colours: Sequence[int] = ()) -> None:
    """Write an image and its mask, one pixel high."""
    picture(image, len(values) or len(colours), 1)
    if values:
        value_mask(mask, values)
    else:
        colour_mask(mask, colours)


def class_folders(root: Path, names: Sequence[str], suffix: str = "jpg", per_class: int = 2) -> None:
    for name in names:
        for number in range(1, per_class + 1):
            picture(root / name / f"{name}_{number}.{suffix}", seed=number)


def karpathy(json_file: Path, images: Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Write a captions file and its images; every image has five sentences, two of them the same."""
    entries: list[dict[str, Any]] = []
    for split, names in splits.items():
        for name in names:
            picture(images / name)
            texts = [f"{name} one .", f"{name} one .", f"{name}  two .", "three", "four"]
            sentences = [{"tokens": text.split(), "raw": text, "imgid": len(entries)} for text in texts]
            entries.append({"filename": name, "imgid": len(entries), "sentences": sentences, "split": split})
    json_file.parent.mkdir(parents=True, exist_ok=True)
    json_file.write_text(json.dumps({"images": entries, "dataset": json_file.stem}), encoding="utf-8")


def zipped_scenes(root: Path, rows: Sequence[tuple[int, str, str, Sequence[str]]]) -> None:
    """Write the layout of ``aid_rsicd``: rows of shard, ``Class/name.webp``, split, captions."""
    root.mkdir(parents=True, exist_ok=True)
    lines = []
    for shard in sorted({row[0] for row in rows}):
        with zipfile.ZipFile(root / f"aid150_{shard}.zip", "w") as archive:
            for _, file, _, _ in (row for row in rows if row[0] == shard):
                content = BytesIO()
                Image.new("RGB", (SIDE_PX, SIDE_PX), (len(file), shard, 0)).save(content, "WEBP", lossless=True)
                archive.writestr(file, content.getvalue())
    for shard, file, split, captions in rows:
        row = {"file": file, "shard": shard, "cls": file.split("/")[0], "split": split, "captions": list(captions)}
        lines.append(json.dumps(row))
    (root / "captions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def voc(path: Path, boxes: Sequence[tuple[str, int, int, int, int]]) -> None:
    """Write a Pascal VOC annotation."""
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
        "</bndbox></object>"
        for name, x1, y1, x2, y2 in boxes
    )
    path.write_text(f"<annotation><folder>L3</folder>{objects}</annotation>", encoding="utf-8")
