"""What people wrote beside the points, as classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from satclip_engine.errors import InputError

NO_LABEL = -1
# Besides an empty field: what people write where they cannot tell.
UNSURE = ("unsure", "skip", "unknown", "?")
# What is really there is none of the classes: an error of the map, not a doubt.
OTHER = "none of these"
_NAMED = 5


def match_labels(references: Sequence[str | None], codes: Sequence[int], names: Sequence[str]) -> NDArray[np.int64]:
    """Return the position in ``names`` of each label: K for ``OTHER``, ``NO_LABEL`` for an empty or unsure one.

    A label is a class name in any case of letters, or else its code.

    Args:
        references: (n,) labels as written; None or blank where none is.
        codes: (K,) of the classes.
        names: (K,) of the classes.

    Raises:
        InputError: code ``assess.unknown_labels``, if a label is none of the classes.
    """
    known = {str(code): position for position, code in enumerate(codes)}
    known |= {name.strip().casefold(): position for position, name in enumerate(names)}
    known = {**dict.fromkeys(("", *UNSURE), NO_LABEL), OTHER: len(names), **known}
    written = [(reference or "").strip() for reference in references]
    foreign = list(dict.fromkeys(label for label in written if label.casefold() not in known))
    if foreign:
        shown = ", ".join(f"“{label}”" for label in foreign[:_NAMED]) + (", ..." if len(foreign) > _NAMED else "")
        raise InputError(
            f"{len(foreign)} of the reference labels {'is' if len(foreign) == 1 else 'are'} no class of the map: "
            f"{shown}.",
            remedy=f"Use the map's classes ({', '.join(names)}), their codes or “{OTHER}”; leave it empty if unsure.",
            code="assess.unknown_labels",
            labels=foreign,
        )
    return np.array([known[label.casefold()] for label in written], dtype=np.int64)


def error_matrix(mapped: NDArray[np.int64], reference: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return the (K, K) counts, rows = map, columns = reference; points with ``NO_LABEL`` are left out."""
    is_labelled = reference != NO_LABEL
    pairs = mapped[is_labelled] * n_classes + reference[is_labelled]
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)
