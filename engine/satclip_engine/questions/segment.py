"""The question "segment": classes in words in, thematic map and probabilities out."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.features import cache
from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.cache import wait_for_write_lock
from satclip_engine.features.encode import encode, windows_to_encode
from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.source import FeatureSource
from satclip_engine.heads.decision import DecisionRule
from satclip_engine.heads.head import Head
from satclip_engine.models.encoder import Encoder, encoder_for
from satclip_engine.products.finish import finish_products
from satclip_engine.products.rasters import RasterProducts
from satclip_engine.products.staging import Staging
from satclip_engine.protocol import Artifact, ProgressUpdate, SegmentRequest
from satclip_engine.questions.keep import head_for
from satclip_engine.questions.mapping import ChunkGate, GateClosedError, map_blocks
from satclip_engine.questions.pixels import PixelMapper, chunks_of, fine_factor
from satclip_engine.questions.progress import RunProgress
from satclip_engine.questions.scores import ScoreMap
from satclip_engine.questions.speeds import SpeedBook
from satclip_engine.questions.taught import scene_facts
from satclip_engine.raster.aoi import PixelAoi, locate_aoi
from satclip_engine.raster.scene import open_scene

# Share of a run's time that encoding takes while nothing is cached, for the progress bar only.
_ENCODE_SHARE = 0.9


@dataclass(frozen=True)
class SegmentTimings:
    """What a run did and how long it took.

    Attributes:
        encode_s: Wall time until the last chunk was finished.
        total_s: Wall time of the whole run.
        windows: Encoder windows run.
        pixels: Pixels of the output grid.
    """

    encode_s: float
    total_s: float
    windows: int
    pixels: int


def segment(
    request: SegmentRequest,
    *,
    config: Config,
    progress: Callable[[ProgressUpdate], None],
    check_cancelled: Callable[[], None],
    job_id: str,
    encoder: Encoder | None = None,
) -> tuple[Artifact, ...]:
    """Map ``request.classes`` over the scene.

    Features are encoded (or taken from the cache) in one thread while another scores, upsamples and writes the
    blocks whose features are there, so that reading and writing cost no time of their own.

    Args:
        request: What to map and how.
        config: Folders and limits.
        progress: Receives progress updates.
        check_cancelled: Raises ``CancelledError`` when the user asked to stop.
        job_id: Names the staging folder, so that a resumed job finds its own.
        encoder: The request's model where it is loaded already, for many scenes in a row; None loads it.

    Returns:
        The finished products.

    Raises:
        SatclipError: for everything a person can act on.
    """
    with open_scene(request.scene, bands=request.features.bands, scaling=request.features.scaling) as scene:
        aoi = locate_aoi(request.aoi, scene.grid)
        with Staging(Path(request.out_dir), job_id) as staging:
            options = request.features
            encoder = encoder or encoder_for(options, config)
            source = FeatureSource.of(scene, encoder, options)
            head, head_facts = head_for(request, encoder)
            feature_map = source.open_map(config.cache_dir)
            staging.check_free_disk(aoi.grid, request, feature_map.size_bytes(len(list(source.layout.all_chunks()))))
            run = _Run(request, source, head, feature_map, aoi, config)
            report = RunProgress(progress, check_cancelled, encoder.device_label, run.encode_share)
            products = RasterProducts(staging.folder, aoi.grid, request.classes, request.outputs)
            with products:
                timings = run.execute(products, report)
            report.finishing()
            artifacts = finish_products(staging, request, {**source_facts(source, timings), **head_facts})
    cache.evict(config.cache_dir, config.cache_limit_bytes, keep=feature_map.path)
    return artifacts


def source_facts(source: FeatureSource, timings: SegmentTimings) -> dict[str, object]:
    """Return what the run card records beyond the request."""
    return {
        "scene": scene_facts(source),
        "encoder": source.encoder.identity(),
        "device": source.encoder.device_label,
        "timings": {
            "encode_s": round(timings.encode_s, 3),
            "total_s": round(timings.total_s, 3),
            "windows": timings.windows,
            "pixels": timings.pixels,
        },
    }


class _Run:
    """One pass over the scene: the encoding thread and the mapping thread."""

    def __init__(
        self,
        request: SegmentRequest,
        source: FeatureSource,
        head: Head,
        feature_map: FeatureMap,
        aoi: PixelAoi,
        config: Config,
    ) -> None:
        self._request, self._source, self._head = request, source, head
        self._map, self._aoi, self._config = feature_map, aoi, config
        self._chunks = chunks_of(aoi, source)
        self._window_count = len(windows_to_encode(feature_map, self._chunks))

    @property
    def encode_share(self) -> float:
        """Expected share of the time that encoding takes."""
        return _ENCODE_SHARE if self._window_count else 0.0

    def execute(self, products: RasterProducts, report: RunProgress) -> SegmentTimings:
        """Encode and map at the same time; return what it took."""
        started_s = time.perf_counter()
        gate = ChunkGate()
        with ThreadPoolExecutor(1, thread_name_prefix="mapping") as pool:
            mapping = pool.submit(self._map_blocks, products, gate, report)
            try:
                self._encode(gate, report, mapping)
            except BaseException:
                gate.close()
                failure = mapping.exception()
                if failure is not None and not isinstance(failure, GateClosedError):
                    raise failure from None
                raise
            encode_s = time.perf_counter() - started_s
            mapping.result()
        total_s = time.perf_counter() - started_s
        pixels = int(self._aoi.window.width) * int(self._aoi.window.height)
        if encode_s < total_s / 2:  # mapping set the pace, so its own speed shows
            SpeedBook(self._config.cache_dir).put_pixels(self._source.encoder, pixels / total_s)
        return SegmentTimings(encode_s, total_s, self._window_count, pixels)

    def _encode(self, gate: ChunkGate, report: RunProgress, mapping: Future[None]) -> None:
        def on_windows(count: int) -> None:
            if mapping.done():  # it only ends before the encoding when it failed
                raise GateClosedError
            report.encoded(count / max(self._window_count, 1))

        if self._window_count:
            with wait_for_write_lock(self._map.path, report.check_cancelled):
                self._map.reload()
                self._encode_locked(gate, on_windows)
        else:
            for chunk in self._chunks:
                gate.finish(chunk)
        report.encoded(1.0)

    def _encode_locked(self, gate: ChunkGate, on_windows: Callable[[int], None]) -> None:
        source = self._source
        runner = BatchRunner(source.encoder)
        started_s = time.perf_counter()
        encode(source.scene, source.grid, runner, self._map, self._chunks, on_chunk=gate.finish, on_windows=on_windows)
        windows_per_s = self._window_count / (time.perf_counter() - started_s)
        SpeedBook(self._config.cache_dir).put_windows(source.encoder, windows_per_s)

    def _map_blocks(self, products: RasterProducts, gate: ChunkGate, report: RunProgress) -> None:
        source, text = self._source, self._request.text
        scores = ScoreMap(self._map, self._head, keep_chunks=2 * source.layout.chunk_cols + 4)
        factor = fine_factor(source.layout.cell_px, source.working_per_row)
        rule = DecisionRule.from_classes(self._request.classes, text.unknown_below)
        mapper = PixelMapper(source.layout, scores, self._head.temperature, factor)
        guided = text.upsampler == "guided"
        map_blocks(source, mapper, rule, self._aoi, products, guided=guided, gate=gate, on_share=report.mapped)
