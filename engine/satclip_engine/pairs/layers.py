"""What the layers of a request know of the chips of a scene."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from satclip_engine.pairs.attributes import attribute_covers, spelled_as_is, spelled_tidily
from satclip_engine.pairs.cut import Advance, Lattice
from satclip_engine.pairs.landcover import landcover_covers
from satclip_engine.pairs.saying import field_of
from satclip_engine.protocol import BuildCaptionsRequest, Cover, Facts, Indices


@dataclass(frozen=True)
class Known:
    """Chips and what is known of them.

    Attributes:
        lattice: The chips.
        facts: Of each.
        regions: Of each, or "".
        notes: What was left out or changed, and why.
    """

    lattice: Lattice
    facts: tuple[Facts, ...]
    regions: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names under which templates find what each source says."""
        return tuple(dict.fromkeys(field_of(cover.source) for facts in self.facts for cover in facts.covers))

    def only(self, places: Iterable[int]) -> Known:
        """Return the chips at ``places`` alone."""
        kept = tuple(places)
        return replace(
            self,
            lattice=replace(self.lattice, places=tuple(self.lattice.places[place] for place in kept)),
            facts=tuple(self.facts[place] for place in kept),
            regions=tuple(self.regions[place] for place in kept),
        )

    def with_indices(self, indices: Iterable[Indices]) -> Known:
        """Return the chips with their spectral indices."""
        return replace(
            self, facts=tuple(replace(facts, indices=of) for facts, of in zip(self.facts, indices, strict=True))
        )


def read_layers(request: BuildCaptionsRequest, lattice: Lattice, advance: Advance) -> Known:
    """Return what vector layers and land cover know of the chips; indices are not read yet.

    Raises:
        SamplesError: if a vector layer cannot be used.
        PairsError: ``pairs.codes`` or ``pairs.landcover``.
    """
    grid, chip_px = lattice.grid, lattice.chip_px
    corners = [(place.col, place.row) for place in lattice.places]
    layer_count = len(request.layers) + (request.landcover is not None) + (request.regions is not None)
    by_source: list[tuple[Cover, ...]] = []
    notes: list[str] = []
    regions = [request.region] * len(corners)

    def advance_in(number: int) -> Advance:
        return lambda share: advance((number + share) / layer_count)

    for number, file in enumerate(request.layers):
        covers, said = attribute_covers(file, grid, corners, chip_px, spelled_tidily, advance_in(number))
        by_source.append(covers)
        notes += said
    if request.landcover is not None:
        covers, said = landcover_covers(request.landcover, grid, corners, chip_px, advance_in(len(request.layers)))
        by_source.append(covers)
        notes += said
    if request.regions is not None:
        covers, said = attribute_covers(
            request.regions, grid, corners, chip_px, spelled_as_is, advance_in(layer_count - 1)
        )
        regions = [cover.shares[0].name if cover.shares else request.region for cover in covers]
        notes += said
    facts = tuple(Facts(covers) for covers in zip(*by_source, strict=True)) if by_source else (Facts(),) * len(corners)
    return Known(lattice, facts, tuple(regions), tuple(notes))
