"""Which Python and which tool an installation uses, and what it says before it starts."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from satclip_qgis.provision.installed import lock_id
from satclip_qgis.provision.interpreters import (
    Interpreter,
    find_interpreters,
    pip_config_files,
    pip_has_own_sources,
    probe,
)
from satclip_qgis.provision.plan import InstallPlan, PlanProblem, check_disk, choose_python, make_plan
from satclip_qgis.provision.steps import installation_steps, split_lock
from satclip_qgis.settings import Settings

PY39 = Interpreter("/qgis/python", (3, 9, 5), 64, True)
PY312 = Interpreter("/usr/bin/python3.12", (3, 12, 3), 64, True)
NO_VENV = Interpreter("/usr/bin/python3.13", (3, 13, 0), 64, False)
BITS32 = Interpreter("/old/python", (3, 12, 0), 32, True)


@pytest.fixture
def plan(qgis_app: object, tmp_path: Path) -> InstallPlan:
    return make_plan(Settings(data_dir=str(tmp_path / "data")), backend="cpu")


def test_the_first_python_that_fits_is_taken() -> None:
    assert choose_python((PY39, BITS32, NO_VENV, PY312), "") == ("/usr/bin/python3.12", "Python 3.12.3")


def test_uv_needs_no_venv_module_and_fetches_a_missing_python() -> None:
    assert choose_python((PY39, NO_VENV), "/usr/bin/uv")[0] == "/usr/bin/python3.13"
    assert choose_python((PY39,), "/usr/bin/uv")[0] == "3.12"


@pytest.mark.parametrize(
    ("found", "code", "word"),
    [((NO_VENV,), "provision.no_venv", "python3.13-venv"), ((PY39, BITS32), "provision.no_python", "3.9.5")],
)
def test_no_fitting_python_is_a_problem_with_a_remedy(found: tuple[Interpreter, ...], code: str, word: str) -> None:
    with pytest.raises(PlanProblem) as caught:
        choose_python(found, "")
    assert caught.value.problem.code == code
    assert word in caught.value.problem.detail + caught.value.problem.remedy


def test_this_machines_python_is_found_and_asked(qgis_app: object) -> None:
    found = find_interpreters()
    assert found
    assert all(probe(item.path) == item for item in found)
    assert probe("/bin/sh") is None
    assert probe("/no/such/program") is None


def test_a_companys_mirror_in_pips_configuration_is_noticed(tmp_path: Path) -> None:
    with_mirror, without = tmp_path / "a.conf", tmp_path / "b.conf"
    with_mirror.write_text("[global]\nindex-url = https://mirror.example/simple\n", encoding="utf-8")
    without.write_text("[global]\nquiet = 1\n", encoding="utf-8")
    assert pip_has_own_sources({}, [with_mirror])
    assert not pip_has_own_sources({}, [without, tmp_path / "missing.conf"])
    assert pip_has_own_sources({"PIP_EXTRA_INDEX_URL": "https://mirror.example"}, [])
    assert tmp_path / "own.conf" in pip_config_files({"PIP_CONFIG_FILE": str(tmp_path / "own.conf")})


def test_the_plan_says_what_where_and_how_large(plan: InstallPlan) -> None:
    assert plan.backend == "cpu"
    assert plan.reason
    assert plan.venv.parent == plan.data_dir / "engine"
    assert lock_id(plan.lock) in plan.venv.name
    assert plan.disk_bytes > plan.download_bytes > 100_000_000
    assert (plan.source / "engine" / "satclip_engine").is_dir()
    assert not plan.data_dir.exists()


def test_another_lock_means_another_environment(plan: InstallPlan, tmp_path: Path) -> None:
    changed = tmp_path / "cpu.lock"
    changed.write_text(plan.lock.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert lock_id(changed) != lock_id(plan.lock)


def test_a_full_disk_is_said_before_anything_is_written(plan: InstallPlan) -> None:
    with pytest.raises(PlanProblem) as caught:
        check_disk(replace(plan, free_bytes=10_000_000))
    assert caught.value.problem.code == "provision.disk_full"
    assert "10 MB" in caught.value.problem.detail


@pytest.mark.parametrize("backend", ["cpu", "cuda"])
def test_every_locked_requirement_is_pinned_and_has_hashes(plan: InstallPlan, backend: str) -> None:
    text = plan.lock.with_name(f"{backend}.lock").read_text(encoding="utf-8")
    torch, packages = split_lock(text)
    assert torch.startswith("torch==")
    assert "torch==" not in packages.replace("open-clip-torch==", "")
    blocks = [block for block in (torch + packages).split("\n") if block and not block.startswith("    ")]
    assert len(blocks) == text.count("\n", 0) - sum(line.startswith(("    ", "#")) for line in text.split("\n"))
    assert all("==" in block and block.endswith("\\") for block in blocks)


@pytest.mark.parametrize("tool", ["", "/usr/bin/uv"])
def test_packages_come_as_wheels_with_checked_hashes(plan: InstallPlan, tool: str) -> None:
    steps = installation_steps(replace(plan, tool=tool), (), "", os.environ, {})
    assert [step.id for step in steps] == ["venv", "torch", "torch-index", "packages", "code", "verify"]
    for step in steps[1:4]:
        for command in step.commands:
            assert {"--no-deps", "--only-binary"} <= set(command)
            assert ("--require-hashes" in command) == (step.id != "torch-index")
    assert steps[0].commands[0][0] == (tool or plan.python)


def test_the_users_own_sources_are_asked_before_pytorchs_index(plan: InstallPlan) -> None:
    torch = installation_steps(plan, (), "", os.environ, {})[1]
    first, second = torch.commands
    assert "--extra-index-url" not in first
    assert second[: len(first)] == first
    assert second[-1].endswith("/cpu")


def test_what_is_done_is_skipped_and_what_was_cut_off_is_done_again(plan: InstallPlan) -> None:
    steps = installation_steps(plan, ("venv", "torch"), "packages", os.environ, {})
    assert [step.id for step in steps] == ["torch-index", "packages", "code", "verify"]
    assert "--force-reinstall" in steps[1].commands[0]
    assert "--force-reinstall" not in steps[0].commands[0]
