"""What child processes see of QGIS's environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from qgis.core import QgsNetworkAccessManager, QgsSettings

from satclip_qgis.provision.environment import (
    child_environment,
    download_variables,
    engine_environment,
    installer_environment,
    proxy_variables,
    qgis_proxy,
)
from satclip_qgis.settings import Settings

QGIS_ENVIRONMENT = {
    "PATH": "/usr/bin",
    "HOME": "/home/a",
    "LC_ALL": "de_DE.UTF-8",
    "PYTHONHOME": "C:/OSGeo4W/apps/Python39",
    "PYTHONPATH": "/usr/share/qgis/python",
    "PYTHONEXECUTABLE": "C:/OSGeo4W/bin/python3.exe",
    "PROJ_LIB": "/usr/share/proj",
    "PROJ_DATA": "/usr/share/proj",
    "GDAL_DATA": "/usr/share/gdal",
    "GDAL_DRIVER_PATH": "x",
    "LD_LIBRARY_PATH": "/usr/lib/grass",
    "QT_PLUGIN_PATH": "x",
    "VIRTUAL_ENV": "/work/venv",
    "CUDA_VISIBLE_DEVICES": "1",
    "SATCLIP_MODELS": "/models",
    "SystemRoot": "C:/Windows",
    "https_proxy": "http://company:3128",
    "PIP_INDEX_URL": "https://mirror.example/simple",
    "PIP_TARGET": "/elsewhere",
    "PIP_USER": "1",
    "UV_SYSTEM_PYTHON": "1",
    "UV_INDEX_URL": "https://mirror.example/simple",
}


def test_nothing_of_qgiss_own_python_and_gdal_reaches_a_child() -> None:
    child = child_environment(QGIS_ENVIRONMENT)
    for name in ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "VIRTUAL_ENV"):
        assert name not in child
    assert not {"GDAL_DRIVER_PATH", "LD_LIBRARY_PATH", "QT_PLUGIN_PATH"} & set(child)


def test_what_a_child_needs_is_kept_whatever_its_case() -> None:
    child = child_environment(QGIS_ENVIRONMENT)
    for name in ("PATH", "HOME", "LC_ALL", "CUDA_VISIBLE_DEVICES", "SATCLIP_MODELS", "SystemRoot", "https_proxy"):
        assert child[name] == QGIS_ENVIRONMENT[name]
    assert child["PYTHONNOUSERSITE"] == "1"


def test_the_users_mirror_holds_but_nothing_may_redirect_the_installation() -> None:
    installer = installer_environment(QGIS_ENVIRONMENT, {})
    assert installer["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert installer["UV_INDEX_URL"] == "https://mirror.example/simple"
    assert installer["PIP_USER"] == "0"
    assert not {"PIP_TARGET", "UV_SYSTEM_PYTHON"} & set(installer)


def test_qgiss_proxy_wins_over_the_environments() -> None:
    proxy = proxy_variables("http", "proxy.example", 8080, "me", "p@ss:word", ["intranet"])
    installer = installer_environment(QGIS_ENVIRONMENT, proxy)
    assert installer["HTTPS_PROXY"] == installer["https_proxy"] == "http://me:p%40ss%3Aword@proxy.example:8080"
    assert installer["NO_PROXY"] == "localhost,127.0.0.1,intranet"


def test_a_proxy_without_a_user_has_no_login() -> None:
    proxy = proxy_variables("socks5h", "proxy.example", 1080, "", "", [])
    assert proxy["HTTPS_PROXY"] == "socks5h://proxy.example:1080"


@pytest.mark.parametrize(("code_dir", "expected"), [(None, None), (Path("/data/code/engine"), "/data/code/engine")])
def test_the_engine_finds_its_code_and_its_data(code_dir: Path | None, expected: str | None) -> None:
    environment = engine_environment(QGIS_ENVIRONMENT, Path("/data"), code_dir)
    assert environment["SATCLIP_HOME"] == "/data"
    assert environment.get("PYTHONPATH") == expected


def test_mirror_offline_mode_and_proxy_reach_the_engine() -> None:
    proxy = {"HTTPS_PROXY": "http://proxy.example:3128"}
    settings = Settings(hub_endpoint="https://hub.example.org", offline="1")
    expected = {**proxy, "SATCLIP_HUB_ENDPOINT": "https://hub.example.org", "SATCLIP_OFFLINE": "1"}
    assert download_variables(settings, proxy) == expected
    # What the user's own environment says is not overridden by empty settings.
    assert download_variables(Settings(), {}) == {}


def test_the_proxy_set_in_qgis_is_passed_on(qgis_app: object) -> None:
    store = QgsSettings()
    values = {"proxyEnabled": True, "proxyType": "HttpProxy", "proxyHost": "proxy.example", "proxyPort": "3128"}
    for name, value in values.items():
        store.setValue(f"proxy/{name}", value)
    store.setValue("proxy/proxyExcludedUrls", ["http://intranet.example/"])
    manager = QgsNetworkAccessManager.instance()
    try:
        manager.setupDefaultProxyAndCache()
        proxy = qgis_proxy()
    finally:
        store.remove("proxy")
        manager.setupDefaultProxyAndCache()
    assert proxy["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert "intranet.example" in proxy["NO_PROXY"]
    assert qgis_proxy() == {}
