"""What training sets are made of in tests, all drawn here; and a set that is ready to train on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QRect
from qgis.PyQt.QtGui import QColor, QImage, QPainter

from tests.plugin.conftest import ENGINE_PYTHON, ROOT
from tests.plugin.gui.pair_files import write_pairs

WEST, NORTH, STEP_M = 356_000.0, 5_645_000.0, 0.5
# Left, top, right, bottom in pixels of ``fields_and_lake``.
PARTS = (((30, 40, 140, 150), "lake"), ((200, 20, 280, 60), "roofs"), ((140, 60, 300, 200), "wheat field"))
# What is drawn on a green picture: where it is, its colour and its name.
_OBJECTS = ((QRect(8, 8, 40, 32), "#2850b4", "lake"), (QRect(24, 20, 32, 36), "#c8503c", "house"))


def land_use(project: QgsProject) -> QgsVectorLayer:
    """Add a layer that is only in QGIS's memory."""
    layer = QgsVectorLayer("Polygon?crs=EPSG:25832&field=use:string&field=fid:string", "land use", "memory")
    for (left, top, right, bottom), use in PARTS:
        feature = QgsFeature(layer.fields())
        ground = QgsRectangle(*place_of(left, bottom), *place_of(right, top))
        feature.setGeometry(QgsGeometry.fromRect(ground))
        feature.setAttributes([use, "x"])
        layer.dataProvider().addFeature(feature)
    project.addMapLayer(layer)
    return layer


def place_of(column: float, row: float) -> tuple[float, float]:
    """Return where a pixel of ``fields_and_lake`` lies, in metres of UTM zone 32."""
    return WEST + column * STEP_M, NORTH - row * STEP_M


def write_photos(folder: Path, pixels: Sequence[tuple[float, float]]) -> Path:
    """Take a photo at each of these pixels of ``fields_and_lake``: its place stands in its EXIF."""
    to_degrees = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:25832"), QgsCoordinateReferenceSystem("EPSG:4326"), QgsProject.instance()
    )
    places = [to_degrees.transform(QgsPointXY(*place_of(*pixel))) for pixel in pixels]
    code = (
        "import json, sys; from pathlib import Path; from tests.engine.pairs.test_photos import photo; "
        "[photo(Path(sys.argv[1]) / f'{i}.jpg', *place, seed=i) for i, place in enumerate(json.loads(sys.argv[2]))]"
    )
    told = json.dumps([(place.x(), place.y()) for place in places])
    subprocess.run([str(ENGINE_PYTHON), "-c", code, str(folder), told], check=True, cwd=ROOT, timeout=120)
    return folder


def write_coco(folder: Path, counts: dict[str, int]) -> Path:
    """Draw pictures of lakes and houses with captions and boxes; so many for each part."""
    (folder / "annotations").mkdir(parents=True)
    categories = [{"id": kind, "name": name} for kind, (_, _, name) in enumerate(_OBJECTS)]
    for part_number, (part, count) in enumerate(counts.items()):
        images, captions, boxes = [], [], []
        for number in range(count):
            kind = number % len(_OBJECTS)
            box, colour, name = _OBJECTS[kind]
            box = box.translated(number % 8, 0)
            image = {"id": number, "file_name": f"{part}{number}.png"}
            # No two alike: those are imported once.
            _draw(folder / str(image["file_name"]), box, QColor(colour), QColor(80 + number, 140, 20 * part_number))
            images.append(image)
            captions.append({"image_id": number, "caption": f"a {name} in a green field, number {number}"})
            bounds = [box.x(), box.y(), box.width(), box.height()]
            boxes.append({"image_id": number, "bbox": bounds, "category_id": kind})
        for kind_of, rows in (("captions", captions), ("instances", boxes)):
            document = {"images": images, "categories": categories, "annotations": rows}
            (folder / "annotations" / f"{kind_of}_{part}.json").write_text(json.dumps(document))
    return folder


def write_ready_set(folder: Path, scene: Path, width_px: int = 300) -> Path:
    """Write a set of windows of ``scene`` that can be trained on as it is, and that nobody has looked through."""
    side_px, pairs = 32, []
    for top in range(0, 160 - side_px + 1, side_px):
        for left in range(0, width_px - side_px + 1, side_px):
            number = len(pairs)
            name = "lake" if 16 <= left < 112 and top > 16 else "field"
            split = {3: "validation", 5: "test"}.get(number % 6, "train")
            window_px = [left, top, side_px, side_px]
            caption = f"a satellite image of {name} number {number}"
            pairs.append(
                {"id": f"p{number:03d}", "image": str(scene), "captions": [caption], "label": name, "split": split}
                | {"window_px": window_px, "gsd_m": STEP_M}
            )
    return write_pairs(folder, pairs, {"title": "Fields", "rasters": [{"path": str(scene)}]})


def _draw(path: Path, box: QRect, colour: QColor, ground: QColor) -> None:
    picture = QImage(64, 64, QImage.Format.Format_RGB32)
    picture.fill(ground)
    painter = QPainter(picture)
    painter.fillRect(box, colour)
    painter.end()
    assert picture.save(str(path))
