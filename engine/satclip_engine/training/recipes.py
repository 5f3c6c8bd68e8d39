"""Recipes: those that ship, files of the user's own, and single settings changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from satclip_engine.config import Config
from satclip_engine.errors import RecipeError
from satclip_engine.protocol import ProtocolError, Recipe, Stage, from_json, to_json

_FOLDER = "recipes"
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_STAGE_SETTINGS = tuple(Stage.__dataclass_fields__)


def recipe_names(config: Config) -> tuple[str, ...]:
    """Return the names of the recipes that ship."""
    return tuple(sorted(path.stem for path in (config.resources_dir / _FOLDER).glob("*.yaml")))


def load_recipe(name: str, config: Config, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Return a recipe.

    Args:
        name: Of a recipe that ships, or the path of a YAML file; a file may name the one that ships and that it
            changes as ``base``.
        config: Tells where the recipes that ship lie.
        changes: Settings by path, such as ``method.rank`` or ``stages.0.steps``; a setting of stages alone
            (``steps``) holds for all of them.

    Raises:
        RecipeError: ``recipe.unknown``, or ``recipe.setting`` naming what cannot be understood.
    """
    raw = _read(name, config)
    for path, value in (changes or {}).items():
        _set(raw, path, value)
    try:
        recipe = from_json(Recipe, raw)
    except ProtocolError as error:
        raise _wrong(str(error)) from error
    _refuse_unknown(raw, to_json(recipe))
    return recipe


def parse_yaml(text: str, what: str) -> Any:
    """Return what YAML says; unlike YAML 1.1, ``1e-4`` is a number, as everybody means it.

    Raises:
        RecipeError: ``recipe.setting`` if it is no YAML; the message calls it ``what``.
    """

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("+-.0123456789"))
    try:
        return yaml.load(text, Loader)  # noqa: S506  # nosec B506 - a safe loader
    except yaml.YAMLError as error:
        raise _wrong(f"{what} is no YAML: {' '.join(str(error).split())}") from error


def _read(name: str, config: Config) -> dict[str, Any]:
    shipped = recipe_names(config)
    path = config.resources_dir / _FOLDER / f"{name}.yaml" if name in shipped else Path(name).expanduser()
    if not path.is_file():
        raise _unknown(name, shipped, ", or the path of a YAML file")
    try:
        raw = parse_yaml(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(f"{path.name} is no YAML: {error}") from error
    if not isinstance(raw, dict):
        raise _wrong(f"{path.name} holds no settings")
    base = raw.pop("base", None)
    if base is not None and base not in shipped:
        raise _unknown(str(base), shipped, " as base")
    start = to_json(load_recipe(base, config)) if base is not None else {"title": path.stem, "when": ""}
    return {**start, "name": path.stem, **{key: _merged(start.get(key), value) for key, value in raw.items()}}


def _merged(old: Any, new: Any) -> Any:
    return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new


def _set(raw: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    place: Any = raw
    try:
        if path in _STAGE_SETTINGS:
            for stage in raw["stages"]:
                stage[path] = value
            return
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        place[last] = value
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise _wrong(f"there is no setting {path!r}") from error


def _refuse_unknown(raw: Any, known: Any, where: str = "") -> None:
    """Raise for a setting that was not understood: a misspelt one would be silently ignored."""
    if isinstance(raw, dict):
        for name, value in raw.items():
            if name not in known:
                raise _wrong(f"there is no setting {where + name!r}")
            _refuse_unknown(value, known[name], f"{where}{name}.")
    elif isinstance(raw, list):
        for i, (value, its_known) in enumerate(zip(raw, known, strict=True)):
            _refuse_unknown(value, its_known, f"{where}{i}.")


def _unknown(name: str, shipped: tuple[str, ...], otherwise: str) -> RecipeError:
    return RecipeError(
        f"There is no recipe {name!r}.",
        remedy=f"Take one of {', '.join(shipped)}{otherwise}.",
        code="recipe.unknown",
    )


def _wrong(detail: str) -> RecipeError:
    return RecipeError(
        f"The recipe cannot be used: {detail}.",
        remedy="Compare it with satclip train --recipe lora --show.",
        code="recipe.setting",
    )
