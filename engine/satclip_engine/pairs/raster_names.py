"""The names that a categorical raster carries for its codes."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree  # nosec B405 - reads what GDAL itself has just written

from rasterio.io import MemoryFile
from rasterio.shutil import copy

from satclip_engine.pairs.wording import tidied

# Source: GDAL's raster attribute table, GDALRATFieldUsage.
_NAME_USAGE, _VALUE_USAGE = "2", "5"
_TEXT_TYPE = "2"


def carried_names(dataset: Any) -> dict[int, str]:
    """Return the names of codes from the raster's attribute table or its categories; empty where it has neither.

    rasterio shows neither, but GDAL writes both into a VRT of any raster.
    """
    with MemoryFile(ext=".vrt") as file:
        copy(dataset, file.name, driver="VRT")
        written = ElementTree.fromstring(file.read())  # noqa: S314  # nosec B314 - see the import
    band = written.find("VRTRasterBand")
    if band is None:
        return {}
    table = band.find("GDALRasterAttributeTable")
    return (_from_table(table) if table is not None else {}) or _from_categories(band)


def _from_table(table: ElementTree.Element) -> dict[int, str]:
    fields = table.findall("FieldDefn")
    usages = [field.findtext("Usage", "") for field in fields]
    types = [field.findtext("Type", "") for field in fields]
    titles = [field.findtext("Name", "").casefold() for field in fields]
    name = _column(usages, _NAME_USAGE, types, _TEXT_TYPE)
    value = _column(usages, _VALUE_USAGE, titles, "value")
    if name is None or value is None:
        return {}
    rows = [[cell.text or "" for cell in row.findall("F")] for row in table.findall("Row")]
    return {int(float(row[value])): tidied(row[name]) for row in rows if row[value] and row[name].strip()}


def _column(usages: list[str], usage: str, others: list[str], other: str) -> int | None:
    """Return the column of a usage, or where none declares it the first that looks like it."""
    if usage in usages:
        return usages.index(usage)
    return others.index(other) if other in others else None


def _from_categories(band: ElementTree.Element) -> dict[int, str]:
    names = [element.text or "" for element in band.findall("CategoryNames/Category")]
    return {code: tidied(name) for code, name in enumerate(names) if name.strip()}
