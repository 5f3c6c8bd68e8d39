"""What a run will cost, from the speed measured on this machine, said before it starts."""

from __future__ import annotations

from satclip_engine.config import Config
from satclip_engine.features.encode import windows_to_encode
from satclip_engine.products.staging import product_bytes
from satclip_engine.protocol import Estimate, SegmentRequest
from satclip_engine.questions.pixels import chunks_of
from satclip_engine.questions.session import Session
from satclip_engine.questions.speeds import SpeedBook
from satclip_engine.raster.aoi import locate_aoi


def estimate(request: SegmentRequest, config: Config) -> Estimate:
    """Return the expected cost of ``request``; loads the encoder for it."""
    return estimate_warm(request, Session(config))


def estimate_warm(request: SegmentRequest, session: Session) -> Estimate:
    """Return the expected cost of ``request`` with what ``session`` keeps warm.

    The first estimate with an encoder measures its speed on two batches of noise.

    Raises:
        SatclipError: if scene, model or area cannot be used.
    """
    source, feature_map = session.source(request.scene, request.features)
    aoi = locate_aoi(request.aoi, source.scene.grid)
    chunks = chunks_of(aoi, source)
    missing = feature_map.missing(chunks)
    book = SpeedBook(session.config.cache_dir)
    speeds = book.get(source.encoder) or book.measure(source.encoder, session.runner(source.encoder))
    pixels = int(aoi.window.width) * int(aoi.window.height)
    encode_s = len(windows_to_encode(feature_map, chunks)) / speeds.windows_per_s
    map_s = pixels / speeds.pixels_per_s if speeds.pixels_per_s else 0.0
    return Estimate(
        device=source.encoder.device_label,
        seconds=max(encode_s, map_s),
        disk_bytes=feature_map.size_bytes(len(missing)) + product_bytes(aoi.grid, request),
        cached_fraction=1 - len(missing) / max(len(chunks), 1),
        gsd_m=source.grid.gsd_m,
        notes=source.scene.notes,
    )
