"""Words that become false when an image is turned or mirrored."""

from __future__ import annotations

import re

_ENDINGS = r"(?:ern|erly|wards?)?"
_WORDS = (
    rf"(?:north|south)(?:-?(?:east|west))?{_ENDINGS}|(?:east|west){_ENDINGS}|(?-i:[NS][EW])",
    r"left(?:most)?|right(?:most)?|upper|lower|(?<!on )top|bottom|(?<!from )above|below|(?:vertical|horizontal)(?:ly)?",
)
# The capital letters of "North Holland" and "Lower Saxony" make a name of them.
_NAME = r"(?-i:[A-Z][a-z])[\w-]* (?-i:[A-Z])"
# "above 0.4" compares numbers.
_DIRECTION = re.compile(rf"\b(?!{_NAME})(?:{'|'.join(_WORDS)})\b(?! \d)", re.IGNORECASE)


def names_a_direction(caption: str) -> bool:
    """Return whether ``caption`` says where something is in the image, as in "a lake north of the road".

    Such a caption is true only of the image as it lies: its pair must not be rotated or flipped.
    """
    return _DIRECTION.search(caption) is not None
