"""The list of evaluation data sets, and where they lie below a data root."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from satclip_engine.config import evaluation_data_dir
from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.dataset import DataSet
from satclip_engine.harness.datasets.records import all_records
from satclip_engine.harness.datasets.scenes import plain


def given_root(data: Path | None) -> Path:
    """Return ``data``, or the folder of data sets that ``SATCLIP_DATA`` names.

    Raises:
        DataSetError: ``dataset.missing`` if there is neither.
    """
    root = data or evaluation_data_dir()
    if root is None:
        raise DataSetError(
            "No folder of data sets was given.",
            remedy="Give --data, or set SATCLIP_DATA.",
            code="dataset.missing",
        )
    return root


def list_datasets(root: Path | None) -> tuple[DataSet, ...]:
    """Return every data set that is known, each with its ``folder`` where it lies below ``root``."""
    return tuple(replace(record, folder=_locate(record, root)) for record in all_records())


def find_dataset(name: str, root: Path | None) -> DataSet:
    """Return the data set ``name`` as it lies below ``root``.

    Args:
        name: A data set's id; case, ``-`` and ``_`` do not matter.
        root: Folder that holds the folders of the sets, or the set's own folder.

    Raises:
        DataSetError: if no such set is known (``dataset.unknown``), or it is not there (``dataset.missing``), or its
            folder does not have the published layout (``dataset.layout``).
    """
    known = {plain(record.id): record for record in all_records()}
    record = known.get(plain(name))
    if record is None:
        raise DataSetError(
            f"There is no data set {name!r}.",
            remedy=f"Known are: {', '.join(sorted(record.id for record in known.values()))}. For your own, give its "
            "folder.",
            code="dataset.unknown",
        )
    candidates = _candidates(record, root)
    folder = _locate(record, root)
    if folder is not None:
        return replace(record, folder=folder)
    if candidates:
        missing = _missing(record, candidates[0])
        raise DataSetError(
            f"{record.title}: there is no {missing} in {candidates[0].name}.",
            remedy=f"Unpack the set so that {candidates[0] / missing} is there{_described(record)}.",
            code="dataset.layout",
            path=str(candidates[0]),
        )
    place = root if root is not None else Path("the data root (--data or SATCLIP_DATA)")
    raise DataSetError(
        f"{record.title} is not in {place}.",
        remedy=f"Get it from {record.url} and put it into {place / record.folders[0]}{_described(record)}.",
        code="dataset.missing",
    )


def _described(record: DataSet) -> str:
    return f", laid out as described at {record.layout_url}" if record.layout_url else ""


def _locate(record: DataSet, root: Path | None) -> Path | None:
    return next((folder for folder in _candidates(record, root) if not _missing(record, folder)), None)


def _candidates(record: DataSet, root: Path | None) -> list[Path]:
    if root is None or not root.is_dir():
        return []
    names = [plain(name) for name in record.folders]
    below = [path for path in root.iterdir() if path.is_dir() and plain(path.name) in names]
    own = [root] if plain(root.resolve().name) in names else []
    return own + sorted(below, key=lambda path: names.index(plain(path.name)))


def _missing(record: DataSet, folder: Path) -> str:
    """Return what the first split lacks if no split of any task is there; empty otherwise."""
    lacking = [layout.missing(folder) for splits in record.splits.values() for layout in splits.values()]
    return lacking[0] if all(lacking) else ""
