"""Finds the images that a list names: files near the list, or members of archives beside it."""

from __future__ import annotations

import functools
import itertools
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from satclip_engine.errors import PairsError
from satclip_engine.harness.datasets.images import PICTURE_SUFFIXES, ZipArchive

IMAGE_SUFFIXES = PICTURE_SUFFIXES | {".jp2", ".vrt"}
# Pictures in these are never taken for the image of the same name that is missing.
_LABEL_FOLDERS = {"masks", "mask", "labels", "label"}

Content = Callable[[], bytes]


class ImageFinder:
    """Finds images by the names that a list gives them, in and below its folder and in archives beside it.

    Of a path from another machine the last parts count, as many as fit; the suffix may be left out or be another one.

    Args:
        folder: Where the list lies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str) -> Path | Content | None:
        """Return the file of an image, or what reads it from its archive; None where it is not there.

        Raises:
            PairsError: ``pairs.ambiguous`` if several images have the name; ``pairs.archive`` if an archive is damaged.
        """
        path = PurePosixPath(name.replace("\\", "/").strip())
        for direct in (self._folder / path, self._folder / "images" / path):
            if direct.suffix and direct.is_file():
                return direct
        stem = path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name
        found = self._by_name.get(path.name) or self._by_name.get(stem, {})
        fits = {place: _common_parts(path, PurePosixPath(place)) for place in found}
        best = [place for place, fit in fits.items() if fit == max(fits.values())]
        if len(best) > 1:
            raise PairsError(
                f"{name} may be {best[0]} or {best[1]}.",
                remedy="Write the path of each image as it is below the list's folder.",
                code="pairs.ambiguous",
            )
        return found[best[0]] if best else None

    @functools.cached_property
    def _by_name(self) -> dict[str, dict[str, Path | Content]]:
        """All images by name and by name without suffix: where each lies, and the file or what reads it."""
        places: dict[str, Path | Content] = _archived(self._folder)
        places |= {path.relative_to(self._folder).as_posix(): path for path in sorted(self._folder.rglob("*"))}
        by_name: dict[str, dict[str, Path | Content]] = {}
        for place, image in places.items():
            path = PurePosixPath(place)
            if path.suffix.lower() in IMAGE_SUFFIXES and not _LABEL_FOLDERS & set(path.parts[:-1]):
                for key in (path.name, path.stem):
                    by_name.setdefault(key, {})[place] = image
        return by_name


def _common_parts(one: PurePosixPath, other: PurePosixPath) -> int:
    """Return how many of the last parts of two paths are equal; the name itself fits even without its suffix."""
    pairs = zip(reversed(one.parts[:-1]), reversed(other.parts[:-1]), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def tar_content(archive: Path, member: tarfile.TarInfo) -> Content:
    """Return what reads a file of an uncompressed tar archive."""

    def read() -> bytes:
        with archive.open("rb") as file:
            file.seek(member.offset_data)
            return file.read(member.size)

    return read


def tar_members(archive: Path) -> list[tarfile.TarInfo]:
    """Return the files in an uncompressed tar archive.

    Raises:
        PairsError: ``pairs.archive`` if it is damaged or compressed.
    """
    try:
        with tarfile.open(archive, "r:") as tar:
            return [member for member in tar.getmembers() if member.isfile()]
    except (OSError, tarfile.TarError) as error:
        raise _damaged(archive, error) from error


def _archived(folder: Path) -> dict[str, Path | Content]:
    """Return what reads each file in the archives of a folder, by the archive's name and its path there."""
    members: dict[str, Path | Content] = {}
    for archive in sorted(folder.glob("*.zip")):
        shared = ZipArchive(archive)
        try:
            with zipfile.ZipFile(archive) as file:
                names = file.namelist()
        except (OSError, zipfile.BadZipFile) as error:
            raise _damaged(archive, error) from error
        members |= {f"{archive.name}/{name}": functools.partial(shared.read, name) for name in names}
    for archive in sorted(folder.glob("*.tar")):
        members |= {f"{archive.name}/{member.name}": tar_content(archive, member) for member in tar_members(archive)}
    return members


def _damaged(archive: Path, error: Exception) -> PairsError:
    return PairsError(
        f"{archive.name} is damaged or no plain archive ({error}).",
        remedy="Get it again; unpack a compressed tar archive.",
        code="pairs.archive",
        path=str(archive),
    )
