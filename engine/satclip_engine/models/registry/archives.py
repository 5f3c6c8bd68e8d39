"""Weights inside a zip archive, as SkyScript publishes them."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from satclip_engine.errors import ModelError
from satclip_engine.models.folders import WEIGHT_SUFFIXES
from satclip_engine.models.registry.faults import check_free_disk, disk_full, is_disk_full


def is_archive(path: Path) -> bool:
    """Return whether ``path`` is a zip archive of files; PyTorch's own files are zips too, under other names."""
    return path.suffix.lower() == ".zip"


def extract_weights(archive: Path, folder: Path, member: str = "") -> Path:
    """Take the weights out of a zip archive into ``folder`` and return the file.

    Args:
        archive: The archive.
        folder: Where to.
        member: How the wanted member's name ends; "" takes the only weights file.

    Raises:
        ModelError: ``model.corrupt`` if it is damaged, or holds none or several that fit.
        DiskFullError: if there is no room for it.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = [info for info in opened.infolist() if _fits(info.filename, member)]
            if len(infos) != 1:
                raise ModelError(
                    f"{archive.name} holds {'several' if infos else 'no'} weights files"
                    f"{f' called {member}' if member else ''}.",
                    remedy="Unpack it and import the weights file itself.",
                    code="model.corrupt",
                    path=str(archive),
                )
            check_free_disk(folder, infos[0].file_size)
            # Its name is not used: a member may be called ../../anything.
            target = folder / f"unpacked{Path(infos[0].filename).suffix}"
            with opened.open(infos[0]) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1024**2)
            return target
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(
            f"The archive {archive.name} cannot be read: {error}.",
            remedy="It is damaged or incomplete; download or copy it again.",
            code="model.corrupt",
            path=str(archive),
        ) from error
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(folder / archive.name, None) from error
        raise


def _fits(name: str, member: str) -> bool:
    return name.endswith(member) if member else Path(name).suffix in WEIGHT_SUFFIXES
