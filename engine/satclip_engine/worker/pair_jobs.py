"""Jobs that make training sets of what others collected: data sets, and photos taken on the ground."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_engine.protocol import Artifact, ImportPairsRequest, PhotoPairsRequest, from_json
from satclip_engine.protocol.pair_import import PHOTOS_ROLE, SKIPPED_ROLE, TRAINING_SET_ROLE

if TYPE_CHECKING:
    from satclip_engine.worker.kinds import JobContext


def run_import_pairs(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Make a training set of a data set."""
    from satclip_engine.pairs.importing.run import import_pairs

    request = from_json(ImportPairsRequest, data)
    import_pairs(request, progress=context.progress, check_cancelled=context.check_cancelled)
    return _artifacts(Path(request.folder))


def run_photo_pairs(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Make a training set of geotagged photos and the imagery around them."""
    from satclip_engine.pairs.photos import photo_pairs

    request = from_json(PhotoPairsRequest, data)
    photo_pairs(request, progress=context.progress, check_cancelled=context.check_cancelled)
    return _artifacts(Path(request.folder))


def clean_up_pairs(data: dict[str, Any]) -> None:
    """Remove a half-made training set."""
    from satclip_engine.pairs.new_folder import unfinished_folder

    shutil.rmtree(unfinished_folder(Path(data["folder"])), ignore_errors=True)


def _artifacts(folder: Path) -> tuple[Artifact, ...]:
    from satclip_engine.pairs.new_folder import SKIPPED_FILE
    from satclip_engine.pairs.pair_set import INFO_FILE
    from satclip_engine.pairs.photos import PHOTOS_FILE
    from satclip_engine.products.artifacts import describe_artifact

    roles = {INFO_FILE: TRAINING_SET_ROLE, SKIPPED_FILE: SKIPPED_ROLE, PHOTOS_FILE: PHOTOS_ROLE}
    return tuple(describe_artifact(folder / name, role) for name, role in roles.items() if (folder / name).is_file())
