"""Making a training set from layers, and what is wrong with one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .classes import ClassSet
from .sample_layers import SampleFile

BAD, DOUBTFUL, WORTH_KNOWING = "bad", "doubtful", "worth knowing"


@dataclass(frozen=True)
class CodedRaster:
    """A categorical raster, such as a land-cover map.

    Attributes:
        path: Absolute path.
        codes: What its codes mean: the code as the name, words as the phrases (``10: trees``). None takes the names
            that the raster carries.
    """

    path: str
    codes: Optional[ClassSet] = None


@dataclass(frozen=True)
class BuildCaptionsRequest:
    """Job ``build_captions``: cut chips from a raster and say in words what layers know of them.

    Attributes:
        scene: As in ``SegmentRequest``.
        folder: Absolute path of the training set; chips are added to one that lies there.
        layers: Vector layers; the values of a field say what covers the ground. A class's phrases are its words.
        landcover: A categorical raster, or None.
        indices: Words from NDVI, NDWI and NDBI, as far as the raster has the bands.
        regions: A vector layer of regions with names, or None.
        region: Name of the place where ``regions`` has none.
        season: As in "summer"; "" takes it from ``date``.
        date: ``2020``, ``2020-05`` or ``2020-05-14``; "" where unknown.
        sensor: As in "Sentinel-2"; "" where unknown.
        templates: Templates of captions, one per line; "" takes those that come with SatCLIP.
        chip_px: Side of a chip in pixels of the working resolution.
        gsd_m: Working resolution in metres per pixel, or None for the raster's own.
        count: Most chips, chosen so that space, classes and looks are balanced; None takes all.
        model: Chips that look alike to this model, by id or path, are one group of looks.
        save_chips: Write the chips as files instead of naming windows of the raster. With another resolution than
            the raster's they always are written.
        bands: As in ``FeatureOptions``.
        scaling: As in ``FeatureOptions``.
        title: For people; empty takes the folder's name.
        licence: Of imagery and words, for the cards of models trained on them.
        seed: Of the choice.
    """

    scene: str
    folder: str
    layers: tuple[SampleFile, ...] = ()
    landcover: Optional[CodedRaster] = None
    indices: bool = False
    regions: Optional[SampleFile] = None
    region: str = ""
    season: str = ""
    date: str = ""
    sensor: str = ""
    templates: str = ""
    chip_px: int = 224
    gsd_m: Optional[float] = None
    count: Optional[int] = None
    model: str = "mini"
    save_chips: bool = False
    bands: str = "auto"
    scaling: str = "auto"
    title: str = ""
    licence: str = ""
    seed: int = 0


@dataclass(frozen=True)
class Finding:
    """Something about a training set that its user should know before training.

    Attributes:
        code: Stable identifier, e.g. ``short``.
        severity: ``bad`` (training on it would harm), ``doubtful`` (look at it) or ``worth knowing``.
        sentence: What is so, and how often.
        pairs: Ids of the pairs it is about; empty where it is about the whole set.
        fix: What the fix does, in words; "" where only the user can help.
    """

    code: str
    severity: str
    sentence: str
    pairs: tuple[str, ...] = ()
    fix: str = ""
