"""Real installations of a toy engine: environment, pip, hashes, copy, check, switch, and everything that goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from qgis.PyQt.QtCore import QLockFile

from satclip_qgis.protocol import Problem
from satclip_qgis.provision import plan as plan_module
from satclip_qgis.provision.installed import InstalledEngine, is_current, read_installed, read_previous
from satclip_qgis.provision.installer import Installer
from satclip_qgis.provision.launcher import launch_command
from satclip_qgis.provision.plan import InstallPlan, make_plan
from satclip_qgis.provision.progress_file import finished_steps, is_complete
from satclip_qgis.provision.steps import log_path
from satclip_qgis.settings import Settings
from tests.plugin.provision.toy_bundle import write_bundle, write_wheel

PATIENCE_MS = 90_000


class Run:
    """What one installation signalled."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.lines: list[str] = []
        self.shares: list[float] = []
        self.outcome: object = None


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = write_bundle(tmp_path / "bundle")
    monkeypatch.setattr(plan_module, "bundle_root", lambda: root)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(root / "wheels"))
    return root


@pytest.fixture
def settings(tmp_path: Path, qgis_app: object) -> Settings:
    return Settings(data_dir=str(tmp_path / "data"))


def install(plan: InstallPlan, qtbot: object, cancel_at: str = "") -> Run:
    """Carry out ``plan``; cancel as soon as the step with the id ``cancel_at`` is running."""
    run = Run()
    installer = Installer()
    installer.log.connect(run.lines.append)
    installer.progress.connect(run.shares.append)
    installer.step_started.connect(lambda _number, _count, title: run.titles.append(title))
    for signal in (installer.succeeded, installer.failed):
        signal.connect(lambda outcome: setattr(run, "outcome", outcome))
    installer.cancelled.connect(lambda: setattr(run, "outcome", "cancelled"))
    if cancel_at:
        installer.step_started.connect(lambda _n, _c, title: installer.cancel() if cancel_at in title else None)
        installer.log.connect(lambda line: installer.cancel() if cancel_at in line else None)
    installer.start(plan)
    qtbot.waitUntil(lambda: run.outcome is not None, timeout=PATIENCE_MS)
    assert not installer.is_running
    return run


def test_an_installation_ends_with_a_checked_engine_in_use(bundle: Path, settings: Settings, qtbot: object) -> None:
    plan = make_plan(settings, backend="cpu")
    run = install(plan, qtbot)
    assert isinstance(run.outcome, InstalledEngine), run.lines
    assert len(run.titles) == 6
    assert run.shares == sorted(run.shares)
    assert run.shares[-1] == 1.0
    assert "ok  toy: toy 1.5" in run.lines
    assert "ok  toy: toy 1.5" in log_path(settings.data_path).read_text(encoding="utf-8")
    assert read_installed(settings.data_path) == run.outcome
    assert (plan.code / "resources" / "note.txt").is_file()
    command = launch_command(settings)
    assert command is not None
    assert command.program == str(run.outcome.python)
    assert command.environment["PYTHONPATH"] == str(plan.code / "engine")

    assert is_current(run.outcome, bundle)
    bundle.joinpath("engine", "satclip_engine", "new.py").write_text("", encoding="utf-8")
    assert not is_current(run.outcome, bundle)
    # The same lock with newer code: nothing is downloaded or built again.
    upgrade = install(make_plan(settings, backend="cpu"), qtbot)
    assert isinstance(upgrade.outcome, InstalledEngine)
    assert len(upgrade.titles) == 2
    assert upgrade.outcome.venv == run.outcome.venv
    assert upgrade.outcome.code != run.outcome.code
    assert read_previous(settings.data_path) == run.outcome


def test_a_failure_is_explained_and_a_retry_continues(bundle: Path, settings: Settings, qtbot: object) -> None:
    wheel = bundle / "wheels" / "toypackage-1.5-py3-none-any.whl"
    kept = wheel.read_bytes()
    wheel.write_bytes(kept + b"tampered")
    plan = make_plan(settings, backend="cpu")
    run = install(plan, qtbot)
    assert isinstance(run.outcome, Problem)
    assert run.outcome.code == "provision.hash"
    assert "HASHES" in run.outcome.params["last_lines"]
    assert read_installed(settings.data_path) is None
    assert finished_steps(plan.venv) == ("venv", "torch", "torch-index")

    wheel.write_bytes(kept)
    retry = install(make_plan(settings, backend="cpu"), qtbot)
    assert isinstance(retry.outcome, InstalledEngine), retry.lines
    assert len(retry.titles) == 3


