"""Tables as people save them: CSV with any of the usual separators, and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from satclip_engine.errors import PairsError
from satclip_engine.pairs.importing.columns import Columns, guess_columns
from satclip_engine.pairs.new_folder import Skipped

_SEPARATORS = ",;\t|"
_HOW = "Its first line should name the columns, for example: file,caption."


@dataclass(frozen=True)
class Table:
    """The rows of a table.

    Attributes:
        columns: Which column holds what.
        rows: By column.
        skipped: Rows that do not fit the header.
    """

    columns: Columns
    rows: tuple[Mapping[str, Any], ...]
    skipped: tuple[Skipped, ...]


def read_csv(path: Path) -> Table:
    """Read a CSV file; comma, semicolon, tab and vertical bar are tried as separators.

    Raises:
        PairsError: ``pairs.encoding`` if it is no text, ``pairs.table`` if no header names images and captions, or a
            quotation mark is never closed.
    """
    text = read_any_text(path)
    header = next((line for line in text.splitlines() if line.strip()), "")
    for separator in _SEPARATORS:
        columns = guess_columns(next(_fields(header, separator), []))
        if columns is not None:
            return _read_rows(path, text, separator, columns)
    raise PairsError(
        f"{path.name} has no header that names images and captions; its first line is {header[:80]!r}.",
        remedy=_HOW,
        code="pairs.table",
        path=str(path),
    )


def _read_rows(path: Path, text: str, separator: str, columns: Columns) -> Table:
    reader = _fields(text, separator, strict=True)
    rows: list[Mapping[str, Any]] = []
    skipped = []
    try:
        names = next(fields for fields in reader if any(fields))
        for fields in reader:
            if len(fields) == len(names):
                rows.append(dict(zip(names, fields, strict=True)))
            elif any(field.strip() for field in fields):
                reason = f"{len(fields)} fields where the header has {len(names)}: put captions between quotation marks"
                skipped.append(Skipped(f"{path.name}, line {reader.line_num}", reason))
    except csv.Error as error:
        raise PairsError(
            f"{path.name} cannot be read as a table: {error} (line {reader.line_num}).",
            remedy="Close every quotation mark; write one inside a caption twice.",
            code="pairs.table",
            path=str(path),
        ) from error
    return Table(columns, tuple(rows), tuple(skipped))


def _fields(text: str, separator: str, *, strict: bool = False) -> Any:
    return csv.reader(io.StringIO(text), delimiter=separator, strict=strict, skipinitialspace=True)


def read_json_lines(path: Path) -> Table:
    """Read a file with one JSON object per line.

    Raises:
        PairsError: ``pairs.encoding`` if it is no text, ``pairs.table`` if no key names images and captions.
    """
    rows: list[Mapping[str, Any]] = []
    skipped = []
    for number, line in enumerate(read_any_text(path).splitlines(), start=1):
        if line.strip():
            try:
                rows.append(dict(json.loads(line)))
            except (ValueError, TypeError):
                skipped.append(Skipped(f"{path.name}, line {number}", "no JSON object"))
    columns = guess_columns({key: None for row in rows for key in row})
    if columns is None:
        raise PairsError(
            f"{path.name} has no keys that name images and captions.",
            remedy='Write one image per line:  {"file": "name.png", "captions": ["a river", "…"]}.',
            code="pairs.table",
            path=str(path),
        )
    return Table(columns, tuple(rows), tuple(skipped))


def read_any_text(path: Path) -> str:
    """Return a text file's content, UTF-8 or the UTF-16 that spreadsheets write, without byte order mark.

    Raises:
        PairsError: ``pairs.encoding``.
    """
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise PairsError(
            f"{path.name} is no UTF-8 text.", remedy="Save it as UTF-8.", code="pairs.encoding", path=str(path)
        ) from error
