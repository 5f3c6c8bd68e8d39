"""Progress of a run as one share of the whole, with a remaining time from the speed seen so far."""

from __future__ import annotations

import time
from collections.abc import Callable

from satclip_engine.protocol import ProgressUpdate

_LEAST_INTERVAL_S = 0.2
_LEAST_SHARE_FOR_ETA = 0.02


class RunProgress:
    """Turns finished work into progress updates.

    Args:
        report: Receives the updates, at most five a second.
        check_cancelled: Raises when the user asked to stop.
        device: Human-readable device.
        encode_share: Share of the run's time that goes into encoding, in [0, 1].
    """

    def __init__(
        self,
        report: Callable[[ProgressUpdate], None],
        check_cancelled: Callable[[], None],
        device: str,
        encode_share: float,
    ) -> None:
        self._report = report
        self.check_cancelled = check_cancelled
        self._device = device
        self._encode_share = encode_share
        self._encoded = 0.0
        self._mapped = 0.0
        self._started_s = time.monotonic()
        self._reported_s = 0.0

    def encoded(self, share: float) -> None:
        """Say which share of the windows is encoded; raises if the run was cancelled."""
        self.check_cancelled()
        self._encoded = share
        self._tell("encode")

    def mapped(self, share: float) -> None:
        """Say which share of the pixels is written; raises if the run was cancelled."""
        self.check_cancelled()
        self._mapped = share
        self._tell("map" if self._encoded >= 1.0 else "encode")

    def finishing(self) -> None:
        """Say that overviews, style and run card are being written."""
        self.check_cancelled()
        self._reported_s = 0.0
        self._encoded = self._mapped = 1.0
        self._tell("write")

    def _tell(self, stage: str) -> None:
        now_s = time.monotonic()
        if now_s - self._reported_s < _LEAST_INTERVAL_S:
            return
        self._reported_s = now_s
        done = min(self._encode_share * self._encoded + (1 - self._encode_share) * self._mapped, 0.99)
        elapsed_s = now_s - self._started_s
        eta_s = elapsed_s * (1 - done) / done if done >= _LEAST_SHARE_FOR_ETA else None
        self._report(ProgressUpdate(stage, done, eta_s, self._device))
