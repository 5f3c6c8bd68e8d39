"""The one protocol definition, loaded from the bundled engine: never a second copy.

The engine's package is read by path under a private module name, so that nothing else of the engine becomes
importable in QGIS's Python and no entry of ``sys.path`` changes.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

_MODULE_NAME = "_satclip_qgis_protocol"


def bundle_root() -> Path:
    """Return the folder that holds ``engine/`` and ``resources/``: the plugin's (in the zip) or the repository's.

    Raises:
        ImportError: if the plugin's files are incomplete.
    """
    plugin = Path(__file__).resolve().parent
    for root in (plugin, plugin.parent):
        if (root / "engine" / "satclip_engine" / "protocol" / "__init__.py").is_file():
            return root
    raise ImportError(f"The engine that belongs to SatCLIP is missing in {plugin}. Install the plugin again.")


def _load() -> ModuleType:
    """Load the package anew, so that an upgraded plugin never keeps an older definition."""
    for name in [name for name in sys.modules if name == _MODULE_NAME or name.startswith(_MODULE_NAME + ".")]:
        del sys.modules[name]
    folder = bundle_root() / "engine" / "satclip_engine" / "protocol"
    spec = importlib.util.spec_from_file_location(
        _MODULE_NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"Python cannot load {folder}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE_NAME] = module
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from satclip_engine.protocol import (
        ASSESSMENT_PAGE_ROLE,
        ASSESSMENT_ROLE,
        ASSESSMENT_TABLE_ROLE,
        BAD,
        CLIENT_HEADER,
        CURVES_FILE,
        DOUBTFUL,
        ENGINE_FILE_NAME,
        FINDINGS_ROLE,
        HEARTBEAT_S,
        LORA_FILE,
        METHODS,
        MODEL_CHECK_ROLE,
        MODEL_FILE_ROLE,
        PALETTE,
        PHOTOS_ROLE,
        POINTS_ROLE,
        PROTOCOL_VERSION,
        RUN_FOLDER,
        SHARDS_ROLE,
        SKIPPED_ROLE,
        SPLITS,
        STATE_FILE,
        TEST,
        TRAIN,
        TRAIN_ESTIMATE_ROLE,
        TRAINING_SET_ROLE,
        UNUSED,
        VALIDATION,
        WORTH_KNOWING,
        Advice,
        AdviceRequest,
        AdvisedPlace,
        Aoi,
        Artifact,
        AssessDesignRequest,
        AssessReportRequest,
        BuildCaptionsRequest,
        CheckModelRequest,
        CheckPairsRequest,
        ClassAccuracy,
        ClassEvidence,
        ClassSet,
        ClassSpec,
        ClassSyntaxError,
        CodedRaster,
        Confusion,
        CurvePoint,
        DesignOptions,
        DownloadModelRequest,
        EngineFile,
        Estimate,
        EstimatedShare,
        Event,
        ExportModelRequest,
        ExportPairsRequest,
        ExportSamplesRequest,
        FeatureOptions,
        Finding,
        FitHeadRequest,
        FitRequest,
        FitResult,
        HeadCard,
        HeadCardError,
        Hello,
        ImportModelRequest,
        ImportPairsRequest,
        JobSpec,
        JobState,
        JobView,
        KeepBestRequest,
        LearningPoint,
        MapAccuracy,
        Method,
        MixModelsRequest,
        ModelCheck,
        ModelInfo,
        Outputs,
        Pair,
        PairCheck,
        PairSetInfo,
        PhotoPairsRequest,
        PlannedClass,
        PolygonOptions,
        PreviewRequest,
        PreviewResult,
        Problem,
        ProgressUpdate,
        ProtocolError,
        Recipe,
        RecipeList,
        Sample,
        SampleDesign,
        SampleFile,
        SampleSizeRequest,
        SavedHead,
        SaveHeadRequest,
        SegmentRequest,
        SplitPairsRequest,
        Stage,
        TextOptions,
        TrainEstimate,
        TrainingResult,
        TrainRequest,
        format_classes,
        from_json,
        parse_classes,
        read_head_card,
        to_json,
    )
else:
    _protocol = _load()
    globals().update({name: getattr(_protocol, name) for name in _protocol.__all__})

__all__ = [
    "ASSESSMENT_PAGE_ROLE",
    "ASSESSMENT_ROLE",
    "ASSESSMENT_TABLE_ROLE",
    "BAD",
    "CLIENT_HEADER",
    "CURVES_FILE",
    "DOUBTFUL",
    "ENGINE_FILE_NAME",
    "FINDINGS_ROLE",
    "HEARTBEAT_S",
    "LORA_FILE",
    "METHODS",
    "MODEL_CHECK_ROLE",
    "MODEL_FILE_ROLE",
    "PALETTE",
    "PHOTOS_ROLE",
    "POINTS_ROLE",
    "PROTOCOL_VERSION",
    "RUN_FOLDER",
    "SHARDS_ROLE",
    "SKIPPED_ROLE",
    "SPLITS",
    "STATE_FILE",
    "TEST",
    "TRAIN",
    "TRAINING_SET_ROLE",
    "TRAIN_ESTIMATE_ROLE",
    "UNUSED",
    "VALIDATION",
    "WORTH_KNOWING",
    "Advice",
    "AdviceRequest",
    "AdvisedPlace",
    "Aoi",
    "Artifact",
    "AssessDesignRequest",
    "AssessReportRequest",
    "BuildCaptionsRequest",
    "CheckModelRequest",
    "CheckPairsRequest",
    "ClassAccuracy",
    "ClassEvidence",
    "ClassSet",
    "ClassSpec",
    "ClassSyntaxError",
    "CodedRaster",
    "Confusion",
    "CurvePoint",
    "DesignOptions",
    "DownloadModelRequest",
    "EngineFile",
    "Estimate",
    "EstimatedShare",
    "Event",
    "ExportModelRequest",
    "ExportPairsRequest",
    "ExportSamplesRequest",
    "FeatureOptions",
    "Finding",
    "FitHeadRequest",
    "FitRequest",
    "FitResult",
    "HeadCard",
    "HeadCardError",
    "Hello",
    "ImportModelRequest",
    "ImportPairsRequest",
    "JobSpec",
    "JobState",
    "JobView",
    "KeepBestRequest",
    "LearningPoint",
    "MapAccuracy",
    "Method",
    "MixModelsRequest",
    "ModelCheck",
    "ModelInfo",
    "Outputs",
    "Pair",
    "PairCheck",
    "PairSetInfo",
    "PhotoPairsRequest",
    "PlannedClass",
    "PolygonOptions",
    "PreviewRequest",
    "PreviewResult",
    "Problem",
    "ProgressUpdate",
    "ProtocolError",
    "Recipe",
    "RecipeList",
    "Sample",
    "SampleDesign",
    "SampleFile",
    "SampleSizeRequest",
    "SaveHeadRequest",
    "SavedHead",
    "SegmentRequest",
    "SplitPairsRequest",
    "Stage",
    "TextOptions",
    "TrainEstimate",
    "TrainRequest",
    "TrainingResult",
    "bundle_root",
    "format_classes",
    "from_json",
    "parse_classes",
    "read_head_card",
    "to_json",
]
