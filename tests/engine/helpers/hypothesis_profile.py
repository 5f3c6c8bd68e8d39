"""How patient hypothesis is: a busy machine is no fault of what is tested."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def use_patient_profile() -> None:
    """Let examples take as long as they take."""
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
