"""Classes as Processing gets them: text, or the path of a class file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qgis.core import QgsProcessingException

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSet, ClassSyntaxError, parse_classes

CLASSES = "CLASSES"


def class_syntax_help() -> str:
    """Return how classes are written."""
    return tr(
        "One class per line or separated by semicolons:  name: phrase, phrase  #RRGGBB.  Phrases and colour are "
        "optional. Or the path of a .txt file with such lines."
    )


def read_classes(text: str, background: str = "") -> ClassSet:
    """Return the classes in ``text``, or in the ``.txt`` file that it names.

    Args:
        text: Class lines, or the path of a class file.
        background: Name of the background class, or empty.

    Raises:
        QgsProcessingException: if they cannot be understood; the text says how to write them.
    """
    try:
        classes = parse_classes(_from_file(text) if _is_path(text) else text)
    except ClassSyntaxError as error:
        raise QgsProcessingException(f"{error.detail} {error.remedy}") from error
    if not background:
        return classes
    if background.casefold() not in [name.casefold() for name in classes.names]:
        message = tr("The background class {name} is not among the classes. Write it there too.")
        raise QgsProcessingException(message.format(name=background))
    return ClassSet(
        tuple(replace(spec, background=spec.name.casefold() == background.casefold()) for spec in classes.classes)
    )


def _is_path(text: str) -> bool:
    return "\n" not in text.strip() and text.strip().endswith(".txt")


def _from_file(path: str) -> str:
    try:
        return Path(path.strip()).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = tr("The class file {path} cannot be read. Check the path; the file must be UTF-8.")
        raise QgsProcessingException(message.format(path=path.strip())) from error
