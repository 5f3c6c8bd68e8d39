"""A real engine process whose workers are the toy's; run as ``python toy_engine.py`` with SATCLIP_HOME set."""

from __future__ import annotations

import sys
from pathlib import Path

from satclip_engine.api.server import serve
from satclip_engine.config import Config
from satclip_engine.jobs.launcher import WorkerLauncher
from satclip_engine.jobs.limits import SupervisorLimits

sys.path.insert(0, str(Path(__file__).parent))
from toy_worker import KINDS, CountRequest

if __name__ == "__main__":
    config = Config.from_environment()
    launcher = WorkerLauncher(config, (sys.executable, str(Path(__file__).with_name("toy_worker.py"))))
    impatient = SupervisorLimits(cancel_s=0.5, terminate_s=0.5)
    serve(config, launcher=launcher, limits=impatient, request_types=dict.fromkeys(KINDS, CountRequest))
