"""Making a training set from what others collected: data sets, and photos taken on the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

# Roles of the artifacts of both jobs: set.json; where something was left out the list of it; the photos on the map.
TRAINING_SET_ROLE, SKIPPED_ROLE, PHOTOS_ROLE = "training_set", "skipped", "photos"


@dataclass(frozen=True)
class ImportPairsRequest:
    """Job ``import_pairs``: make a training set of a data set with images and captions.

    Attributes:
        source: Absolute path of its folder, its list of captions or its archive.
        folder: Absolute path of the training set; must not hold anything yet.
        layout: Key of the data set's layout; empty finds out.
        copy: Copy image files into the set; otherwise it names them where they lie.
        title: For people; empty takes the data set's.
        licence: Of images and captions, for the cards of models trained on them; empty takes the data set's.
    """

    source: str
    folder: str
    layout: str = ""
    copy: bool = False
    title: str = ""
    licence: str = ""


@dataclass(frozen=True)
class PhotoPairsRequest:
    """Job ``photo_pairs``: make a training set of geotagged photos and the imagery around them.

    Attributes:
        scene: As in ``SegmentRequest``.
        photos: Absolute path of a folder of photos, or of a vector file of points with a field of their paths.
        folder: Absolute path of the training set; must not hold anything yet.
        layer: Name of the vector file's layer; empty takes the only one.
        attribute: Its field with the paths; empty looks for one called photo, path or alike.
        side_m: Side of the square of imagery around a place.
        group_m: Photos this near to each other are of one place.
        gsd_m: Working resolution in metres per pixel; None takes the raster's own, or a coarser one where a chip would
            have too many pixels.
        swap_coordinates: Photos that lie on the imagery only with longitude and latitude swapped are taken so.
        bands: As in ``FeatureOptions``.
        scaling: As in ``FeatureOptions``.
        title: For people; empty takes the name of ``photos``.
        licence: Of imagery and photos, for the cards of models trained on them.
    """

    scene: str
    photos: str
    folder: str
    layer: str = ""
    attribute: str = ""
    side_m: float = 1000.0
    group_m: float = 30.0
    gsd_m: Optional[float] = None
    swap_coordinates: bool = False
    bands: str = "auto"
    scaling: str = "auto"
    title: str = ""
    licence: str = ""
