"""The folder of a new training set: begun beside its place, so that what was stopped leaves nothing there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from satclip_engine.errors import OutputError

SKIPPED_FILE = "skipped.txt"


@dataclass(frozen=True)
class Skipped:
    """Something that was found and is not taken.

    Attributes:
        name: The image, the photo, or the row.
        reason: Why, in a few words.
    """

    name: str
    reason: str


def write_skipped(folder: Path, skipped: Sequence[Skipped]) -> None:
    """Write what was left out to ``skipped.txt``, one per line with its reason; nothing where all was taken."""
    if skipped:
        lines = "".join(f"{item.name}\t{item.reason}\n" for item in skipped)
        (folder / SKIPPED_FILE).write_text(lines, encoding="utf-8")


@contextmanager
def new_set_folder(folder: Path) -> Iterator[Path]:
    """Give a folder beside ``folder`` that takes its place at the end; it vanishes if something is raised.

    Raises:
        OutputError: if ``folder`` holds something already, or cannot be written.
    """
    refuse_occupied(folder)
    partial = unfinished_folder(folder)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.replace(folder)
    except OSError as error:
        raise OutputError(
            f"The training set cannot be written to {folder} ({error}).",
            remedy="Choose a folder that you may write to, with enough free space.",
            code="resource.output",
            path=str(folder),
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_occupied(folder: Path) -> None:
    """Refuse a folder that holds something already, before hours were spent on what is to lie there.

    Raises:
        OutputError: if it does.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(
            f"{folder} exists already and is not an empty folder.",
            remedy="Choose a new folder for the training set.",
            code="resource.output",
        )


def unfinished_folder(folder: Path) -> Path:
    """Return where a training set is made that will lie in ``folder``; a killed run leaves it."""
    return folder.with_name(f"{folder.name}.partial")
