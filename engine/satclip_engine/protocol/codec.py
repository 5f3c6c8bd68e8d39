"""Dataclasses to JSON and back, checked: the whole serialisation of the wire.

Standard library only, Python 3.9 syntax: QGIS loads this file too.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import typing
from typing import Any, TypeVar, Union

T = TypeVar("T")

_SCALARS = (str, int, float, bool, type(None))


class ProtocolError(ValueError):
    """A message does not have the agreed form; the text names the field."""


def to_json(value: Any) -> Any:
    """Return ``value`` (a dataclass, tuple, enum or JSON scalar) as plain JSON types."""
    if type(value) in _SCALARS:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: to_json(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    return value


def from_json(cls: type[T], data: Any) -> T:
    """Return an instance of the dataclass ``cls`` from plain JSON types.

    Fields that ``cls`` does not know are ignored, so that an older side understands a newer one.

    Raises:
        ProtocolError: if a field is missing or has the wrong type.
    """
    if not isinstance(data, dict):
        raise ProtocolError(f"{cls.__name__}: expected an object, got {type(data).__name__}")
    values = {}
    for name, hint, is_required in _fields(typing.cast("typing.Hashable", cls)):
        if name in data:
            values[name] = _decode(hint, data[name], f"{cls.__name__}.{name}")
        elif is_required:
            raise ProtocolError(f"{cls.__name__}.{name} is missing")
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"{cls.__name__}: {error}") from error


@functools.lru_cache(maxsize=256)
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


@functools.lru_cache(maxsize=256)
def _fields(cls: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Return name, type and whether it must be given of each field; finding the types takes longer than decoding."""
    hints = typing.get_type_hints(cls)
    return tuple(
        (
            field.name,
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    )


def _decode(hint: Any, data: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return data
    if origin is Union:
        if data is None and type(None) in args:
            return None
        inner = [arg for arg in args if arg is not type(None)]
        return _decode(inner[0], data, where)
    if origin is tuple:
        return _decode_tuple(args, data, where)
    if origin is dict or hint is dict:
        if not isinstance(data, dict):
            raise ProtocolError(f"{where}: expected an object, got {type(data).__name__}")
        return dict(data)
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast("type[Any]", hint), data)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _decode_enum(hint, data, where)
    return _decode_scalar(hint, data, where)


def _decode_tuple(args: tuple[Any, ...], data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, (list, tuple)):
        raise ProtocolError(f"{where}: expected a list, got {type(data).__name__}")
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if len(args) != len(data):
        raise ProtocolError(f"{where}: expected {len(args)} items, got {len(data)}")
    return tuple(_decode(arg, item, f"{where}[{i}]") for i, (arg, item) in enumerate(zip(args, data)))


def _decode_enum(hint: type[enum.Enum], data: Any, where: str) -> enum.Enum:
    try:
        return hint(data)
    except ValueError:
        allowed = ", ".join(str(member.value) for member in hint)
        raise ProtocolError(f"{where}: {data!r} is not one of {allowed}") from None


def _decode_scalar(hint: Any, data: Any, where: str) -> Any:
    if hint is float and isinstance(data, (int, float)) and not isinstance(data, bool):
        return float(data)
    if hint in (str, int, bool) and type(data) is hint:
        return data
    raise ProtocolError(f"{where}: expected {getattr(hint, '__name__', hint)}, got {type(data).__name__}")
