"""Templates of captions: words with {fields}, and parts in [brackets] that fall away where a field is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from satclip_engine.errors import OptionError
from satclip_engine.pairs.wording import VOWEL

_LONG = "long:"
_FIELD = re.compile(r"\{([^{}]*)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
# "a {image}" becomes "an aerial image"; the mark says where a field's words begin.
_MARK = "\x00"
_ARTICLE = re.compile(rf"\b([Aa]) ({_MARK}{VOWEL})", re.IGNORECASE)
_STRAY = re.compile(r"[\[\]{}]")


@dataclass(frozen=True)
class Template:
    """One wording.

    Attributes:
        text: With ``{fields}`` and ``[optional parts]``.
        is_long: Whether it makes a long caption.
    """

    text: str
    is_long: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields it names."""
        return tuple(_FIELD.findall(self.text))

    def fill(self, values: Mapping[str, str]) -> str | None:
        """Return the caption, or None where a field outside the brackets is missing from ``values``."""
        text = _OPTIONAL.sub(lambda part: _filled(part.group(1), values) or "", self.text)
        filled = _filled(text, values)
        return " ".join(filled.split()) if filled else None


def parse_templates(text: str, known_fields: Iterable[str]) -> tuple[Template, ...]:
    """Return the templates in ``text``, one per line; ``long:`` begins a long one, ``#`` a comment.

    Args:
        text: The lines.
        known_fields: Fields that there can be.

    Raises:
        OptionError: ``option.caption_template`` on an unknown field, brackets that do not close, or no template.
    """
    known = sorted(known_fields)
    templates = []
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        is_long = entry.lower().startswith(_LONG)
        template = Template(entry[len(_LONG) :].strip() if is_long else entry, is_long)
        strangers = [name for name in template.fields if name not in known]
        if strangers:
            raise _refused(number, f"there is no field {{{strangers[0]}}}", f"Fields are {', '.join(known)}.")
        if _STRAY.search(_FIELD.sub("", _OPTIONAL.sub(r"\1", template.text))):
            raise _refused(number, "a bracket is not closed", "Write {field} and [optional part], none inside another.")
        templates.append(template)
    if not templates:
        raise OptionError(
            "There is no caption template.",
            remedy="Write one per line, for example: a satellite image of {classes}",
            code="option.caption_template",
        )
    return tuple(templates)


def _filled(text: str, values: Mapping[str, str]) -> str | None:
    if any(name not in values for name in _FIELD.findall(text)):
        return None
    marked = _FIELD.sub(lambda field: _MARK + values[field.group(1)], text)
    with_fields = _ARTICLE.sub(lambda match: f"{match.group(1)}n {match.group(2)}", marked)
    return with_fields.replace(_MARK, "")


def _refused(number: int, what: str, remedy: str) -> OptionError:
    return OptionError(
        f"The caption template in line {number} cannot be used: {what}.", remedy=remedy, code="option.caption_template"
    )
