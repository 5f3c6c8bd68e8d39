"""The job "export pairs": a training set as webdataset shards, which open_clip's own training reads too."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from rasterio.io import MemoryFile

from satclip_engine.errors import DiskFullError, OptionError, PairsError
from satclip_engine.models.card import PICTURE_BANDS
from satclip_engine.pairs.images import Bytes, PairImages
from satclip_engine.pairs.importing.captions import described
from satclip_engine.pairs.new_folder import Skipped, new_set_folder, refuse_occupied, write_skipped
from satclip_engine.pairs.pair_set import PairSet, read_pair_set
from satclip_engine.protocol import SPLITS, ExportPairsRequest, Pair, ProgressUpdate, to_json
from satclip_engine.raster.gdal import open_raster

# What holds for all shards of a folder, and the number of pairs in each. Source: open_clip_train/data.py reads the
# numbers from a file of this name.
SHARDS_FILE, SIZES_FILE = "shards.json", "sizes.json"
# Lossy files stay as they are: written again they would lose more.
_LOSSY = (".jpg", ".jpeg", ".webp")
_TOLD = ("id", "captions", "long_captions", "label", "region", "split", "lon", "lat", "gsd_m", "boxes")
# Of a pair's texts and of what tar adds to its files.
_OVERHEAD_BYTES = 6000


@dataclass(frozen=True)
class Shards:
    """A training set as it was written.

    Attributes:
        folder: Of the shards.
        sizes: Number of pairs by name of shard.
        skipped: Pairs that could not be read; also in ``skipped.txt``.
    """

    folder: Path
    sizes: dict[str, int]
    skipped: tuple[Skipped, ...]


def export_pairs(
    request: ExportPairsRequest, *, progress: Callable[[ProgressUpdate], None], check_cancelled: Callable[[], None]
) -> Shards:
    """Write a training set as tar archives, each of one part: ``train-000000.tar``.

    Of a pair there are ``KEY.png`` (``.jpg`` and ``.webp`` as they were, ``.tif`` with more than three bands),
    ``KEY.txt`` with its first caption, ``KEY.json`` with all that is known, ``KEY.mask.png`` and ``KEY.photo0.jpg``.

    Raises:
        PairsError: if there is no such training set, it cannot be understood, a raster is not the one the pairs were
            cut from, or no pair can be read.
        SceneError: if a raster is gone or damaged.
        OptionError: ``option.per_shard``.
        DiskFullError: if there is no room.
        OutputError: if the folder holds something, or cannot be written.
    """
    if request.per_shard < 1:
        raise OptionError(
            f"{request.per_shard} pairs per shard are asked for.", remedy="Ask for 1000.", code="option.per_shard"
        )
    pair_set, out = read_pair_set(Path(request.folder)), Path(request.out)
    refuse_occupied(out)
    sizes: dict[str, int] = {}
    skipped: list[Skipped] = []
    with PairImages(pair_set) as images, new_set_folder(out) as partial:
        _refuse_full_disk(partial, pair_set)
        for name, members in _shards(pair_set, request.per_shard):
            with tarfile.open(partial / name, "w") as tar:
                for key, pair in members:
                    check_cancelled()
                    done = sum(sizes.values()) + len(skipped)
                    progress(ProgressUpdate("export", done / len(pair_set.pairs)))
                    try:
                        files = _files(pair_set, images, pair)
                    except (PairsError, OSError) as error:
                        skipped.append(Skipped(pair.id, " ".join(str(error).split())))
                        continue
                    for suffix, content in files.items():
                        member = tarfile.TarInfo(f"{key}{suffix}")
                        member.size = len(content)
                        tar.addfile(member, io.BytesIO(content))
                    sizes[name] = sizes.get(name, 0) + 1
            if name not in sizes:
                (partial / name).unlink()
        if not sizes:
            raise _nothing(pair_set, skipped)
        about = to_json(replace(pair_set.info, rasters=()))
        (partial / SHARDS_FILE).write_text(json.dumps(about, ensure_ascii=False, indent=2), encoding="utf-8")
        (partial / SIZES_FILE).write_text(json.dumps(sizes, indent=2), encoding="utf-8")
        write_skipped(partial, skipped)
    progress(ProgressUpdate("export", 1.0))
    return Shards(out, sizes, tuple(skipped))


def _shards(pair_set: PairSet, per_shard: int) -> Iterator[tuple[str, list[tuple[str, Pair]]]]:
    """Yield the name of each shard with its pairs and their keys, which no two pairs of the set share."""
    keyed = [(f"{number:06d}", pair) for number, pair in enumerate(pair_set.pairs)]
    for split in SPLITS:
        members = [(key, pair) for key, pair in keyed if pair.split == split]
        for number, start in enumerate(range(0, len(members), per_shard)):
            yield f"{split}-{number:06d}.tar", members[start : start + per_shard]


def _files(pair_set: PairSet, images: PairImages, pair: Pair) -> dict[str, bytes]:
    """Return the files of a pair by the suffix behind its key.

    Raises:
        PairsError: ``pairs.image`` if the image or the mask cannot be read.
        OSError: if a photo is missing.
    """
    image = images.read(pair)
    suffix = Path(pair.image).suffix.lower()
    if pair.window_px is None and suffix in _LOSSY:
        files = {suffix: pair_set.path_of(pair.image).read_bytes()}
    else:
        files = {".png": _png(image.transpose(1, 2, 0))} if len(image) == PICTURE_BANDS else {".tif": _tif(image)}
    if captions := (pair.captions or pair.long_captions or described(pair)):
        files[".txt"] = captions[0].encode()
    told = {name: value for name, value in to_json(pair).items() if name in _TOLD}
    files[".json"] = json.dumps(told, ensure_ascii=False).encode()
    if pair.mask:
        files[".mask.png"] = _png(images.read_mask(pair))
    for number, photo in enumerate(pair.photos):
        path = pair_set.path_of(photo)
        files[f".photo{number}{path.suffix.lower()}"] = path.read_bytes()
    return files


def _png(values: Bytes) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values)).save(file, "png")
    return file.getvalue()


def _tif(image: Bytes) -> bytes:
    bands, height, width = image.shape
    with MemoryFile(ext=".tif") as file:
        with open_raster(
            file.name, "w", driver="GTiff", count=bands, height=height, width=width, dtype="uint8", compress="deflate"
        ) as raster:
            raster.write(image)
        return bytes(file.read())


def _refuse_full_disk(folder: Path, pair_set: PairSet) -> None:
    needed_bytes = sum(_size_bytes(pair_set, pair) for pair in pair_set.pairs)
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise DiskFullError(
            f"The shards need about {needed_bytes / 1e9:.1f} GB on the disk that holds {folder.parent}, and"
            f" {free_bytes / 1e9:.1f} GB are free.",
            remedy="Free some space, or choose another folder.",
            code="resource.disk_full",
            needed_bytes=needed_bytes,
            free_bytes=free_bytes,
        )


def _size_bytes(pair_set: PairSet, pair: Pair) -> int:
    """Return about what a pair takes; files that are missing take nothing, windows what they are uncompressed."""
    names = [pair.mask, *pair.photos, *([] if pair.window_px else [pair.image])]
    paths = [pair_set.path_of(name) for name in names if name]
    pixels = pair.window_px[2] * pair.window_px[3] if pair.window_px else 0
    channels = max(PICTURE_BANDS, len(pair_set.info.bands))
    return sum(path.stat().st_size for path in paths if path.is_file()) + pixels * channels + _OVERHEAD_BYTES


def _nothing(pair_set: PairSet, skipped: list[Skipped]) -> PairsError:
    first = f" The first: {skipped[0].reason}" if skipped else ""
    return PairsError(
        f"No pair of {pair_set.folder.name} can be read.{first}",
        remedy="Check the training set: satclip captions check names what is wrong.",
        code="pairs.none",
    )
