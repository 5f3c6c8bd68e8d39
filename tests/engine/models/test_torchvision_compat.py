"""open_clip must import beside any torch: the compiled part of torchvision may not fit a CPU build."""

from __future__ import annotations

import subprocess
import sys

IMPORT = """
from satclip_engine.models.torchvision_compat import ensure_torchvision_imports
first = ensure_torchvision_imports()
assert ensure_torchvision_imports() is first
import torchvision, open_clip
assert "ViT-B-16" in open_clip.list_models()
"""


def test_open_clip_imports_in_a_fresh_process() -> None:
    result = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