def test_a_missing_file_for_this_python_is_told_apart(bundle: Path, settings: Settings, qtbot: object) -> None:
    (bundle / "wheels" / "toypackage-1.5-py3-none-any.whl").unlink()
    run = install(make_plan(settings, backend="cpu"), qtbot)
    assert isinstance(run.outcome, Problem)
    assert run.outcome.code == "provision.no_wheel"


def test_an_engine_that_does_not_work_is_never_switched_to(bundle: Path, settings: Settings, qtbot: object) -> None:
    good = install(make_plan(settings, backend="cpu"), qtbot).outcome
    write_bundle(bundle, is_healthy=False)
    run = install(make_plan(settings, backend="cpu"), qtbot)
    assert isinstance(run.outcome, Problem)
    assert run.outcome.code == "provision.engine_check"
    assert "toy 1.5" in run.outcome.detail
    assert read_installed(settings.data_path) == good
    # The next try builds another environment beside the one that did not work.
    assert make_plan(settings, backend="cpu").venv.name == Path(good.venv).name + "-2"


def test_cancel_stops_and_the_next_run_continues(bundle: Path, settings: Settings, qtbot: object) -> None:
    plan = make_plan(settings, backend="cpu")
    run = install(plan, qtbot, cancel_at="toypackage-1.5")
    assert run.outcome == "cancelled"
    assert read_installed(settings.data_path) is None
    again = install(make_plan(settings, backend="cpu"), qtbot)
    assert isinstance(again.outcome, InstalledEngine), again.lines
    assert is_complete(plan.venv)


def test_cancel_while_the_environment_is_made_leaves_no_engine(bundle: Path, settings: Settings, qtbot: object) -> None:
    plan = make_plan(settings, backend="cpu")
    run = install(plan, qtbot, cancel_at="-m venv")
    assert run.outcome == "cancelled"
    assert read_installed(settings.data_path) is None
    assert finished_steps(plan.venv) == ()


def test_two_windows_do_not_install_at_once(bundle: Path, settings: Settings, qtbot: object) -> None:
    folder = settings.data_path / "engine"
    folder.mkdir(parents=True)
    other_window = QLockFile(str(folder / "install.lock"))
    assert other_window.tryLock(0)
    run = install(make_plan(settings, backend="cpu"), qtbot)
    other_window.unlock()
    assert isinstance(run.outcome, Problem)
    assert run.outcome.code == "provision.busy"


def test_a_folder_that_cannot_be_written_is_a_problem(
    bundle: Path, settings: Settings, tmp_path: Path, qtbot: object
) -> None:
    plan = make_plan(settings, backend="cpu")
    settings.data_path.write_text("a file where the folder should be", encoding="utf-8")
    run = install(plan, qtbot)
    assert isinstance(run.outcome, Problem)
    assert run.outcome.remedy


def test_environments_that_nobody_uses_are_removed(bundle: Path, settings: Settings, qtbot: object) -> None:
    root = settings.data_path / "engine"
    for name in ("venv-cpu-old", "code-old", "mine"):
        (root / name).mkdir(parents=True)
    run = install(make_plan(settings, backend="cpu"), qtbot)
    assert isinstance(run.outcome, InstalledEngine), run.lines
    qtbot.waitUntil(lambda: not (root / "venv-cpu-old").exists(), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: not (root / "code-old").exists(), timeout=PATIENCE_MS)
    assert (root / "mine").is_dir()
    assert Path(run.outcome.venv).is_dir()


def test_another_lock_builds_beside_and_keeps_the_old_for_rollback(
    bundle: Path, settings: Settings, qtbot: object
) -> None:
    first = install(make_plan(settings, backend="cpu"), qtbot).outcome
    digest = write_wheel(bundle / "wheels", "toypackage", "1.6")
    lock = bundle / "engine" / "requirements" / "cpu.lock"
    torch = lock.read_text(encoding="utf-8").split("toypackage")[0]
    lock.write_text(f"{torch}toypackage==1.6 \\\n    --hash=sha256:{digest}\n", encoding="utf-8")
    run = install(make_plan(settings, backend="cpu"), qtbot)
    assert isinstance(run.outcome, InstalledEngine), run.lines
    assert "ok  toy: toy 1.6" in run.lines
    assert run.outcome.venv != first.venv
    assert read_previous(settings.data_path) == first
