"""The places of pairs as a layer for the map, so that a division can be looked at."""

from __future__ import annotations

import json

from satclip_engine.errors import OutputError
from satclip_engine.pairs.pair_set import PairSet

PLACES_FILE = "places.geojson"


def write_places(pair_set: PairSet) -> None:
    """Write the centres of pairs with their part, class and region as GeoJSON; nothing where no place is known.

    Raises:
        OutputError: if the folder cannot be written.
    """
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [round(pair.lon, 7), round(pair.lat, 7)]},
            "properties": {
                "id": pair.id,
                "split": pair.split,
                "label": pair.label,
                "region": pair.region,
                "caption": pair.captions[0] if pair.captions else "",
            },
        }
        for pair in pair_set.pairs
        if pair.lon is not None and pair.lat is not None
    ]
    if not features:
        return
    partial = pair_set.folder / f"{PLACES_FILE}.partial"
    try:
        text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
        partial.write_text(text, encoding="utf-8")
        partial.replace(pair_set.folder / PLACES_FILE)
    except OSError as error:
        raise OutputError(
            f"The places cannot be written to {pair_set.folder} ({error}).",
            remedy="Choose a folder that you may write to, with enough free space.",
            code="resource.output",
            path=str(pair_set.folder),
        ) from error
