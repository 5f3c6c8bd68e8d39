"""The kinds of job there are and the request each takes; what runs them is ``worker.kinds``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from satclip_engine.errors import OptionError
from satclip_engine.problems import as_satclip_error
from satclip_engine.protocol import (
    AssessDesignRequest,
    AssessReportRequest,
    BuildCaptionsRequest,
    CheckModelRequest,
    CheckPairsRequest,
    DownloadModelRequest,
    ExportModelRequest,
    ExportPairsRequest,
    ExportSamplesRequest,
    FitHeadRequest,
    ImportModelRequest,
    ImportPairsRequest,
    JobSpec,
    KeepBestRequest,
    MixModelsRequest,
    PhotoPairsRequest,
    ProtocolError,
    SegmentRequest,
    SplitPairsRequest,
    TrainRequest,
    from_json,
)

REQUEST_TYPES: Mapping[str, type[Any]] = {
    "segment": SegmentRequest,
    "fit": FitHeadRequest,
    "export_samples": ExportSamplesRequest,
    "download_model": DownloadModelRequest,
    "import_model": ImportModelRequest,
    "check_model": CheckModelRequest,
    "train": TrainRequest,
    "estimate_training": TrainRequest,
    "keep_best": KeepBestRequest,
    "export_model": ExportModelRequest,
    "mix_models": MixModelsRequest,
    "build_captions": BuildCaptionsRequest,
    "import_pairs": ImportPairsRequest,
    "photo_pairs": PhotoPairsRequest,
    "check_pairs": CheckPairsRequest,
    "split_pairs": SplitPairsRequest,
    "export_pairs": ExportPairsRequest,
    "assess_design": AssessDesignRequest,
    "assess_report": AssessReportRequest,
}

# These wait for the network or the disk and not for the device: no map waits for them, nor they for a map.
TRANSFER_KINDS = frozenset(
    {
        "download_model",
        "import_model",
        "assess_design",
        "assess_report",
        "build_captions",
        "import_pairs",
        "photo_pairs",
        "check_pairs",
        "split_pairs",
        "export_pairs",
    }
)

# Told to stop, these save where they are: they make room for other computing jobs and go on after them by themselves.
YIELDING_KINDS = frozenset({"train"})
# Where the requests of computing jobs name what they write.
_WRITTEN = ("out", "out_dir", "folder", "path")


def model_of(spec: JobSpec) -> str:
    """Return the model that a job reads or makes; empty where none is named."""
    return _named(spec, "model")


def share_room(one: JobSpec, other: JobSpec) -> bool:
    """Return whether one of two jobs must wait for the other.

    Transfers wait for transfers; of the others those that use the same device, or write to the same place.
    """
    if one.kind in TRANSFER_KINDS or other.kind in TRANSFER_KINDS:
        return one.kind in TRANSFER_KINDS and other.kind in TRANSFER_KINDS
    places = {one.request.get(name) for name in _WRITTEN} & {other.request.get(name) for name in _WRITTEN}
    return bool(places - {None}) or _share_device(_named(one, "device"), _named(other, "device"))


def _share_device(one: str, other: str) -> bool:
    names = {"cuda:0" if name == "cuda" else name or "auto" for name in (one, other)}
    if "auto" not in names:
        return len(names) == 1
    # Which device that is only torch can tell; it is never a second GPU.
    return not any(name.startswith("cuda:") and name != "cuda:0" for name in names)


def _named(spec: JobSpec, name: str) -> str:
    features = spec.request.get("features")
    return str((features if isinstance(features, dict) else spec.request).get(name) or "")


def check_spec(spec: JobSpec, request_types: Mapping[str, type[Any]]) -> None:
    """Accept a job before it is queued, so that a wrong request fails at once and not in a worker.

    Raises:
        SatclipError: if the kind is unknown or the request does not have its form.
    """
    request_type = request_types.get(spec.kind)
    if request_type is None:
        raise OptionError(
            f"This engine has no job of the kind {spec.kind!r}.",
            remedy="Update the engine so that it fits the plugin.",
            code="option.kind",
            kind=spec.kind,
        )
    try:
        from_json(request_type, spec.request)
    except ProtocolError as error:
        raise as_satclip_error(error) from error
