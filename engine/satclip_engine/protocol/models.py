"""Models as both sides see them: the list, and the requests that fetch, take in and check them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

MODEL_CHECK_ROLE = "model_check"


@dataclass(frozen=True)
class ModelInfo:
    """A model as the model list shows it: on this machine, or one that can be downloaded.

    Attributes:
        id: Stable id, used in requests.
        title: For people.
        licence: SPDX id or the publisher's words.
        builtin: Ships with the engine.
        installed: Weights are on this machine.
        dense: Whether it can make maps.
        size_bytes: Of the weights (of the download where not installed); None where unknown.
        cell_px: Side of one feature cell in working pixels.
        window_px: Side of one encoder window in working pixels.
        gsd_min_m: Finest recommended working GSD.
        gsd_max_m: Coarsest recommended working GSD.
        notes: Anything else worth knowing.
        architecture: open_clip architecture.
        licence_url: Address of the licence's text; empty where there is none.
        source: Hub repository or address that the weights come from.
        paper: Address of the publication.
        good_at: What it is good at, in one sentence.
        unconfirmed: Facts that the publisher does not state, each in words.
        gsd_recommended_m: The one GSD it does best at.
        gsd_reason: Why that one.
        downloadable: The registry knows where to fetch it.
        imported: Taken in from a file of the user's, not from the registry.
        checked: Outcome of its last check in one sentence; empty if never checked.
    """

    id: str
    title: str
    licence: str
    builtin: bool
    installed: bool
    dense: bool
    size_bytes: Optional[int] = None
    cell_px: Optional[int] = None
    window_px: Optional[int] = None
    gsd_min_m: Optional[float] = None
    gsd_max_m: Optional[float] = None
    notes: str = ""
    architecture: str = ""
    licence_url: str = ""
    source: str = ""
    paper: str = ""
    good_at: str = ""
    unconfirmed: tuple[str, ...] = ()
    gsd_recommended_m: Optional[float] = None
    gsd_reason: str = ""
    downloadable: bool = False
    imported: bool = False
    checked: str = ""


@dataclass(frozen=True)
class DownloadModelRequest:
    """Job ``download_model``: fetch a model of the registry; a broken download goes on where it stopped.

    Attributes:
        model: Id of the registry's entry.
        accept_licence: The person has seen the licence and accepts it; the engine refuses without.
    """

    model: str
    accept_licence: bool


@dataclass(frozen=True)
class ImportModelRequest:
    """Job ``import_model``: take in weights that lie on this machine.

    Attributes:
        path: A weights file, or a folder in open_clip's layout.
        model: Id to give it; empty takes the file's name.
        architecture: open_clip architecture, where the file does not tell.
    """

    path: str
    model: str = ""
    architecture: str = ""


@dataclass(frozen=True)
class CheckModelRequest:
    """Job ``check_model``: measure whether a model is set up as it was trained."""

    model: str


@dataclass(frozen=True)
class ModelCheck:
    """What a check found; also the contents of the artifact ``model_check``.

    Attributes:
        model: Id.
        activation: The activation that fits the weights better, ``quickgelu`` or ``gelu``; empty if undecided.
        activation_expected: The one that the configuration sets.
        mean_std: Name of the normalisation that fits better, ``openai``, ``imagenet``, ...; empty if undecided.
        context_length: Tokens of text the model reads; None if undecided.
        warnings: What does not fit, each in one sentence.
        undecided: What the measurements cannot tell, each in one sentence.
        details: The measured numbers by name.
    """

    model: str
    activation: str
    activation_expected: str
    mean_std: str
    context_length: Optional[int]
    warnings: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    details: dict[str, float] = field(default_factory=dict)
