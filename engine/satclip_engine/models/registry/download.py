"""Download of a registry's model: resumable, verified, and installed only when all of it is there and fits."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from satclip_engine.config import Config
from satclip_engine.errors import ModelError
from satclip_engine.models.folders import CONFIG_FILE_NAME
from satclip_engine.models.registry.archives import extract_weights, is_archive
from satclip_engine.models.registry.card_facts import card_of
from satclip_engine.models.registry.entries import RegistryEntry, find_entry
from satclip_engine.models.registry.faults import check_free_disk, offline_error, unwritable_models
from satclip_engine.models.registry.install import (
    WORK_FOLDER,
    Provenance,
    blueprint_of,
    install_checkpoint,
    write_json,
)
from satclip_engine.models.registry.installed import FROM_REGISTRY
from satclip_engine.models.registry.transfer import RemoteFile, fetch, locate_at_url, locate_on_hub

HASHES_FILE_NAME = "hashes.json"

_BLOCK_BYTES = 8 * 1024**2
# Room that the system needs besides the model.
_SPARE_BYTES = 64 * 1024**2


def download_model(
    model_id: str,
    config: Config,
    progress: Callable[[int, int], None],
    check_cancelled: Callable[[], None],
) -> Path:
    """Fetch and install a model of the registry; one that is installed already is returned at once.

    A broken or cancelled download goes on where it stopped when called again.

    Args:
        model_id: The entry's id.
        config: Folders, mirror, offline mode.
        progress: Told bytes done and bytes in all (0 while unknown).
        check_cancelled: Raises once the user asked to stop.

    Returns:
        The model's folder.

    Raises:
        ModelError: ``model.unknown``, ``model.offline``, ``model.gated``, ``model.not_found``, ``model.network``,
            ``model.hash``, ``model.busy``, ``model.needs``, and those of reading and recognising weights.
        DiskFullError: before the first byte if the disk cannot hold it, or when it fills up meanwhile.
        OutputError: if the models' folder cannot be written.
    """
    entry = find_entry(model_id, config)
    target = config.models_dir / entry.id
    if (target / CONFIG_FILE_NAME).is_file():
        return target
    _refuse_missing_packages(entry)
    if config.offline:
        raise offline_error(entry.title)
    work = _work_folder(entry.id, config)
    try:
        with FileLock(work.with_suffix(".lock"), timeout=0):
            return _download(entry, work, config, progress, check_cancelled)
    except Timeout as error:
        raise ModelError(
            f"{entry.title} is being downloaded already.",
            remedy="Wait for that download, or cancel it first.",
            code="model.busy",
            model=entry.id,
        ) from error


def _download(
    entry: RegistryEntry,
    work: Path,
    config: Config,
    progress: Callable[[int, int], None],
    check_cancelled: Callable[[], None],
) -> Path:
    remote = _locate(entry, config)
    part = work / f"{remote.version}.part"
    for other in work.glob("*.part"):
        if other != part:  # of a file that the publisher has replaced since
            other.unlink()
    here_bytes = part.stat().st_size if part.exists() else 0
    size_bytes = remote.size_bytes or entry.bytes or 0
    # The converted copy lies beside the download until that is verified and done with.
    check_free_disk(work, 2 * size_bytes - here_bytes + _SPARE_BYTES)
    fetch(remote, part, progress, check_cancelled)
    digest = _sha256(part, check_cancelled)
    _verify(entry, remote, digest, part, config)
    extras = _fetch_extras(entry, work, config, check_cancelled)
    weights = part.replace(work / f"download{Path(remote.name).suffix}")
    try:
        if is_archive(weights):
            weights = extract_weights(weights, work, entry.file)
        check_cancelled()
        provenance = Provenance(entry.id, FROM_REGISTRY, remote.source, digest)
        folder = install_checkpoint(weights, blueprint_of(entry, card_of(entry), extras), provenance, config)
    except BaseException:
        # What was fetched is good; it need not be fetched again after a cancel, a full disk or an engine's update.
        (work / f"download{Path(remote.name).suffix}").replace(part)
        raise
    shutil.rmtree(work, ignore_errors=True)
    return folder


def forget_hash(model_id: str, config: Config) -> None:
    """Forget the recorded digest of an entry's file, so that a changed file is accepted at the next download."""
    entry = find_entry(model_id, config)
    known = _known_hashes(config)
    if known.pop(_pin(entry), None) is not None:
        write_json(config.models_dir / HASHES_FILE_NAME, known)


def _locate(entry: RegistryEntry, config: Config) -> RemoteFile:
    if entry.repo:
        return locate_on_hub(entry.repo, (entry.file, *entry.other_files), entry.revision, config)
    return locate_at_url(entry.url)


def _fetch_extras(
    entry: RegistryEntry, work: Path, config: Config, check_cancelled: Callable[[], None]
) -> tuple[Path, ...]:
    """Fetch the small files that belong to a model; one that the repository lacks is left to the loader to miss."""
    fetched = []
    for name in entry.extra_files:
        try:
            remote = locate_on_hub(entry.repo, (name,), entry.revision, config)
        except ModelError as error:
            if error.code == "model.not_found":
                continue
            raise
        path = work / Path(name).name
        path.unlink(missing_ok=True)
        fetch(remote, path, lambda _done, _total: None, check_cancelled)
        fetched.append(path)
    return tuple(path for path in fetched if path.name != CONFIG_FILE_NAME)


def _verify(entry: RegistryEntry, remote: RemoteFile, digest: str, part: Path, config: Config) -> None:
    """Compare the digest with what is known of the file, and record it the first time.

    Raises:
        ModelError: ``model.hash``; the download is deleted then.
    """
    known = _known_hashes(config)
    expected = (
        (entry.sha256, "the registry says"),
        (known.get(_pin(entry), ""), "it was at its first download"),
        (remote.sha256, "the hub says"),
    )
    for wanted, whose in expected:
        if wanted and wanted != digest:
            part.unlink()
            raise ModelError(
                f"The downloaded {remote.name} is not the file that {whose}: its SHA-256 is {digest[:12]}... and not"
                f" {wanted[:12]}... It was deleted.",
                remedy="Download again. If it happens again, the publisher has replaced the file or something changes"
                " it on its way; once you trust it: satclip models remove --forget-hash ID.",
                code="model.hash",
                source=remote.source,
                expected=wanted,
                found=digest,
            )
    write_json(config.models_dir / HASHES_FILE_NAME, {**known, _pin(entry): digest})


def _known_hashes(config: Config) -> dict[str, str]:
    path = config.models_dir / HASHES_FILE_NAME
    if not path.is_file():
        return {}
    try:
        return {str(name): str(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            f"The digests of earlier downloads in {path} cannot be read: {error}.",
            remedy="Repair the file, or remove it if you trust the network.",
            code="model.record",
            path=str(path),
        ) from error


def _pin(entry: RegistryEntry) -> str:
    return f"{entry.source}/{entry.file}@{entry.revision}"


def _refuse_missing_packages(entry: RegistryEntry) -> None:
    missing = [name for name in entry.needs if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelError(
            f"{entry.title} needs the Python package {missing[0]}, which this engine does not bring.",
            remedy=f"Install it into the engine's environment (pip install {' '.join(missing)}), or choose a model"
            " that works without.",
            code="model.needs",
            model=entry.id,
            packages=missing,
        )


def _work_folder(model_id: str, config: Config) -> Path:
    work = config.models_dir / WORK_FOLDER / model_id
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable_models(config.models_dir, error) from error
    return work


def _sha256(path: Path, check_cancelled: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            check_cancelled()
            digest.update(block)
    return digest.hexdigest()
