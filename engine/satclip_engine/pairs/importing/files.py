"""Finds the images that a list names: files near the list, or members of archives beside it."""

from __future__ import annotations

import functools
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from satclip_engine.errors import PairsError
from satclip_engine.harness.datasets.images import PICTURE_SUFFIXES, ZipArchive

IMAGE_SUFFIXES = PICTURE_SUFFIXES | {".jp2", ".vrt"}

Content = Callable[[], bytes]


class ImageFinder:
    """Finds images by the names that a list gives them.

    A name is a path below the list's folder or below a folder in it; of an absolute path, as a list from another
    machine has them, and of a bare name the last part alone is looked for too, with or without its suffix.

    Args:
        folder: Where the list lies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._members = _archived(folder)

    def find(self, name: str) -> Path | Content | None:
        """Return the file of an image, or what reads it from its archive; None where it is not there.

        Raises:
            PairsError: ``pairs.ambiguous`` if several files have the name.
        """
        path = PurePosixPath(name.replace("\\", "/").strip())
        for direct in (self._folder / path, self._folder / "images" / path):
            if direct.suffix and direct.is_file():
                return direct
        for key in (str(path).removeprefix("./"), path.name):
            if key in self._members:
                return self._members[key]
        found = self._files.get(path.name) or self._files.get(
            path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name
        )
        exact = [file for file in found or () if file.as_posix().endswith(f"/{path}")] or found or []
        if len(exact) > 1:
            raise PairsError(
                f"{name} may be {exact[0]} or {exact[1]}.",
                remedy="Write the path of each image as it is below the list's folder.",
                code="pairs.ambiguous",
            )
        return exact[0] if exact else None

    @functools.cached_property
    def _files(self) -> dict[str, list[Path]]:
        """Image files anywhere below the folder, by name and by name without suffix."""
        by_name: dict[str, list[Path]] = {}
        for path in sorted(self._folder.rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                for key in (path.name, path.stem):
                    by_name.setdefault(key, []).append(path)
        return by_name


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


def _archived(folder: Path) -> dict[str, Content]:
    """Return what reads each image in the archives of a folder, by its path there and by its name alone."""
    members: dict[str, Content] = {}
    for archive in sorted(folder.glob("*.zip")):
        shared = ZipArchive(archive)
        try:
            with zipfile.ZipFile(archive) as file:
                names = file.namelist()
        except (OSError, zipfile.BadZipFile) as error:
            raise _damaged(archive, error) from error
        _add(members, {name: functools.partial(shared.read, name) for name in names})
    for archive in sorted(folder.glob("*.tar")):
        _add(members, {member.name: tar_content(archive, member) for member in tar_members(archive)})
    return members


def _add(members: dict[str, Content], contents: dict[str, Content]) -> None:
    for name, content in contents.items():
        if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES:
            members.setdefault(name.removeprefix("./"), content)
            members.setdefault(PurePosixPath(name).name, content)


def _damaged(archive: Path, error: Exception) -> PairsError:
    return PairsError(
        f"{archive.name} is damaged or no plain archive ({error}).",
        remedy="Get it again; unpack a compressed tar archive.",
        code="pairs.archive",
        path=str(archive),
    )
