"""Progress on a terminal, and Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from satclip_engine.cli.output import duration_text
from satclip_engine.errors import CancelledError
from satclip_engine.protocol import ProgressUpdate

_FORMAT = "{desc:<8} {percentage:3.0f}% |{bar}| {elapsed}{postfix}"


@contextmanager
def progress_bar(*, hidden: bool) -> Iterator[Callable[[ProgressUpdate], None]]:
    """Give a function that draws progress updates on standard error; nothing is drawn where that is no terminal."""
    from tqdm import tqdm

    with tqdm(total=1.0, bar_format=_FORMAT, disable=True if hidden else None, leave=False) as bar:

        def draw(update: ProgressUpdate) -> None:
            bar.set_description_str(update.stage, refresh=False)
            facts = [f"{duration_text(update.eta_s)} left"] if update.eta_s is not None else []
            facts += [text for text in (update.device, update.message) if text]
            bar.set_postfix_str("; ".join(facts), refresh=False)
            bar.update(update.done - bar.n)

        yield draw


@contextmanager
def bytes_bar(*, hidden: bool) -> Iterator[Callable[[int, int], None]]:
    """Give a function that draws a transfer's bytes done and in all on standard error, where that is a terminal."""
    from tqdm import tqdm

    with tqdm(unit="B", unit_scale=True, disable=True if hidden else None, leave=False) as bar:

        def draw(done_bytes: int, total_bytes: int) -> None:
            bar.total = total_bytes or None
            bar.update(done_bytes - bar.n)

        yield draw


@contextmanager
def cancel_by_signal() -> Iterator[Callable[[], None]]:
    """Give a function that raises ``CancelledError`` after Ctrl-C or SIGTERM; a second Ctrl-C stops at once."""
    asked = threading.Event()

    def take(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            signal.default_int_handler(number, frame)
        asked.set()

    def check_cancelled() -> None:
        if asked.is_set():
            raise CancelledError("Stopped; nothing half-finished is left.", remedy="Run it again to continue.")

    previous = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield check_cancelled
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
