"""QGIS styles (.qml) for the products; readable by QGIS 3.22 and later."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr  # nosec B406 - writes, never parses

from satclip_engine.products.rasters import CONFIDENCE, PROBABILITIES, THEMATIC, UNKNOWN_COLOUR, UNKNOWN_NAME
from satclip_engine.protocol import ClassSet

# Source: five evenly spaced colours of viridis (Smith and van der Walt, 2015, CC0): even to the eye, in grey too.
_RAMP = ((0.0, "#440154"), (0.25, "#3B528B"), (0.5, "#21918C"), (0.75, "#5EC962"), (1.0, "#FDE725"))


def write_styles(folder: Path, classes: ClassSet) -> tuple[Path, ...]:
    """Write a style beside each raster product in ``folder`` and return the paths.

    QGIS applies a style of the same name as soon as the raster is added.
    """
    styles = {
        THEMATIC: thematic_qml(classes),
        PROBABILITIES: ramp_qml(band=1),
        CONFIDENCE: ramp_qml(band=1),
    }
    paths = []
    for name, text in styles.items():
        if (folder / name).exists():
            path = (folder / name).with_suffix(".qml")
            path.write_text(text, encoding="utf-8")
            paths.append(path)
    return tuple(paths)


def thematic_qml(classes: ClassSet) -> str:
    """Return the style of a thematic raster: one legend entry per class, invisible classes transparent."""
    rows = [(code, spec.name, spec.colour, spec.visible) for code, spec in enumerate(classes.classes, start=1)]
    rows.append((classes.unknown_code, UNKNOWN_NAME, UNKNOWN_COLOUR, True))
    entries = "\n".join(
        f'        <paletteEntry value="{code}" label={quoteattr(name)} color={quoteattr(colour.lower())} '
        f'alpha="{255 if visible else 0}"/>'
        for code, name, colour, visible in rows
    )
    renderer = (
        '    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">\n'
        "      <rasterTransparency/>\n"
        f"      <colorPalette>\n{entries}\n      </colorPalette>\n"
        "    </rasterrenderer>"
    )
    return _document(renderer, resampling="nearestNeighbour")


def ramp_qml(band: int) -> str:
    """Return the style of one band with values in [0, 1]: a common ramp, so that bands can be compared."""
    items = "\n".join(
        f'          <item value="{value:g}" label="{value:.0%}" color="{colour.lower()}" alpha="255"/>'
        for value, colour in _RAMP
    )
    renderer = (
        f'    <rasterrenderer type="singlebandpseudocolor" band="{band}" opacity="1" alphaBand="-1" nodataColor="" '
        'classificationMin="0" classificationMax="1">\n'
        "      <rasterTransparency/>\n"
        "      <rastershader>\n"
        '        <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0" minimumValue="0" '
        f'maximumValue="1">\n{items}\n        </colorrampshader>\n'
        "      </rastershader>\n"
        "    </rasterrenderer>"
    )
    return _document(renderer, resampling="bilinear")


def _document(renderer: str, resampling: str) -> str:
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        '<qgis version="3.22.0" styleCategories="Symbology">\n'
        "  <pipe>\n"
        "    <provider>\n"
        f'      <resampling enabled="false" maxOversampling="2" zoomedInResamplingMethod="{resampling}" '
        f'zoomedOutResamplingMethod="{resampling}"/>\n'
        "    </provider>\n"
        f"{renderer}\n"
        '    <brightnesscontrast brightness="0" contrast="0" gamma="1"/>\n'
        '    <huesaturation saturation="0" grayscaleMode="0" colorizeOn="0"/>\n'
        '    <rasterresampler maxOversampling="2"/>\n'
        "    <resamplingStage>resamplingFilter</resamplingStage>\n"
        "  </pipe>\n"
        "  <blendMode>0</blendMode>\n"
        "</qgis>\n"
    )
