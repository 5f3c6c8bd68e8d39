"""Finds the files of a split: by pattern, by lists of names, and the partner of each file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from satclip_engine.errors import DataSetError

_MOST_NAMED = 3


@dataclass(frozen=True)
class Files:
    """Which files belong to a split.

    Attributes:
        pattern: Glob below the set's folder, e.g. ``Val/*/images_png/*.png``.
        first: Position (by name) of the first file that is taken.
        last: Position after the last one; None takes all.
        cycle: Which positions of a repeating cycle are taken: ``(True, False, False)`` takes every third file.
        stems: Only files whose name without suffix ends in one of these; empty takes all.
        listed_in: Text file below the set's folder with one file name (or path) per line; only those are taken.
        partial: The list also names files that are published elsewhere: what is not there is passed over.
    """

    pattern: str
    first: int = 0
    last: int | None = None
    cycle: tuple[bool, ...] = (True,)
    stems: tuple[str, ...] = ()
    listed_in: str = ""
    partial: bool = False

    def missing(self, folder: Path) -> str:
        """Return the pattern or list that ``folder`` lacks; empty where both are there."""
        if next(folder.glob(self.pattern), None) is None:
            return self.pattern
        return "" if not self.listed_in or (folder / self.listed_in).is_file() else self.listed_in

    def find(self, folder: Path) -> tuple[Path, ...]:
        """Return the files in ``folder``, sorted by path.

        Raises:
            DataSetError: if a listed file is not there.
        """
        paths = sorted(path for path in folder.glob(self.pattern) if path.is_file())
        if self.stems:
            paths = [path for path in paths if path.stem.endswith(self.stems)]
        if self.listed_in:
            paths = _listed(paths, folder / self.listed_in, self.partial)
        cut = paths[self.first : self.last]
        return tuple(path for i, path in enumerate(cut) if self.cycle[i % len(self.cycle)])


def _listed(paths: list[Path], list_file: Path, partial: bool) -> list[Path]:
    lines = list_file.read_text(encoding="utf-8").splitlines()
    # Lists were often made before a conversion: only the name without suffix counts.
    wanted = {Path(line.strip()).stem for line in lines if line.strip()}
    found = [path for path in paths if path.stem in wanted]
    lacking = sorted(wanted - {path.stem for path in found})
    if lacking and not partial:
        raise DataSetError(
            f"{list_file.name} lists {len(wanted)} files, but {len(lacking)} are not there: {name_some(lacking)}.",
            remedy="Unpack the whole set again.",
            code="dataset.incomplete",
            path=str(list_file),
        )
    return found


def partner(path: Path, template: str, strip: str = "") -> Path:
    """Return the file that belongs to ``path``.

    Args:
        path: For example an image.
        template: Path relative to the folder of ``path``; ``{stem}`` and ``{name}`` stand for its own.
        strip: Taken off the end of the stem first, e.g. ``_RGB``.
    """
    stem = path.stem.removesuffix(strip) if strip else path.stem
    # Resolved by hand: Path.resolve would follow links, and then items are no longer below the set's folder.
    where, parts = path.parent, template.format(stem=stem, name=path.name).split("/")
    for part in parts:
        where = where.parent if part == ".." else where / part
    return where


def missing_partners(files: Files, folder: Path, template: str, strip: str = "") -> str:
    """Return the pattern of the partners of ``files`` where not one of them is there; empty otherwise."""
    if any(partner(path, template, strip).is_file() for path in files.find(folder)):
        return ""
    return partner(Path(files.pattern), template, strip).as_posix()


def check_partners(paths: tuple[Path, ...], what: str) -> None:
    """Refuse a split in which files are missing.

    Raises:
        DataSetError: naming the first of ``paths`` that do not exist; ``what`` says what they are.
    """
    lacking = [path.name for path in paths if not path.is_file()]
    if lacking:
        raise DataSetError(
            f"{len(lacking)} of {len(paths)} {what} are not there: {name_some(lacking)}.",
            remedy="Unpack the whole set again, or take out the images without one.",
            code="dataset.incomplete",
        )


def name_some(names: list[str]) -> str:
    """Return the first of ``names`` in words."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def item_id(path: Path, folder: Path) -> str:
    """Return the path below ``folder`` without suffix: unique, and the same on every machine."""
    return path.relative_to(folder).with_suffix("").as_posix()
