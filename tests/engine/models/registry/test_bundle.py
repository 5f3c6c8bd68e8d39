"""A bundle brings a model, the engine and its wheels to a machine without a network."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import satclip_engine
from satclip_engine.config import Config
from satclip_engine.errors import EngineError, ModelError, OutputError
from satclip_engine.models.encoder import load_encoder
from satclip_engine.models.registry.bundle import write_bundle
from satclip_engine.models.registry.imports import import_model

from tests.engine.helpers.tiny_model import write_tiny_model
from tests.engine.models.configs import engine_config


def write_wheel(folder: Path, name: str) -> str:
    """Write a small installable wheel and return its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": b"ANSWER = 42\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for path, data in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in files.items():
            wheel.writestr(member, data)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def engine_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The engine's folder with a lock of two small packages, which pip finds in a folder."""
    root = tmp_path / "code"
    source = Path(satclip_engine.__file__).parents[1]
    (root / "requirements").mkdir(parents=True)
    (root / "satclip_engine").mkdir()
    for name in ("__init__.py", "config.py"):
        shutil.copyfile(source / "satclip_engine" / name, root / "satclip_engine" / name)
    (root / "satclip_engine" / "__pycache__").mkdir()
    shutil.copyfile(source / "pyproject.toml", root / "pyproject.toml")
    lock = ["# Written by a test."]
    for name in ("torch", "satclip_tiny_dependency"):
        digest = write_wheel(tmp_path / "index", name)
        lock += [f"{name.replace('_', '-')}==1.0 \\", f"    --hash=sha256:{digest}"]
    (root / "requirements" / "cpu.lock").write_text("\n".join(lock) + "\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return root


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = engine_config(tmp_path)
    import_model(write_tiny_model(tmp_path / "given"), config, model_id="tiny")
    (config.resources_dir / "prompts").mkdir(parents=True)
    (config.resources_dir / "prompts" / "basic.txt").write_text("water\n")
    return config


def test_a_bundle_serves_a_machine_without_a_network(config: Config, engine_root: Path, tmp_path: Path) -> None:
    said: list[str] = []
    out = write_bundle("tiny", tmp_path / "bundle", config, say=said.append, engine_root=engine_root)
    assert {path.name for path in (out / "wheels").iterdir()} == {
        "torch-1.0-py3-none-any.whl",
        "satclip_tiny_dependency-1.0-py3-none-any.whl",
    }
    assert (out / "engine" / "satclip_engine" / "config.py").is_file()
    assert not list(out.rglob("__pycache__"))
    assert (out / "resources" / "prompts" / "basic.txt").is_file()
    readme = (out / "README.txt").read_text()
    assert "models/tiny" in readme
    assert "2 packages" in readme
    assert len(said) == 3

    # As the text says, with nothing but the folder.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    target = tmp_path / "site"
    wheels = [str(path) for path in (out / "wheels").glob("*.whl")]
    install = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", "wheels", "--no-deps"]
    subprocess.run(
        [*install, "--target", str(target), *wheels], cwd=out, env=environment, check=True, capture_output=True
    )
    assert (target / "satclip_tiny_dependency.py").is_file()
    other = replace(engine_config(tmp_path / "other"), offline=True)
    assert import_model(out, other).name == "tiny"
    assert load_encoder("tiny", device="cpu", precision="fp32", config=other).embed_dim == 32


def test_a_built_in_model_can_be_bundled(config: Config, engine_root: Path, tmp_path: Path) -> None:
    write_tiny_model(config.resources_dir / "models" / "mini")
    out = write_bundle("mini", tmp_path / "bundle", config, engine_root=engine_root)
    assert (out / "models" / "mini" / "open_clip_config.json").is_file()


def refusal(do: Callable[[], object]) -> tuple[type, str]:
    with pytest.raises((ModelError, OutputError, EngineError)) as caught:
        do()
    assert caught.value.remedy
    return type(caught.value), caught.value.code


def test_what_is_refused(config: Config, engine_root: Path, tmp_path: Path) -> None:
    def bundle(model: str = "tiny", out: str = "bundle") -> object:
        return write_bundle(model, tmp_path / out, config, engine_root=engine_root)

    assert refusal(lambda: bundle("nobody")) == (ModelError, "model.unknown")
    assert refusal(lambda: bundle("../tiny")) == (ModelError, "model.unknown")
    assert refusal(lambda: bundle(out="given")) == (OutputError, "resource.output")
    lock = engine_root / "requirements" / "cpu.lock"
    lock.write_text(lock.read_text().replace("--hash=sha256:", "--hash=sha256:00"))
    assert refusal(bundle) == (EngineError, "bundle.wheels")
    with (config.models_dir / "tiny" / "open_clip_model.safetensors").open("ab") as file:
        file.write(b"x")
    assert refusal(lambda: bundle(out="again")) == (ModelError, "model.hash")
