"""Accuracy assessment of a map as both sides see it: how a sample is designed, and what its labels say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

POINTS_ROLE = "sample_points"
ASSESSMENT_ROLE = "assessment"
ASSESSMENT_PAGE_ROLE = "assessment_page"
ASSESSMENT_TABLE_ROLE = "assessment_table"


@dataclass(frozen=True)
class DesignOptions:
    """How a sample is designed.

    Attributes:
        standard_error: Wanted of the overall accuracy; decides the size unless ``total`` does.
        expected_accuracy: User's accuracy expected of every class, in [0, 1].
        expected_by_class: The same for single classes, by name or code.
        min_per_class: Points that every class gets, however rare.
        total: Points in all, or None.
        seed: Of the draw.
    """

    standard_error: float = 0.01
    expected_accuracy: float = 0.85
    expected_by_class: dict[str, float] = field(default_factory=dict)
    min_per_class: int = 50
    total: Optional[int] = None
    seed: int = 0


@dataclass(frozen=True)
class SampleSizeRequest:
    """Ask how many points a map needs, without drawing them.

    Attributes:
        map: The map's path.
        options: How the sample is designed.
    """

    map: str
    options: DesignOptions = field(default_factory=DesignOptions)


@dataclass(frozen=True)
class AssessDesignRequest:
    """Job ``assess_design``: draw the points of a map that are to be labelled.

    Attributes:
        map: The map's path.
        points: GeoPackage to write; must not exist.
        options: How the sample is designed.
    """

    map: str
    points: str
    options: DesignOptions = field(default_factory=DesignOptions)


@dataclass(frozen=True)
class AssessReportRequest:
    """Job ``assess_report``: estimate accuracy and areas of a map from its labelled points.

    Attributes:
        map: The map's path.
        points: The labelled GeoPackage.
        out_dir: Folder of the report; made if missing.
    """

    map: str
    points: str
    out_dir: str


@dataclass(frozen=True)
class PlannedClass:
    """A class of the map in a sample.

    Attributes:
        name: Of the class.
        area: Mapped, in the unit of ``SampleDesign.area_unit``.
        points: Drawn from it.
        expected_standard_error: Of its user's accuracy; None with fewer than two points.
        colour: ``#RRGGBB``; empty where the map names none.
    """

    name: str
    area: float
    points: int
    expected_standard_error: Optional[float]
    colour: str = ""


@dataclass(frozen=True)
class SampleDesign:
    """The size of a sample, class by class.

    Attributes:
        total: Points in all.
        expected_standard_error: Of the overall accuracy; None where a class has fewer than two points.
        classes: In the order of codes.
        area_unit: ``m2``, or ``pixels`` where the map has no CRS.
        notes: Sentences.
    """

    total: int
    expected_standard_error: Optional[float]
    classes: tuple[PlannedClass, ...]
    area_unit: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EstimatedShare:
    """A share in [0, 1] with its uncertainty; None where the labels do not tell.

    Attributes:
        value: The estimate.
        standard_error: Of it.
        margin_95: Half the width of its 95 % interval.
    """

    value: Optional[float]
    standard_error: Optional[float]
    margin_95: Optional[float]


@dataclass(frozen=True)
class ClassAccuracy:
    """What the labels say about one class.

    Attributes:
        name: Of the class.
        users_accuracy: Of what is mapped as the class, the share that is it.
        producers_accuracy: Of what is the class, the share that is mapped as it.
        area_share: Of the whole area, the share that is the class in truth.
        mapped_area: In the unit of ``MapAccuracy.area_unit``.
        colour: ``#RRGGBB``; empty where the map names none.
    """

    name: str
    users_accuracy: EstimatedShare
    producers_accuracy: EstimatedShare
    area_share: EstimatedShare
    mapped_area: float
    colour: str = ""


@dataclass(frozen=True)
class MapAccuracy:
    """What the labels say about a map; also the contents of the artifact ``assessment``.

    Attributes:
        points: With a label.
        unlabelled: Points left out for want of one.
        overall_accuracy: Share of the area that shows the right class.
        classes: In the order of codes.
        total_area: In the unit of ``area_unit``.
        area_unit: ``m2``, or ``pixels`` where the map has no CRS.
        notes: Sentences that qualify the numbers.
    """

    points: int
    unlabelled: int
    overall_accuracy: EstimatedShare
    classes: tuple[ClassAccuracy, ...]
    total_area: float
    area_unit: str
    notes: tuple[str, ...] = ()
