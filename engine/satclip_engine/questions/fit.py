"""The question "fit": samples of one scene to a head, all at once, as job and command line ask it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.cache import wait_for_write_lock
from satclip_engine.features.encode import encode, windows_to_encode
from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.layout import Chunk
from satclip_engine.features.source import FeatureSource
from satclip_engine.heads.saved import check_folder
from satclip_engine.models.encoder import encoder_for
from satclip_engine.protocol import FitHeadRequest, FitRequest, FitResult, ProgressUpdate, SavedHead
from satclip_engine.questions.fitting import describe, fit_examples, refuse_one_class
from satclip_engine.questions.ground import grounded
from satclip_engine.questions.keep import keep_head
from satclip_engine.questions.progress import RunProgress
from satclip_engine.questions.search import Measured, measure
from satclip_engine.questions.taught import TaughtHead, words_of
from satclip_engine.raster.scene import open_scene
from satclip_engine.samples.gather import SampleGatherer, chunks_under
from satclip_engine.samples.labelled import read_labelled

# Share of a fit's time that encoding takes where something is to be encoded, for the progress bar only.
_ENCODE_SHARE = 0.95


@dataclass(frozen=True)
class LayerFit:
    """What came of a layer of samples.

    Attributes:
        saved: The head on disk.
        attribute: The field the classes were read from.
        result: The fit, with what was left out of the layer among its notes.
        measured: How it did on places it had not seen.
    """

    saved: SavedHead
    attribute: str
    result: FitResult
    measured: Measured


def fit_layer(
    request: FitHeadRequest,
    *,
    config: Config,
    progress: Callable[[ProgressUpdate], None],
    check_cancelled: Callable[[], None],
) -> LayerFit:
    """Learn classes from a layer of samples and keep the head in a folder.

    Args:
        request: Scene, layer and folder.
        config: Folders and limits.
        progress: Receives progress updates.
        check_cancelled: Raises ``CancelledError`` when the user asked to stop.

    Raises:
        SatclipError: for everything a person can act on.
    """
    folder, options = Path(request.folder), request.features
    check_folder(folder)
    with open_scene(request.scene, bands=options.bands, scaling=options.scaling) as scene:
        labelled = read_labelled(request.samples, scene.grid)
    asked = FitRequest(request.scene, labelled.classes, labelled.samples, options)
    taught, measured = fit(asked, config=config, progress=progress, check_cancelled=check_cancelled)
    result = replace(taught.result, notes=(*labelled.notes, *taught.result.notes))
    check_cancelled()
    saved = keep_head(replace(taught, result=result), folder, request.title)
    return LayerFit(saved, labelled.attribute, result, measured)


def fit(
    request: FitRequest,
    *,
    config: Config,
    progress: Callable[[ProgressUpdate], None],
    check_cancelled: Callable[[], None],
) -> tuple[TaughtHead, Measured]:
    """Encode the ground under the samples, search for the best kind of head, and fit it.

    Args:
        request: Scene, classes and samples.
        config: Folders and limits.
        progress: Receives progress updates.
        check_cancelled: Raises ``CancelledError`` when the user asked to stop.

    Returns:
        The head, and how it did on places it had not seen.

    Raises:
        SatclipError: for everything a person can act on.
    """
    refuse_one_class(request.classes)
    options = request.features
    with open_scene(request.scene, bands=options.bands, scaling=options.scaling) as scene:
        encoder = encoder_for(options, config)
        source = FeatureSource.of(scene, encoder, options)
        feature_map = source.open_map(config.cache_dir)
        chunks = feature_map.missing(chunks_under(source, request.samples))
        report = RunProgress(progress, check_cancelled, encoder.device_label, _ENCODE_SHARE if chunks else 0.0)
        _encode(source, feature_map, chunks, report)
        gathered = SampleGatherer(feature_map, source).gather(request.samples)
        words = grounded(words_of(encoder, request.classes, request.text), feature_map, len(request.classes))
        measured = measure(gathered.examples, words, request.classes)
        report.mapped(1.0)
        found = fit_examples(gathered.examples, words, request.classes, measured, None)
        result = describe(secrets.token_hex(8), found, gathered, request.classes)
        return TaughtHead.of(request, result, found, gathered.examples, source), measured


def _encode(source: FeatureSource, feature_map: FeatureMap, chunks: list[Chunk], report: RunProgress) -> None:
    if chunks:
        with wait_for_write_lock(feature_map.path, report.check_cancelled):
            feature_map.reload()
            count = max(len(windows_to_encode(feature_map, chunks)), 1)
            encode(
                source.scene,
                source.grid,
                BatchRunner(source.encoder),
                feature_map,
                chunks,
                on_chunk=lambda _: None,
                on_windows=lambda done: report.encoded(min(done / count, 1.0)),
            )
    report.encoded(1.0)
