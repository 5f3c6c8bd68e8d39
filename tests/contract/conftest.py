"""Settings of the contract's tests."""

from __future__ import annotations

from tests.engine.helpers.hypothesis_profile import use_patient_profile

use_patient_profile()
