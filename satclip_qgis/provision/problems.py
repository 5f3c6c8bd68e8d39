"""Why there is no engine to talk to, and what to do."""

from __future__ import annotations

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import PROTOCOL_VERSION, Problem


def absent_problem() -> Problem:
    """Return the problem of an engine that was never set up."""
    return Problem(
        code="engine.absent",
        detail=tr("The engine is not set up yet."),
        remedy=tr("Open the SatCLIP panel in QGIS and choose “Set up engine”; it takes some minutes, once."),
    )


def start_problem(reason: str, last_lines: str) -> Problem:
    """Return the problem of an engine that did not start."""
    return Problem(
        code="engine.start_failed",
        detail=tr("The engine did not start: {reason}.").format(reason=reason),
        remedy=tr("Open the log to see why; setting the engine up again repairs an incomplete installation."),
        params={"last_lines": last_lines},
    )


def version_problem(version: int) -> Problem:
    """Return the problem of an engine that speaks another protocol."""
    return Problem(
        code="engine.version",
        detail=tr("The running engine speaks protocol {engine}, this plugin speaks {plugin}.").format(
            engine=version, plugin=PROTOCOL_VERSION
        ),
        remedy=tr("Stop that engine, then set the engine up again so that both are of one version."),
        params={"engine": version, "plugin": PROTOCOL_VERSION},
    )
