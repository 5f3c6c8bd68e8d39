"""Names of the 30 AID scene classes, and other words for them."""

from __future__ import annotations

from satclip_engine.protocol.classes import ClassSet, ClassSpec

# Folder of each class → what it is called when a text encoder is asked; not tuned, the names written out.
AID_PHRASES: dict[str, tuple[str, ...]] = {
    "Airport": ("airport",),
    "BareLand": ("bare land",),
    "BaseballField": ("baseball field",),
    "Beach": ("beach",),
    "Bridge": ("bridge",),
    "Center": ("center", "center building"),
    "Church": ("church",),
    "Commercial": ("commercial area",),
    "DenseResidential": ("dense residential area",),
    "Desert": ("desert",),
    "Farmland": ("farmland",),
    "Forest": ("forest",),
    "Industrial": ("industrial area",),
    "Meadow": ("meadow",),
    "MediumResidential": ("medium residential area",),
    "Mountain": ("mountain",),
    "Park": ("park",),
    "Parking": ("parking lot",),
    "Playground": ("playground",),
    "Pond": ("pond",),
    "Port": ("port",),
    "RailwayStation": ("railway station",),
    "Resort": ("resort",),
    "River": ("river",),
    "School": ("school",),
    "SparseResidential": ("sparse residential area",),
    "Square": ("square",),
    "Stadium": ("stadium",),
    "StorageTanks": ("storage tanks",),
    "Viaduct": ("viaduct",),
}

# Words that no training image was ever shown with: captions with them are left out, see training/mini/synonyms.py.
AID_SYNONYMS: dict[str, tuple[str, ...]] = {
    "Airport": ("aerodrome", "airfield"),
    "BareLand": ("wasteland", "barren terrain"),
    "BaseballField": ("softball diamond",),
    "Beach": ("seashore", "seaside"),
    "Church": ("cathedral", "chapel"),
    "DenseResidential": ("crowded housing estate", "tightly packed dwellings"),
    "Desert": ("dunes", "sahara"),
    "Farmland": ("cropland", "crop land", "arable fields"),
    "Forest": ("woodland", "timberland"),
    "Industrial": ("warehouses", "manufacturing works"),
    "Meadow": ("prairie", "pastureland"),
    "Mountain": ("alpine peaks", "sierra"),
    "Parking": ("car park", "vehicle lot"),
    "Pond": ("reservoir", "lagoon"),
    "Port": ("harbour", "marina"),
    "RailwayStation": ("train depot", "rail terminus"),
    "River": ("waterway", "watercourse"),
    "School": ("campus", "college"),
    "Square": ("plaza",),
    "Stadium": ("arena",),
    "StorageTanks": ("fuel depot", "petroleum silos"),
    "Viaduct": ("motorway interchange", "flyover"),
}


def aid_classes() -> ClassSet:
    """Return the 30 classes under their own names."""
    return ClassSet(tuple(ClassSpec(name, phrases) for name, phrases in AID_PHRASES.items()))


def aid_synonym_classes() -> ClassSet:
    """Return the 30 classes; those that have other words are asked by these only."""
    return ClassSet(tuple(ClassSpec(name, AID_SYNONYMS.get(name, words)) for name, words in AID_PHRASES.items()))
