"""How patient a supervisor is with its workers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SupervisorLimits:
    """How patient a supervisor is.

    Attributes:
        attempts: Starts of one job before a lost worker makes it fail.
        cancel_s: Time a worker has to stop by itself.
        terminate_s: Time it then has after being asked by the operating system.
        exit_s: Time to end after having said its last word.
        clean_up_s: Time to remove what a killed worker left.
    """

    attempts: int = 3
    cancel_s: float = 5.0
    terminate_s: float = 2.0
    exit_s: float = 10.0
    clean_up_s: float = 60.0
