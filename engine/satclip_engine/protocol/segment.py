"""The question "segment": its request as dock, Processing, command line and notebook all send it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from .classes import ClassSet


@dataclass(frozen=True)
class Aoi:
    """An area of interest.

    Attributes:
        geometry: GeoJSON Polygon or MultiPolygon.
        crs: ``EPSG:n`` or WKT of the geometry; empty means the scene's own (pixel units where it has none).
    """

    geometry: dict[str, Any]
    crs: str = ""


@dataclass(frozen=True)
class PolygonOptions:
    """How to write polygons.

    Attributes:
        min_area_m2: Smaller patches are merged into their neighbours (square scene units without a CRS).
        simplify_px: Tolerance of the outline's simplification in pixels; 0 keeps every corner.
    """

    min_area_m2: float = 0.0
    simplify_px: float = 1.0


@dataclass(frozen=True)
class Outputs:
    """Which products to write; ``thematic.tif``, its style, the preview and the run card always are.

    Attributes:
        probabilities: Write ``probabilities.tif``.
        probability_dtype: ``uint8`` (scale/offset) or ``float32``.
        confidence: Write ``confidence.tif``.
        polygons: Write ``polygons.gpkg``, or None.
    """

    probabilities: bool = True
    probability_dtype: str = "uint8"
    confidence: bool = True
    polygons: Optional[PolygonOptions] = None


@dataclass(frozen=True)
class FeatureOptions:
    """What decides the feature map: change one and the scene is encoded anew.

    Attributes:
        model: A model's id, or the path of an open_clip folder or checkpoint.
        bands: ``auto``, a preset's id, or 1-based bands such as ``4,3,2``; more than three for models that see them.
        scaling: ``auto``, ``percentile``, ``percentile:LOW,HIGH``, ``reflectance``, or ``none``.
        gsd_m: Working ground sampling distance in metres per pixel; None lets model and scene decide.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        head_variant: Dense head of the encoder (algorithms: vanilla, maskclip, sclip, clearclip, naclip, segearth).
    """

    model: str = "mini"
    bands: str = "auto"
    scaling: str = "auto"
    gsd_m: Optional[float] = None
    device: str = "auto"
    precision: str = "auto"
    head_variant: str = "segearth"


@dataclass(frozen=True)
class TextOptions:
    """How words become scores; None takes the model's own default.

    Attributes:
        templates: Prompt templates, each with one ``{}``; empty takes the model's.
        global_bias: λ, weight of the window's global similarity (SegEarth-OV: -0.3).
        temperature: Factor on the logits before the softmax.
        unknown_below: Top probability below which a pixel is "unknown"; None never abstains.
        upsampler: ``guided`` or ``bilinear``.
    """

    templates: tuple[str, ...] = ()
    global_bias: Optional[float] = None
    temperature: Optional[float] = None
    unknown_below: Optional[float] = None
    upsampler: str = "guided"


@dataclass(frozen=True)
class SegmentRequest:
    """Words and a raster in, a map out.

    Attributes:
        scene: Path, ``/vsi...`` path or URL of a raster.
        classes: What to map; per-class thresholds and the background flag stand in it.
        out_dir: Folder for the products; made if missing.
        features: What decides the feature map.
        text: How words become scores.
        outputs: Which products.
        aoi: Area of interest, or None for the whole scene.
        head: Folder of a saved head that tells the classes apart; empty means by their words. ``classes`` are then the
            head's own.
    """

    scene: str
    classes: ClassSet
    out_dir: str
    features: FeatureOptions = field(default_factory=FeatureOptions)
    text: TextOptions = field(default_factory=TextOptions)
    outputs: Outputs = field(default_factory=Outputs)
    aoi: Optional[Aoi] = None
    head: str = ""


@dataclass(frozen=True)
class Estimate:
    """What a run will cost, said before it starts.

    Attributes:
        device: Human-readable device, e.g. ``CPU, 2 cores, bf16``.
        seconds: Expected duration from a measured speed; None where nothing was measured yet.
        disk_bytes: Cache and products together.
        cached_fraction: Share of the needed features that are already cached, in [0, 1].
        gsd_m: Working ground sampling distance; scene pixels where the scene has no CRS.
        notes: Things the user should know (no CRS, overview used, ...).
    """

    device: str
    seconds: Optional[float]
    disk_bytes: int
    cached_fraction: float
    gsd_m: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PreviewRequest:
    """Paint the classes over one view, from cached features only.

    Attributes:
        scene: As in ``SegmentRequest``.
        classes: As in ``SegmentRequest``.
        bounds: ``(left, bottom, right, top)`` of the view in the scene's CRS.
        width_px: Width of the picture.
        height_px: Height of the picture.
        features: As in ``SegmentRequest``.
        text: As in ``SegmentRequest``.
        head_id: A fitted head of the same engine run, from ``FitResult``; empty means by the classes' words.
    """

    scene: str
    classes: ClassSet
    bounds: tuple[float, float, float, float]
    width_px: int
    height_px: int
    features: FeatureOptions = field(default_factory=FeatureOptions)
    text: TextOptions = field(default_factory=TextOptions)
    head_id: str = ""


@dataclass(frozen=True)
class PreviewResult:
    """One repainted view.

    Attributes:
        png_base64: RGBA picture, transparent where nothing is known yet, invisible or nodata.
        bounds: ``(left, bottom, right, top)`` of the picture in the scene's CRS.
        known_fraction: Share of the view whose features were cached, in [0, 1]; the rest is being encoded.
        counts: Pixels per thematic code: nodata, classes in order, unknown.
        notes: Warnings, e.g. a phrase that matches nothing in the view.
    """

    png_base64: str
    bounds: tuple[float, float, float, float]
    known_fraction: float
    counts: tuple[int, ...]
    notes: tuple[str, ...] = ()
