"""Teaching in words: which head was taken, on how much."""

from __future__ import annotations

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import FitResult


def method(name: str) -> str:
    """Return the name of a kind of head for people."""
    known = {
        "words": tr("words alone"),
        "residual": tr("words + residual"),
        "linear": tr("samples alone"),
        "prototypes": tr("nearest mean"),
        "tip_adapter": tr("words + nearest samples"),
    }
    return known.get(name, name)


def taught(result: FitResult, drawn: int) -> str:
    """Return the line that says which head was taken, on how many of the ``drawn`` samples."""
    used = sum(one.samples for one in result.classes)
    places = sum(one.places for one in result.classes)
    samples = str(used) if used >= drawn else tr("{used} of {drawn}").format(used=used, drawn=drawn)
    text = tr("Taught: {method}, {samples} samples, {places} places").format(
        method=method(result.method), samples=samples, places=places
    )
    scores = [one.f1 for one in result.classes if one.f1 is not None]
    if scores:
        text += tr(" · held-out F1 {f1:.2f}").format(f1=sum(scores) / len(scores))
    if result.missing_fraction > 0:
        percent = round(result.missing_fraction * 100)
        text += tr(" · {percent} % of the samples are still being encoded").format(percent=percent)
    return text
