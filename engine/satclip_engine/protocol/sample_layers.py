"""Jobs on a whole layer of samples: learn a head from it, write it as chips."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from .classes import ClassSet
from .segment import FeatureOptions


@dataclass(frozen=True)
class SampleFile:
    """Labelled points, lines and polygons in a vector file.

    Attributes:
        path: Absolute path of a GeoPackage, Shapefile, GeoJSON or whatever else GDAL reads.
        layer: Name of the layer; empty takes the only one.
        attribute: Field that names the classes; empty takes the only text field.
        classes: Those wanted, with words if they have any; None takes the field's values.
    """

    path: str
    layer: str = ""
    attribute: str = ""
    classes: Optional[ClassSet] = None


@dataclass(frozen=True)
class FitHeadRequest:
    """Job ``fit``: learn classes from a layer of samples and keep the head in a folder.

    Attributes:
        scene: As in ``SegmentRequest``.
        samples: What to learn from.
        folder: Absolute path; made if missing. A head that lies there is replaced.
        features: As in ``SegmentRequest``.
        title: For people; empty takes the folder's name.
    """

    scene: str
    samples: SampleFile
    folder: str
    features: FeatureOptions = field(default_factory=FeatureOptions)
    title: str = ""


@dataclass(frozen=True)
class ExportSamplesRequest:
    """Job ``export_samples``: write the surroundings of samples as image chips and masks.

    Attributes:
        scene: As in ``SegmentRequest``.
        samples: What to write.
        folder: Absolute path of a folder that does not hold anything yet.
        chip_px: Side of a chip in pixels of the scene.
        bands: As in ``FeatureOptions``.
        scaling: As in ``FeatureOptions``.
    """

    scene: str
    samples: SampleFile
    folder: str
    chip_px: int = 256
    bands: str = "auto"
    scaling: str = "auto"
