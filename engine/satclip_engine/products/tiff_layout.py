"""Puts the tiles of a TIFF in a fixed order: directories first, then overviews from coarse to fine, then full size.

GDAL writes a tile when its cache needs room, so that the order depends on what else the process reads. The content
is the same, the bytes are not. Copying the compressed tiles in order makes equal products equal files, leaves out
abandoned space, and lets a viewer read headers and overviews from the start of the file.

Source: TIFF Revision 6.0 (Adobe, 1992); BigTIFF (AWare Systems, "The BigTIFF File Format").
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rasterio.errors import RasterioIOError

_TILE_OFFSETS, _TILE_BYTE_COUNTS = 324, 325
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGER_FORMATS = {3: "H", 4: "I", 16: "Q"}


@dataclass(frozen=True)
class _Format:
    """Sizes of the classic and of the big variant, both little-endian."""

    is_big: bool

    @property
    def header_bytes(self) -> int:
        return 16 if self.is_big else 8

    @property
    def count(self) -> str:
        return "<Q" if self.is_big else "<H"

    @property
    def offset(self) -> str:
        return "<Q" if self.is_big else "<I"

    @property
    def entry(self) -> str:
        """Tag, type and count of an entry; its value or offset follows in ``inline_bytes``."""
        return "<HHQ" if self.is_big else "<HHI"

    @property
    def inline_bytes(self) -> int:
        return struct.calcsize(self.offset)

    def header(self) -> bytes:
        start = struct.pack("<2sHHH", b"II", 43, 8, 0) if self.is_big else struct.pack("<2sH", b"II", 42)
        return start + struct.pack(self.offset, self.header_bytes)


@dataclass
class _Entry:
    tag: int
    type: int
    count: int
    value: bytes

    def integers(self) -> list[int]:
        return list(struct.unpack(f"<{self.count}{_INTEGER_FORMATS[self.type]}", self.value))

    def set_integers(self, numbers: list[int]) -> None:
        self.value = struct.pack(f"<{self.count}{_INTEGER_FORMATS[self.type]}", *numbers)


@dataclass
class _Directory:
    """One image of the file: full size or an overview."""

    entries: list[_Entry]

    def entry(self, tag: int) -> _Entry:
        return next(entry for entry in self.entries if entry.tag == tag)

    def size_bytes(self, form: _Format) -> int:
        table = struct.calcsize(form.count) + struct.calcsize(form.offset)
        table += len(self.entries) * (struct.calcsize(form.entry) + form.inline_bytes)
        return table + sum(_even(len(e.value)) for e in self.entries if len(e.value) > form.inline_bytes)


def write_in_order(source: Path, target: Path) -> None:
    """Write ``source`` as ``target`` with directories first and every tile in order.

    Args:
        source: A little-endian tiled TIFF or BigTIFF.
        target: A new file.

    Raises:
        RasterioIOError: if a tile is missing or lies beyond the end: the disk was full when it was written.
        OSError: if the disk refuses.
    """
    with source.open("rb") as reader, target.open("wb") as writer:
        form, directories = _read_complete(reader)
        place = form.header_bytes + sum(directory.size_bytes(form) for directory in directories)
        old_tiles: list[tuple[int, int]] = []
        for directory in [*reversed(directories[1:]), directories[0]]:
            offsets, sizes = directory.entry(_TILE_OFFSETS), directory.entry(_TILE_BYTE_COUNTS).integers()
            old_tiles += zip(offsets.integers(), sizes, strict=True)
            new_offsets = []
            for size in sizes:
                new_offsets.append(place)
                place += _even(size)
            offsets.set_integers(new_offsets)
        _write_directories(writer, form, directories)
        for offset, size in old_tiles:
            reader.seek(offset)
            writer.write(reader.read(size) + b"\0" * (size % 2))


def require_complete(path: Path) -> None:
    """Check that every directory and tile of a TIFF is there.

    Raises:
        RasterioIOError: if not, which is how a full disk shows: GDAL only logs what it cannot write on closing.
    """
    with path.open("rb") as reader:
        _read_complete(reader)


def _read_complete(reader: BinaryIO) -> tuple[_Format, list[_Directory]]:
    end = reader.seek(0, io.SEEK_END)
    reader.seek(0)
    try:
        form, directories = _read_directories(reader)
        for directory in directories:
            offsets = directory.entry(_TILE_OFFSETS).integers()
            sizes = directory.entry(_TILE_BYTE_COUNTS).integers()
            if any(size == 0 or offset + size > end for offset, size in zip(offsets, sizes, strict=True)):
                raise RasterioIOError("the file is incomplete: tiles are missing")
    except (struct.error, KeyError, StopIteration) as error:
        raise RasterioIOError("the file is incomplete: directories are missing") from error
    return form, directories


def _read_directories(reader: BinaryIO) -> tuple[_Format, list[_Directory]]:
    order, version = struct.unpack("<2sH", reader.read(4))
    if order != b"II" or version not in (42, 43):
        raise RasterioIOError("not a little-endian TIFF")
    form = _Format(is_big=version == 43)
    reader.seek(form.header_bytes - form.inline_bytes)
    directories = []
    place = _unpack(reader, form.offset)
    while place:
        reader.seek(place)
        count = _unpack(reader, form.count)
        table = reader.read(count * (struct.calcsize(form.entry) + form.inline_bytes))
        place = _unpack(reader, form.offset)
        directories.append(_Directory([_read_entry(reader, form, table, i) for i in range(count)]))
    return form, directories


def _read_entry(reader: BinaryIO, form: _Format, table: bytes, index: int) -> _Entry:
    head = struct.calcsize(form.entry)
    start = index * (head + form.inline_bytes)
    tag, kind, count = struct.unpack_from(form.entry, table, start)
    size = _TYPE_BYTES[kind] * count
    inline = table[start + head : start + head + form.inline_bytes]
    if size <= form.inline_bytes:
        return _Entry(tag, kind, count, inline[:size])
    reader.seek(struct.unpack(form.offset, inline)[0])
    return _Entry(tag, kind, count, reader.read(size))


def _write_directories(writer: BinaryIO, form: _Format, directories: list[_Directory]) -> None:
    writer.write(form.header())
    place = form.header_bytes
    for number, directory in enumerate(directories):
        following = place + directory.size_bytes(form)
        table = struct.pack(form.count, len(directory.entries))
        values = b""
        values_place = following - directory.size_bytes(form) + struct.calcsize(form.count)
        values_place += len(directory.entries) * (struct.calcsize(form.entry) + form.inline_bytes)
        values_place += struct.calcsize(form.offset)
        for entry in directory.entries:
            table += struct.pack(form.entry, entry.tag, entry.type, entry.count)
            if len(entry.value) <= form.inline_bytes:
                table += entry.value.ljust(form.inline_bytes, b"\0")
            else:
                table += struct.pack(form.offset, values_place + len(values))
                values += entry.value.ljust(_even(len(entry.value)), b"\0")
        is_last = number == len(directories) - 1
        writer.write(table + struct.pack(form.offset, 0 if is_last else following) + values)
        place = following


def _unpack(reader: BinaryIO, form: str) -> int:
    value: int = struct.unpack(form, reader.read(struct.calcsize(form)))[0]
    return value


def _even(size: int) -> int:
    return size + size % 2
