"""Layouts of images with boxes: Pascal VOC annotation files beside the images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree  # nosec B405 - expat refuses entity bombs since 2.4.1

import numpy as np

from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.items import BoxItem
from satclip_engine.harness.datasets.paths import Files, check_partners, item_id, partner

_SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class VocBoxes:
    """Images with Pascal VOC files.

    Attributes:
        images: Which images.
        annotation: Path of an image's annotation, see ``paths.partner``.
        phrases: Name of an object in the files → the phrase that is asked; other objects are left out.
    """

    images: Files
    annotation: str
    phrases: Mapping[str, str]

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        return self.images.missing(folder)

    def items(self, folder: Path) -> tuple[BoxItem, ...]:
        """Return one item per image and phrase that occurs in it.

        Raises:
            DataSetError: if an annotation is missing or damaged.
        """
        images = self.images.find(folder)
        annotations = tuple(partner(image, self.annotation) for image in images)
        check_partners(annotations, "annotations")
        items = []
        for image, annotation in zip(images, annotations, strict=True):
            boxes = read_voc(annotation)
            for name, phrase in self.phrases.items():
                if boxes.get(name):
                    items.append(
                        BoxItem(f"{item_id(image, folder)}:{phrase}", image, phrase, np.array(boxes[name], np.float64))
                    )
        return tuple(items)


def read_voc(path: Path) -> dict[str, list[tuple[float, ...]]]:
    """Return the boxes (left, top, right, bottom) of each kind of object in a Pascal VOC file.

    Raises:
        DataSetError: if the file is damaged.
    """
    boxes: dict[str, list[tuple[float, ...]]] = {}
    try:
        for node in ElementTree.parse(path).iter("object"):  # noqa: S314  # nosec B314
            sides = tuple(float(node.findtext(f"bndbox/{side}", "")) for side in _SIDES)
            boxes.setdefault(node.findtext("name", ""), []).append(sides)
    except (ElementTree.ParseError, ValueError) as error:
        raise DataSetError(
            f"{path.name} is no Pascal VOC annotation: {error}.",
            remedy="Download the file again.",
            code="dataset.damaged",
            path=str(path),
        ) from error
    return boxes
