"""A hub on loopback with one small model, and the registry that names it, for tests of the Models page."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HUB_SERVER = ROOT / "tests" / "engine" / "helpers" / "hub_server.py"
WEIGHTS = "acme/tiny/model.safetensors"

# A real vocabulary, because what comes from a hub is read with open_clip's own tokenizer.
_WRITE_MODEL = """
import sys
from pathlib import Path
from tests.engine.helpers.tiny_model import TEXT, VISION, write_model
text = {**TEXT, "vocab_size": 49408}
write_model(Path(sys.argv[1]), {"embed_dim": 32, "vision_cfg": dict(VISION), "text_cfg": text, "quick_gelu": True})
"""

_FAMILY = {
    "family": "Acme",
    "licence": "CC-BY-4.0",
    "licence_url": "https://licence.example/by",
    "paper": "https://paper.example/acme",
    "activation": "quickgelu",
    "architecture": "",
    "repo": "acme/tiny",
    "gsd_min_m": 0.2,
    "gsd_max_m": 2.0,
    "gsd_recommended_m": 0.5,
    "gsd_reason": "it was trained at half a metre",
    "good_at": "Fields & lakes.",
    "unconfirmed": ["Which images it was trained on."],
    "models": [
        {"id": "acme-tiny", "title": "Acme Tiny", "file": "model.safetensors"},
        {"id": "acme-gone", "title": "Acme Gone", "file": "gone.safetensors"},
        {"id": "acme-scenes", "title": "Acme Scenes", "file": "scenes.safetensors", "dense": False},
    ],
}


class Hub:
    """A hub process that serves ``root`` at ``endpoint``."""

    def __init__(self, root: Path, endpoint: str) -> None:
        self.root = root
        self.endpoint = endpoint

    def set_fault(self, fault: str) -> None:
        """Let the weights go wrong from now on, as ``hub_server`` understands it; "" heals them."""
        part = self.root / "faults.part"
        part.write_text(json.dumps({WEIGHTS: fault}), encoding="utf-8")
        part.replace(self.root / "faults.json")

    def requests(self) -> list[dict[str, object]]:
        """Return what was asked so far."""
        log = self.root / "requests.jsonl"
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def write_published_model(engine_python: Path, folder: Path) -> Path:
    """Make the model with the engine's Python and return its weights."""
    subprocess.run([str(engine_python), "-c", _WRITE_MODEL, str(folder)], check=True, cwd=ROOT, timeout=120)
    return folder / "model.safetensors"


def write_registry(models: Path) -> None:
    """Write the registry file that a models folder may hold."""
    (models / "registry.json").write_text(json.dumps({"families": [_FAMILY]}), encoding="utf-8")


@contextmanager
def running_hub(root: Path, weights: Path) -> Iterator[Hub]:
    """Serve ``weights`` as the model of the registry."""
    (root / WEIGHTS).parent.mkdir(parents=True)
    shutil.copy(weights, root / WEIGHTS)
    command = [sys.executable, str(HUB_SERVER), "--root", str(root)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Hub(root, json.loads(server.stdout.readline())["endpoint"])
    finally:
        # It serves until its standard input closes.
        server.communicate(timeout=20)
