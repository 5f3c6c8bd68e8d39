"""What can be done with a fitted head: keep it, and ask it where the next sample would help."""

from __future__ import annotations

from dataclasses import dataclass

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class SaveHeadRequest:
    """Keep a fitted head in a folder: weights, classes, samples and how it was made.

    Attributes:
        head_id: From ``FitResult``, of the same engine run.
        folder: Absolute path; made if missing. A head that lies there is replaced.
        title: For people.
    """

    head_id: str
    folder: str
    title: str = ""


@dataclass(frozen=True)
class SavedHead:
    """A head on disk.

    Attributes:
        folder: Where it lies; usable as ``SegmentRequest.head``.
        title: For people.
        method: The kind of head.
    """

    folder: str
    title: str
    method: str


@dataclass(frozen=True)
class AdviceRequest:
    """Ask where labels would help most.

    Attributes:
        head_id: From ``FitResult``, of the same engine run.
        bounds: ``(left, bottom, right, top)`` of the part to search, in the scene's CRS.
        count: Most places to name.
    """

    head_id: str
    bounds: Bounds
    count: int = 8


@dataclass(frozen=True)
class AdvisedPlace:
    """A place whose class the head cannot tell.

    Attributes:
        x: In the scene's CRS.
        y: In the scene's CRS.
        bounds: ``(left, bottom, right, top)`` of the cell in question.
        first: 0-based class that wins there by a little.
        second: The class it cannot be told from.
        margin: Difference of their probabilities, in [0, 1].
        thumbnail_png_base64: The ground around it.
    """

    x: float
    y: float
    bounds: Bounds
    first: int
    second: int
    margin: float
    thumbnail_png_base64: str


@dataclass(frozen=True)
class Advice:
    """Places to label, the most helpful first, each in a region of its own.

    Attributes:
        places: At most as many as were asked for.
        known_fraction: Share of the part whose features were there to be searched, in [0, 1].
    """

    places: tuple[AdvisedPlace, ...]
    known_fraction: float
