"""The contract between plugin and engine: frozen dataclasses, standard library only, Python 3.9 syntax."""

from .classes import (
    PALETTE,
    ClassSet,
    ClassSpec,
    ClassSyntaxError,
    format_classes,
    parse_classes,
)
from .codec import ProtocolError, from_json, to_json
from .engine import CLIENT_HEADER, ENGINE_FILE_NAME, HEARTBEAT_S, PROTOCOL_VERSION, EngineFile, Hello
from .jobs import Artifact, Event, JobSpec, JobState, JobView, Problem, ProgressUpdate
from .models import (
    MODEL_CHECK_ROLE,
    CheckModelRequest,
    DownloadModelRequest,
    ImportModelRequest,
    ModelCheck,
    ModelInfo,
)
from .samples import CandidateScore, ClassEvidence, FitRequest, FitResult, Sample
from .segment import (
    Aoi,
    Estimate,
    FeatureOptions,
    Outputs,
    PolygonOptions,
    PreviewRequest,
    PreviewResult,
    SegmentRequest,
    TextOptions,
)
from .teach import Advice, AdviceRequest, AdvisedPlace, SavedHead, SaveHeadRequest

__all__ = [
    "CLIENT_HEADER",
    "ENGINE_FILE_NAME",
    "HEARTBEAT_S",
    "MODEL_CHECK_ROLE",
    "PALETTE",
    "PROTOCOL_VERSION",
    "Advice",
    "AdviceRequest",
    "AdvisedPlace",
    "Aoi",
    "Artifact",
    "CandidateScore",
    "CheckModelRequest",
    "ClassEvidence",
    "ClassSet",
    "ClassSpec",
    "ClassSyntaxError",
    "DownloadModelRequest",
    "EngineFile",
    "Estimate",
    "Event",
    "FeatureOptions",
    "FitRequest",
    "FitResult",
    "Hello",
    "ImportModelRequest",
    "JobSpec",
    "JobState",
    "JobView",
    "ModelCheck",
    "ModelInfo",
    "Outputs",
    "PolygonOptions",
    "PreviewRequest",
    "PreviewResult",
    "Problem",
    "ProgressUpdate",
    "ProtocolError",
    "Sample",
    "SaveHeadRequest",
    "SavedHead",
    "SegmentRequest",
    "TextOptions",
    "format_classes",
    "from_json",
    "parse_classes",
    "to_json",
]
