"""From command-line options to the request that dock and Processing send too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from satclip_engine.cli.aoi import parse_aoi
from satclip_engine.errors import ClassesError, OptionError
from satclip_engine.problems import as_satclip_error
from satclip_engine.protocol import (
    ClassSet,
    ClassSyntaxError,
    FeatureOptions,
    Outputs,
    PolygonOptions,
    SegmentRequest,
    TextOptions,
    parse_classes,
)


@dataclass(frozen=True)
class SegmentOptions:
    """The options of ``satclip segment`` as they were written.

    Attributes:
        scene: Path or URL of the raster.
        classes: Text or file.
        out: Folder.
        model: Id or path.
        gsd: ``auto`` or metres.
        bands: Preset or numbers.
        scaling: Kind.
        aoi: Bounds, GeoJSON or file, or None.
        device: Device.
        precision: Precision.
        threshold: For every class but the background, or None.
        background: Name of the background class, or None.
        unknown: Top probability below which a pixel is unknown, or None.
        templates: Prompt templates.
        probabilities: ``uint8``, ``float32`` or ``none``.
        confidence: Whether ``confidence.tif`` is written.
        polygons: Minimum area in m², or None for no polygons.
    """

    scene: str
    classes: str
    out: str
    model: str
    gsd: str
    bands: str
    scaling: str
    aoi: str | None
    device: str
    precision: str
    threshold: float | None
    background: str | None
    unknown: float | None
    templates: tuple[str, ...]
    probabilities: str
    confidence: bool
    polygons: float | None


def build_request(options: SegmentOptions) -> SegmentRequest:
    """Return the request that ``options`` ask for, with absolute paths.

    Raises:
        InputError: if an option cannot be used.
    """
    return build_request_for(read_classes(options.classes), options)


def build_request_for(classes: ClassSet, options: SegmentOptions) -> SegmentRequest:
    """Return the request that ``options`` ask for about ``classes``; their own classes do not matter.

    Raises:
        InputError: if an option cannot be used.
    """
    for template in options.templates:
        if template.count("{}") != 1:
            raise OptionError(
                f"The template {template!r} does not have exactly one {{}}.",
                remedy="Write for example --templates 'a satellite photo of {}.'",
                code="option.template",
            )
    return SegmentRequest(
        scene=local_path(options.scene),
        classes=with_decisions(classes, options.threshold, options.background),
        out_dir=str(Path(options.out).resolve()),
        features=feature_options(
            options.model, options.gsd, options.bands, options.scaling, options.device, options.precision
        ),
        text=TextOptions(templates=options.templates, unknown_below=options.unknown),
        outputs=Outputs(
            probabilities=options.probabilities != "none",
            probability_dtype=options.probabilities if options.probabilities != "none" else "uint8",
            confidence=options.confidence,
            polygons=None if options.polygons is None else PolygonOptions(min_area_m2=options.polygons),
        ),
        aoi=None if options.aoi is None else parse_aoi(options.aoi),
    )


def feature_options(model: str, gsd: str, bands: str, scaling: str, device: str, precision: str) -> FeatureOptions:
    """Return what decides the feature map.

    Raises:
        OptionError: if ``gsd`` is no number of metres.
    """
    return FeatureOptions(
        # A bare name is an id, even where a folder of that name lies here.
        model=model if Path(model).name == model else local_path(model),
        bands=bands,
        scaling=scaling,
        gsd_m=parse_gsd(gsd),
        device=device,
        precision=precision,
    )


def read_classes(text: str) -> ClassSet:
    """Return the classes in ``text``, or in the file of that name.

    Raises:
        ClassesError: if the file or the classes cannot be read.
    """
    path = Path(text)
    is_name = "\n" not in text and ";" not in text and len(text) < 1000
    try:
        if is_name and path.is_file():
            text = path.read_text(encoding="utf-8")
        elif is_name and path.suffix.lower() in (".txt", ".csv"):
            raise ClassesError(f"There is no class file {text}.", remedy="Check the path.", code="classes.file")
    except (OSError, UnicodeDecodeError) as error:
        raise ClassesError(
            f"The class file {path} cannot be read: {error}.",
            remedy="Save it as UTF-8 text, one class per line.",
            code="classes.file",
        ) from error
    try:
        return parse_classes(text)
    except ClassSyntaxError as error:
        raise as_satclip_error(error) from error


def with_decisions(classes: ClassSet, threshold: float | None, background: str | None) -> ClassSet:
    """Return ``classes`` with one threshold for all and one of them as the background.

    Raises:
        ClassesError: if the background is none of them or the threshold is out of [0, 1].
    """
    if background is not None and background.casefold() not in [name.casefold() for name in classes.names]:
        raise ClassesError(
            f"The background {background!r} is none of the classes.",
            remedy=f"Name one of them: {', '.join(classes.names[:10])}; or add it to --classes.",
            code="classes.background",
        )
    specs = []
    for spec in classes.classes:
        is_background = background is not None and spec.name.casefold() == background.casefold()
        kept = spec.threshold if spec.threshold is not None or is_background else threshold
        specs.append(replace(spec, background=is_background or spec.background, threshold=kept))
    try:
        return ClassSet(tuple(specs))
    except ClassSyntaxError as error:
        raise as_satclip_error(error) from error


def parse_gsd(text: str) -> float | None:
    """Return metres per pixel, or None for ``auto``.

    Raises:
        OptionError: if it is neither.
    """
    if text == "auto":
        return None
    try:
        gsd_m = float(text)
    except ValueError:
        gsd_m = 0.0
    if not 0.0 < gsd_m < float("inf"):
        raise OptionError(
            f"The working resolution {text!r} is not a number of metres.",
            remedy="Write --gsd auto, or metres per pixel such as --gsd 0.5.",
            code="option.gsd",
        )
    return gsd_m


def local_path(path: str) -> str:
    """Return a local file's absolute path, so that the run card replays from anywhere; URLs and /vsi stay."""
    return str(Path(path).resolve()) if Path(path).exists() else path
