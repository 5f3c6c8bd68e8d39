"""Errors that a person can act on.

Every error has a stable ``code``, a sentence saying what happened and why, parameters, and a ``remedy``.
Programmer errors stay ordinary exceptions.

::

    SatclipError
    ├── InputError            what the user gave cannot be used
    │   ├── SceneError        a raster: missing, truncated, paletted, no valid pixels, ...
    │   ├── BandsError        the band mapping or the scaling does not fit the raster
    │   ├── AoiError          the area of interest: empty, outside, unknown CRS
    │   ├── ClassesError      class names, phrases, colours, class-file syntax
    │   ├── SamplesError      samples: no such field, wrong CRS, none on the raster
    │   ├── DataSetError      an evaluation data set: missing, mislaid, masks that do not fit
    │   ├── PairsError        a training set: missing, moved, damaged, too small, nothing held out
    │   ├── RecipeError       how to train: unknown recipe, settings that contradict each other or the model
    │   ├── OptionError       any other option out of its range
    │   ├── HeadError         examples that no head can be fitted on, a saved head that is damaged or another model's
    │   └── RunCardError      a run.json that cannot be replayed
    ├── ModelError            weights missing, corrupt, not dense-capable, need pickle, ...
    ├── ResourceError         the machine's limits
    │   ├── DiskFullError
    │   ├── MemoryLimitError
    │   ├── DeviceError       the asked device is absent or failed
    │   └── OutputError       the output folder is read-only, in use, not a folder
    ├── EngineError           the supervisor, its workers and its transport
    │   ├── AuthError
    │   ├── NotFoundError
    │   └── ConflictError
    └── CancelledError        the user asked to stop; nothing is wrong
"""

from __future__ import annotations

from typing import Any, ClassVar


class SatclipError(Exception):
    """Base of every error meant for people.

    Args:
        detail: One sentence: what happened and why.
        remedy: What the user can do about it.
        code: Stable identifier for translation and tests, e.g. ``"scene.paletted"``.
        **params: JSON-serialisable facts (paths, numbers) for logs and translation.
    """

    default_code: ClassVar[str] = "error"

    def __init__(self, detail: str, *, remedy: str = "", code: str = "", **params: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.code = code or self.default_code
        self.params: dict[str, Any] = params

    def __str__(self) -> str:
        return f"{self.detail} {self.remedy}".strip()

    def to_problem(self) -> dict[str, Any]:
        """Return the problem+json body ``{code, detail, params, remedy}``."""
        return {"code": self.code, "detail": self.detail, "params": self.params, "remedy": self.remedy}


class InputError(SatclipError):
    """What the user gave cannot be used."""

    default_code = "input"


class SceneError(InputError):
    """A raster cannot be used as a scene."""

    default_code = "scene"


class BandsError(InputError):
    """The band mapping or scaling does not fit the raster."""

    default_code = "bands"


class AoiError(InputError):
    """The area of interest cannot be used."""

    default_code = "aoi"


class ClassesError(InputError):
    """The classes, their phrases or the class file cannot be used."""

    default_code = "classes"


class SamplesError(InputError):
    """A layer of samples, or a drawn sample, cannot be used."""

    default_code = "samples"


class DataSetError(InputError):
    """An evaluation data set is missing or does not have the layout it should have."""

    default_code = "dataset"


class PairsError(InputError):
    """A training set, or an image of it, cannot be used."""

    default_code = "pairs"


class RecipeError(InputError):
    """A model cannot be trained as asked."""

    default_code = "recipe"


class OptionError(InputError):
    """An option is out of its range."""

    default_code = "option"


class HeadError(InputError):
    """A head cannot be fitted, saved or used."""

    default_code = "head"


class RunCardError(InputError):
    """A ``run.json`` cannot be replayed."""

    default_code = "run_card"


class ModelError(SatclipError):
    """A model's weights or configuration cannot be used."""

    default_code = "model"


class ResourceError(SatclipError):
    """A limit of the machine was met."""

    default_code = "resource"


class DiskFullError(ResourceError):
    """There is not enough free disk space."""

    default_code = "resource.disk_full"


class MemoryLimitError(ResourceError):
    """There is not enough memory, even for one window."""

    default_code = "resource.memory"


class DeviceError(ResourceError):
    """The asked device is absent or failed."""

    default_code = "resource.device"


class OutputError(ResourceError):
    """The output folder cannot be written."""

    default_code = "resource.output"


class EngineError(SatclipError):
    """The supervisor, a worker or the transport failed."""

    default_code = "engine"


class AuthError(EngineError):
    """A request carries no valid token, or comes from a web page."""

    default_code = "engine.auth"


class NotFoundError(EngineError):
    """The named job or model does not exist."""

    default_code = "engine.not_found"


class ConflictError(EngineError):
    """The request contradicts the present state."""

    default_code = "engine.conflict"


class CancelledError(SatclipError):
    """The user asked to stop."""

    default_code = "cancelled"
