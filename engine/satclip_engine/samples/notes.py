"""What people are told about samples that did not, or not wholly, become examples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GatherCounts:
    """How many samples, or cells, something happened to.

    Attributes:
        samples: All samples.
        outside: Samples outside the raster.
        on_nodata: Samples wholly on nodata.
        partly_on_nodata: Samples partly on nodata.
        contradictions: Cells under samples of several classes.
        small: Polygons without a cell's centre inside.
        repaired: Self-intersecting polygons.
        cell_px: Side of a cell in working pixels.
        thinned_from: Cells under all samples, at most 200 each.
        thinned_to: Cells taken.
    """

    samples: int
    outside: int
    on_nodata: int
    partly_on_nodata: int
    contradictions: int
    small: int
    repaired: int
    cell_px: int
    thinned_from: int
    thinned_to: int


def gather_notes(counts: GatherCounts) -> tuple[str, ...]:
    """Return a sentence for each thing that happened, the gravest first."""
    c = counts
    sentences = [
        (c.outside, f"{c.outside} of {counted(c.samples, 'sample')} {_lies(c.outside)} outside the raster: left out."),
        (c.on_nodata, f"{c.on_nodata} of {counted(c.samples, 'sample')} {_lies(c.on_nodata)} on nodata: left out."),
        (
            c.contradictions,
            f"{counted(c.contradictions, 'cell')} ({c.cell_px} px) {_lies(c.contradictions)} under samples of "
            "different classes: the later sample counts there.",
        ),
        (
            c.partly_on_nodata,
            f"{counted(c.partly_on_nodata, 'sample')} {_lies(c.partly_on_nodata)} partly on nodata: only the rest "
            "counts.",
        ),
        (
            c.small,
            f"{counted(c.small, 'polygon')} {'is' if c.small == 1 else 'are'} smaller than a cell ({c.cell_px} px): "
            "the cell under the middle was taken.",
        ),
        (c.repaired, repaired_note(c.repaired)),
        (
            c.thinned_from - c.thinned_to,
            f"{c.thinned_to} of the {c.thinned_from} cells under the samples were taken, evenly spread.",
        ),
    ]
    return tuple(sentence for number, sentence in sentences if number)


def repaired_note(count: int) -> str:
    """Return the sentence about ``count`` repaired geometries."""
    return f"{counted(count, 'geometry', 'geometries')} crossed {'itself' if count == 1 else 'themselves'}: repaired."


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return ``number`` with its noun."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def _lies(number: int) -> str:
    return "lies" if number == 1 else "lie"
