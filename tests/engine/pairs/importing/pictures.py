"""Pictures and archives for the tests of imports, each picture different from every other."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from satclip_engine.pairs.importing.run import Imported, import_pairs
from satclip_engine.protocol import ImportPairsRequest


def picture_bytes(seed: int, side_px: int = 32, kind: str = "png") -> bytes:
    values = np.random.default_rng(seed).integers(0, 255, (side_px, side_px, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind)
    return file.getvalue()


def pictures(folder: Path, *names: str) -> None:
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture_bytes(seed, kind="jpeg" if path.suffix == ".jpg" else "png"))


def zipped(path: Path, contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def tarred(path: Path, contents: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def imported(source: Path, out: Path, layout: str = "", *, is_copying: bool = False) -> Imported:
    request = ImportPairsRequest(str(source), str(out), layout, is_copying)
    return import_pairs(request, progress=lambda _update: None, check_cancelled=lambda: None)


def reasons(made: Imported) -> dict[str, str]:
    return {item.name: item.reason for item in made.skipped}
