"""Classes as the user writes them: name, phrases, colour, threshold; and the class-file format.

One class per line: ``name: phrase, phrase  #RRGGBB``. Phrases and colour are optional; a line that starts
with ``#`` is a comment. On the command line the separator is ``;`` instead of a new line.
"""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass, replace
from typing import Optional

MAX_CLASSES = 65_000
MAX_PHRASE_CHARACTERS = 1_000

# A qualitative ramp whose neighbours differ in hue and in lightness, readable on light and dark canvases.
PALETTE = (
    "#4E79A7", "#F28E2B", "#59A14F", "#E15759", "#B07AA1", "#EDC948", "#76B7B2", "#9C755F",
    "#FF9DA7", "#2F6B8A", "#8CD17D", "#D37295", "#86BCB6", "#B6992D", "#499894", "#A0CBE8",
)  # fmt: skip

# Words whose colour everybody expects; matched against whole words of a class name.
_FAMILIAR = (
    (("water", "river", "lake", "sea", "ocean", "pond", "reservoir", "canal"), "#3B7DD8"),
    (("forest", "tree", "trees", "wood", "woodland", "woods"), "#1F7A3D"),
    (("grass", "meadow", "vegetation", "lawn", "rangeland", "grassland", "shrub"), "#8BC34A"),
    (("crop", "crops", "cropland", "farmland", "field", "fields", "agriculture", "agricultural"), "#E3C34B"),
    (("building", "buildings", "house", "houses", "roof", "roofs", "settlement", "urban"), "#C0392B"),
    (("road", "roads", "street", "streets", "pavement", "highway", "asphalt"), "#6E7681"),
    (("sand", "beach", "desert"), "#F0DFA8"),
    (("bare", "soil", "barren", "land", "ground", "rock"), "#B5895B"),
    (("snow", "ice", "glacier"), "#DDF1FA"),
    (("cloud", "clouds"), "#F5F5F5"),
    (("wetland", "marsh", "swamp"), "#5AA69A"),
    (("background", "other"), "#9E9E9E"),
)

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}$")
_RESERVED = re.compile("[:,;#]")
_TRAILING_COLOUR = re.compile(r"\s*(#\S*)\s*$")


class ClassSyntaxError(ValueError):
    """The classes cannot be understood.

    Args:
        detail: What is wrong, with the line where there is one.
        remedy: How to write it.
    """

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy


@dataclass(frozen=True)
class ClassSpec:
    """One class of a map.

    Attributes:
        name: Shown in the legend and used as the band's description.
        phrases: What the text encoder reads; the class is the union of its phrases. Empty means the name.
        colour: ``#RRGGBB``.
        threshold: Least probability at which the class is taken, in [0, 1]; None means none.
        background: Pixels below their class's threshold fall to this class.
        visible: Whether the plugin shows the class.
    """

    name: str
    phrases: tuple[str, ...] = ()
    colour: str = ""
    threshold: Optional[float] = None
    background: bool = False
    visible: bool = True

    @property
    def prompts(self) -> tuple[str, ...]:
        """The phrases, or the name where there are none."""
        return self.phrases or (self.name,)


@dataclass(frozen=True)
class ClassSet:
    """Ordered classes; class ``i`` (from 0) has code ``i + 1`` in a thematic raster.

    Raises:
        ClassSyntaxError: on no class, empty or duplicate names, a bad colour, a threshold out of [0, 1],
            a phrase over ``MAX_PHRASE_CHARACTERS`` characters or more than one background class.
    """

    classes: tuple[ClassSpec, ...]

    def __post_init__(self) -> None:
        cleaned = tuple(_clean(spec) for spec in self.classes)
        _check(cleaned)
        object.__setattr__(self, "classes", _coloured(cleaned))

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """The class names in order."""
        return tuple(spec.name for spec in self.classes)

    @property
    def unknown_code(self) -> int:
        """The thematic code of "unknown": one past the last class."""
        return len(self.classes) + 1

    @property
    def background_code(self) -> Optional[int]:
        """The thematic code of the background class, or None."""
        codes = [i + 1 for i, spec in enumerate(self.classes) if spec.background]
        return codes[0] if codes else None


def parse_classes(text: str) -> ClassSet:
    """Return the classes written in ``text``, separated by new lines or semicolons.

    Raises:
        ClassSyntaxError: if a line cannot be understood; the message names it.
    """
    specs = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if line.lstrip().startswith("#"):
            continue
        specs += [_parse_entry(entry, number) for entry in line.split(";") if entry.strip()]
    return ClassSet(tuple(specs))


