"""Jobs on training sets: made of layers, of what others collected, of photos; looked through, fixed and divided."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_engine.protocol import (
    FINDINGS_ROLE,
    PHOTOS_ROLE,
    SHARDS_ROLE,
    SKIPPED_ROLE,
    TRAINING_SET_ROLE,
    Artifact,
    BuildCaptionsRequest,
    CheckPairsRequest,
    ExportPairsRequest,
    ImportPairsRequest,
    PhotoPairsRequest,
    SplitPairsRequest,
    from_json,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satclip_engine.pairs.sampling import Bytes, Floats
    from satclip_engine.worker.kinds import JobContext


CHECKS_FOLDER = "pair-checks"


def run_build_captions(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Cut chips from a raster and say in words what layers know of them."""
    from satclip_engine.pairs.build import build_captions

    request = from_json(BuildCaptionsRequest, data)

    def described(pictures: Iterable[Bytes]) -> Floats:
        from satclip_engine.harness.vectors import describe

        # These jobs do not wait for the device, and so leave it alone.
        return describe(pictures, model=request.model, device="cpu", config=context.config)

    build_captions(
        request,
        config=context.config,
        describe=described,
        progress=context.progress,
        check_cancelled=context.check_cancelled,
    )
    return _artifacts(Path(request.folder))


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


def run_check_pairs(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Look a training set through, fixing what is asked for; what is found is the artifact ``findings``."""
    from satclip_engine.pairs.upkeep import check_pairs
    from satclip_engine.products.artifacts import describe_artifact

    request = from_json(CheckPairsRequest, data)
    found = check_pairs(
        request, config=context.config, progress=context.progress, check_cancelled=context.check_cancelled
    )
    # Not into the set: one that nobody may write to can be looked through all the same.
    folder = Path(request.folder)
    digest = hashlib.sha256(str(folder).encode()).hexdigest()
    path = context.config.data_dir / CHECKS_FOLDER / f"{folder.name}-{digest[:8]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(to_json(found), ensure_ascii=False), encoding="utf-8")
    return (describe_artifact(path, FINDINGS_ROLE),)


def run_split_pairs(data: dict[str, Any], _context: JobContext) -> tuple[Artifact, ...]:
    """Divide a training set by place."""
    from satclip_engine.pairs.upkeep import split_pairs

    request = from_json(SplitPairsRequest, data)
    split_pairs(request)
    return _artifacts(Path(request.folder))


def run_export_pairs(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Write a training set as webdataset shards."""
    from satclip_engine.pairs.shards import export_pairs

    request = from_json(ExportPairsRequest, data)
    export_pairs(request, progress=context.progress, check_cancelled=context.check_cancelled)
    return _artifacts(Path(request.out))


def clean_up_export_pairs(data: dict[str, Any]) -> None:
    """Remove half-written shards."""
    from satclip_engine.pairs.new_folder import unfinished_folder

    shutil.rmtree(unfinished_folder(Path(data["out"])), ignore_errors=True)


def clean_up_pairs(data: dict[str, Any]) -> None:
    """Remove a half-made training set."""
    from satclip_engine.pairs.new_folder import unfinished_folder

    shutil.rmtree(unfinished_folder(Path(data["folder"])), ignore_errors=True)


def _artifacts(folder: Path) -> tuple[Artifact, ...]:
    from satclip_engine.pairs.new_folder import SKIPPED_FILE
    from satclip_engine.pairs.pair_set import INFO_FILE
    from satclip_engine.pairs.photos import PHOTOS_FILE
    from satclip_engine.pairs.shards import SHARDS_FILE
    from satclip_engine.products.artifacts import describe_artifact

    roles = {
        INFO_FILE: TRAINING_SET_ROLE,
        SHARDS_FILE: SHARDS_ROLE,
        SKIPPED_FILE: SKIPPED_ROLE,
        PHOTOS_FILE: PHOTOS_ROLE,
    }
    return tuple(describe_artifact(folder / name, role) for name, role in roles.items() if (folder / name).is_file())
