"""Writes engine/requirements/: what the plugin installs, locked with hashes, one lock per backend.

Usage: python scripts/lock.py [--python .venv/engine/bin/python] (needs ``uv`` on the PATH and the package index).

The versions are those of the given environment, so what was tested is what is locked. See
docs/decisions/0003-locked-engine-install.md for why torch stands apart.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "engine" / "requirements"
OLDEST_PYTHON = "3.11"
# CUDA build that torch's Linux wheels on the package index are linked to, and its name on PyTorch's own index.
CUDA_TAG = "cu130"
_CUDA_ONLY = re.compile(r"^(nvidia-|cuda-|triton==)")
_NEVER = re.compile(r"^httpx2-jsfetch==")  # for browsers only
_NAME = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)")
# PyTorch's CPU files for Linux are not on the package index. Those whose hash is known are locked by hash.
_CPU_LINUX_FILES = {
    ("x86_64", "3.11"): "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
}


def main() -> int:
    """Write the locks; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=str(ROOT / ".venv" / "engine" / "bin" / "python"))
    uv = shutil.which("uv")
    if uv is None:
        print("lock: uv is not on the PATH. Install it, for example with: pipx install uv", file=sys.stderr)
        return 2
    blocks = split_blocks(compile_requirements(uv, parser.parse_args().python))
    torch = next(block for block in blocks if block.startswith("torch=="))
    others = [block for block in blocks if block is not torch and not _NEVER.match(block)]
    plain = [block for block in others if not _CUDA_ONLY.match(block)]
    REQUIREMENTS.mkdir(exist_ok=True)
    write("cuda.lock", [*others, with_marker(torch, "sys_platform == 'linux'")])
    write("cuda-pytorch.txt", [f"torch=={version(torch)}+{CUDA_TAG} ; sys_platform == 'win32'"])
    write("cpu.lock", [*plain, with_marker(torch, "sys_platform != 'linux'"), *known_cpu_files(torch)])
    write("cpu-pytorch.txt", [unknown_cpu_files(torch)])
    return 0


def compile_requirements(uv: str, python: str) -> str:
    """Return the resolved requirements of the engine for every platform, with the hashes of all their files."""
    frozen = subprocess.run(
        [python, "-m", "pip", "freeze", "--exclude-editable"], check=True, capture_output=True, text=True
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        # A local version such as 2.13.0+cpu exists on no package index.
        constraints.write_text(re.sub(r"\+\w+$", "", frozen, flags=re.MULTILINE), encoding="utf-8")
        command = [uv, "pip", "compile", str(ROOT / "engine" / "pyproject.toml"), "-c", str(constraints)]
        options = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes"]
        style = ["--no-annotate", "--no-header", "--quiet"]
        return subprocess.run([*command, *options, *style], check=True, capture_output=True, text=True).stdout


def split_blocks(text: str) -> list[str]:
    """Return one text per requirement, its hashes included."""
    return [block.strip() for block in re.split(r"\n(?=[A-Za-z0-9])", text.strip())]


def version(block: str) -> str:
    """Return the version that ``block`` pins."""
    match = _NAME.match(block)
    if match is None:
        raise ValueError(f"not a pinned requirement: {block[:60]}")
    return match.group(2)


def with_marker(block: str, marker: str) -> str:
    """Return ``block`` for the environments of ``marker`` only."""
    head, separator, hashes = block.partition(" \\\n")
    return f"{head} ; {marker}{separator}{hashes}"


def known_cpu_files(torch: str) -> list[str]:
    """Return torch's CPU build for each Linux whose file is locked by hash."""
    return [
        f"torch=={version(torch)}+cpu ; sys_platform == 'linux' and platform_machine == '{machine}'"
        f" and python_version == '{python}' \\\n    --hash=sha256:{digest}"
        for (machine, python), digest in _CPU_LINUX_FILES.items()
    ]


def unknown_cpu_files(torch: str) -> str:
    """Return torch's CPU build for every other Linux: pinned, its file verified by PyTorch's index."""
    others = " and ".join(
        f"(platform_machine != '{machine}' or python_version != '{python}')" for machine, python in _CPU_LINUX_FILES
    )
    return f"torch=={version(torch)}+cpu ; sys_platform == 'linux' and {others}"


def write(name: str, blocks: list[str]) -> None:
    """Write one requirements file."""
    header = "# Written by scripts/lock.py; see docs/decisions/0003-locked-engine-install.md.\n"
    (REQUIREMENTS / name).write_text(header + "\n".join(sorted(blocks)) + "\n", encoding="utf-8")
    print(f"{name}: {len(blocks)} requirements")


if __name__ == "__main__":
    sys.exit(main())
