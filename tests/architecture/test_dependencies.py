"""The dependency rule of docs/architecture.md, by reading imports and by looking at what a process really loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "engine" / "satclip_engine"
PLUGIN = ROOT / "satclip_qgis"

# package → packages of the engine that it may import besides itself
ALLOWED = {
    "protocol": set(),
    "raster": {"protocol"},
    "models": {"protocol"},
    "features": {"raster", "models", "protocol"},
    "heads": {"models", "protocol"},
    "samples": {"features", "heads", "models", "raster", "protocol"},
    "pairs": {"samples", "raster", "harness", "models", "protocol"},
    "products": {"raster", "protocol"},
    "questions": {"features", "heads", "products", "raster", "models", "samples", "protocol"},
    "evaluation": set(),
    "training": {"features", "heads", "models", "pairs", "raster", "evaluation", "harness", "questions", "protocol"},
    "harness": {"features", "heads", "models", "products", "questions", "raster", "evaluation", "protocol"},
    "jobs": {"protocol"},
    "api": {"jobs", "protocol"},
    "worker": {
        "features",
        "heads",
        "products",
        "questions",
        "raster",
        "models",
        "pairs",
        "samples",
        "training",
        "evaluation",
        "harness",
        "protocol",
    },
    "cli": None,  # anything, but lazily
}
FORBIDDEN = {
    "raster": {"torch", "open_clip", "timm"},
    "models": {"rasterio", "pyogrio"},
    "evaluation": {"torch", "rasterio", "open_clip"},
    "api": {"torch", "rasterio", "open_clip", "timm"},
    "jobs": {"torch", "rasterio", "open_clip", "timm"},
    "products": {"torch", "open_clip"},
}
EVERYWHERE_FORBIDDEN = {"qgis", "PyQt5", "PyQt6"}


def imports_of(path: Path, *, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(at_run_time(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node but those that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        yield child
        yield from at_run_time(child)


def modules(package: str) -> list[Path]:
    return sorted((ENGINE / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_package_imports_only_what_it_may(package: str) -> None:
    allowed = ALLOWED[package]
    files = modules(package)
    assert files, f"{package} is empty"
    for path in files:
        for name in imports_of(path, top_level_only=package == "cli"):
            root, _, rest = name.partition(".")
            assert root not in EVERYWHERE_FORBIDDEN, f"{path}: {name}"
            assert root not in FORBIDDEN.get(package, set()), f"{path}: {name}"
            target = rest.split(".")[0]
            if allowed is not None and root == "satclip_engine" and (ENGINE / target).is_dir() and target:
                assert target in allowed | {package}, f"{path} imports {name}"


def test_protocol_is_standard_library_only() -> None:
    for path in modules("protocol"):
        for name in imports_of(path):
            assert name.split(".")[0] in sys.stdlib_module_names, f"{path}: {name}"


def test_plugin_imports_neither_the_engine_nor_anything_heavy() -> None:
    heavy = {
        "torch",
        "numpy",
        "rasterio",
        "open_clip",
        "sklearn",
        "pydantic",
        "satclip_engine",
        "requests",
        "PyQt5",
        "PyQt6",
    }
    for path in sorted(PLUGIN.rglob("*.py")):
        if "engine" in path.relative_to(PLUGIN).parts[:1]:
            continue
        for name in imports_of(path):
            assert name.split(".")[0] not in heavy, f"{path}: {name}"


def test_gui_and_processing_never_use_each_other() -> None:
    for package, other in (("gui", "processing"), ("processing", "gui")):
        for path in sorted((PLUGIN / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom):
                    assert other not in (node.module or "").split("."), f"{path}: {node.module}"


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("satclip_engine.api.app", {"torch", "rasterio", "open_clip"}),
        ("satclip_engine.jobs.supervisor", {"torch", "rasterio", "open_clip"}),
        ("satclip_engine.cli.main", {"torch", "rasterio", "open_clip", "starlette"}),
        ("satclip_engine.raster.scene", {"torch"}),
        ("satclip_engine.models.encoder", {"rasterio"}),
        ("satclip_engine.features.cache", {"torch", "rasterio"}),
    ],
)
def test_process_loads_only_what_it_needs(module: str, absent: set[str]) -> None:
    code = f"import sys, {module}; print(' '.join(sorted({absent!r} & set(sys.modules))))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert found == []


def test_modules_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in (ENGINE, PLUGIN)
        for path in folder.rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}