def format_classes(classes: ClassSet) -> str:
    """Return ``classes`` in the class-file format, one per line, colours included.

    Raises:
        ClassSyntaxError: if a name or phrase holds a character that the format uses itself.
    """
    lines = []
    for spec in classes.classes:
        for text in (spec.name, *spec.phrases):
            found = _RESERVED.search(text)
            if found:
                raise ClassSyntaxError(
                    f"{text[:40]!r} contains {found.group()!r}, which a class file uses itself.",
                    "Write it without  : , ; #  and save again.",
                )
        phrases = f": {', '.join(spec.phrases)}" if spec.phrases else ""
        lines.append(f"{spec.name}{phrases}  {spec.colour}")
    return "\n".join(lines) + "\n"


def _parse_entry(entry: str, number: int) -> ClassSpec:
    colour = ""
    match = _TRAILING_COLOUR.search(entry)
    if match:
        colour = match.group(1)
        if not _COLOUR.match(colour):
            raise ClassSyntaxError(
                f"Line {number}: {colour!r} is not a colour.", "Write colours as #RRGGBB, for example #1F7A3D."
            )
        entry = entry[: match.start()]
    name, colon, phrases = entry.partition(":")
    if not name.strip():
        raise ClassSyntaxError(
            f"Line {number} has no class name.", "Write each class as  name: phrase, phrase  #RRGGBB."
        )
    words = tuple(phrase.strip() for phrase in phrases.split(",") if phrase.strip())
    if colon and not words:
        raise ClassSyntaxError(
            f"Line {number}: nothing follows the colon after {name.strip()!r}.",
            "Write one or more phrases after the colon, or leave the colon out.",
        )
    return ClassSpec(name=name.strip(), phrases=words, colour=colour)


def _clean(spec: ClassSpec) -> ClassSpec:
    phrases = tuple(dict.fromkeys(" ".join(phrase.split()) for phrase in spec.phrases if phrase.strip()))
    return replace(spec, name=" ".join(spec.name.split()), phrases=phrases)


def _check(classes: tuple[ClassSpec, ...]) -> None:
    if not classes:
        raise ClassSyntaxError(
            "There is no class.", "Write at least one class name, for example  water; forest; building."
        )
    if len(classes) > MAX_CLASSES:
        raise ClassSyntaxError(f"There are {len(classes)} classes.", f"Use at most {MAX_CLASSES}.")
    seen: set[str] = set()
    for position, spec in enumerate(classes, start=1):
        if not spec.name:
            raise ClassSyntaxError(f"Class {position} has no name.", "Give it a name or remove it.")
        if spec.name.casefold() in seen:
            raise ClassSyntaxError(
                f"The class {spec.name!r} is there twice.", "Rename one, or put its phrases into the other."
            )
        seen.add(spec.name.casefold())
        _check_spec(spec)
    if sum(spec.background for spec in classes) > 1:
        raise ClassSyntaxError("More than one class is the background.", "Mark one class as background.")


def _check_spec(spec: ClassSpec) -> None:
    for phrase in spec.prompts:
        if len(phrase) > MAX_PHRASE_CHARACTERS:
            raise ClassSyntaxError(
                f"A phrase of {spec.name[:40]!r} has {len(phrase)} characters.",
                f"Use at most {MAX_PHRASE_CHARACTERS}; a few words work best.",
            )
    if spec.colour and not _COLOUR.match(spec.colour):
        raise ClassSyntaxError(f"{spec.colour!r} of {spec.name!r} is not a colour.", "Write colours as #RRGGBB.")
    if spec.threshold is not None and not 0.0 <= spec.threshold <= 1.0:
        raise ClassSyntaxError(f"The threshold of {spec.name!r} is {spec.threshold}.", "Use a number from 0 to 1.")


def _coloured(classes: tuple[ClassSpec, ...]) -> tuple[ClassSpec, ...]:
    taken = {spec.colour.upper() for spec in classes if spec.colour}
    result = []
    for position, spec in enumerate(classes):
        colour = spec.colour.upper() or _pick_colour(spec.name, position, taken)
        taken.add(colour)
        result.append(replace(spec, colour=colour))
    return tuple(result)


def _pick_colour(name: str, position: int, taken: set[str]) -> str:
    words = set(re.findall(r"\w+", name.casefold()))
    familiar = [colour for keys, colour in _FAMILIAR if words.intersection(keys)]
    for colour in familiar + [PALETTE[(position + step) % len(PALETTE)] for step in range(len(PALETTE))]:
        if colour not in taken:
            return colour
    # Past the palette: golden-angle hues never repeat within a few hundred classes.
    hue = (position * 0.618033988749895) % 1.0
    return _hsv_to_hex(hue, 0.45 + 0.4 * (position % 3) / 2, 0.95 - 0.35 * (position % 2))


def _hsv_to_hex(hue: float, saturation: float, value: float) -> str:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return f"#{round(red * 255):02X}{round(green * 255):02X}{round(blue * 255):02X}"
