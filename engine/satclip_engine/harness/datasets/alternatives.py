"""One split that lies on disk in one of several published layouts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from satclip_engine.harness.datasets.dataset import Layout
from satclip_engine.harness.datasets.items import Item


@dataclass(frozen=True)
class FirstOf:
    """The same images and labels in several published layouts; the first that is there counts.

    Attributes:
        layouts: In the order of preference.
    """

    layouts: tuple[Layout, ...]

    def missing(self, folder: Path) -> str:
        """Return what the first layout lacks if all lack something; empty otherwise."""
        lacking = ""
        for layout in self.layouts:
            missing = layout.missing(folder)
            if not missing:
                return ""
            lacking = lacking or missing
        return lacking

    def items(self, folder: Path) -> tuple[Item, ...]:
        """Return the items of the first layout that is there; none where none is.

        Raises:
            DataSetError: if its files do not fit together.
        """
        present = next((layout for layout in self.layouts if not layout.missing(folder)), None)
        return present.items(folder) if present else ()
