"""``make demo``: segment a scene with the ``satclip`` command and say where the map is."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_CLASSES = (
    "building: building, roof, warehouse; road: road, street, asphalt; trees: trees, bushes; grass; "
    "farmland: farmland, bare field; water"
)


def default_scene(out: Path) -> Path:
    """Return a real scene from ``SATCLIP_DATA``, or a drawn one where it is absent."""
    data = Path(os.environ.get("SATCLIP_DATA") or ROOT.parent / "shared" / "data")
    real = data / "scenes" / "oem_koeln_50.tif"
    if real.exists():
        return real
    sys.path.insert(0, str(ROOT))
    from scripts.sample_scene import draw_sample_scene

    return draw_sample_scene(out / "sample.tif")


def main() -> int:
    """Run the demo and return the command's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--classes", default=DEFAULT_CLASSES)
    parser.add_argument("--out", type=Path, default=Path("demo"))
    args = parser.parse_args()
    scene = args.scene or default_scene(args.out)
    satclip = Path(sys.executable).with_name("satclip")
    code = subprocess.run([satclip, "segment", scene, "--classes", args.classes, "--out", args.out]).returncode
    if code == 0:
        out = args.out.resolve()
        print(f"\nScene:    {scene}\nMap:      {out / 'thematic.tif'}\nPicture:  {out / 'preview.png'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
