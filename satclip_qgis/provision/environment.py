"""The environment of child processes: an allow-list, because QGIS exports variables that break another Python.

``PYTHONHOME``, ``PYTHONPATH``, ``PROJ_*``, ``GDAL_*``, ``LD_LIBRARY_PATH`` and, on OSGeo4W, ``PYTHONEXECUTABLE``
(which silently redirects pip) point into QGIS's own installation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QProcessEnvironment
from qgis.PyQt.QtNetwork import QNetworkProxy

from satclip_qgis.settings import Settings

_ALLOWED = frozenset({
    # Who and where the user is.
    "PATH", "HOME", "USER", "LOGNAME", "USERNAME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "SHELL",
    "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP",
    # Windows needs these to start any program.
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA",
    "PROGRAMFILES", "PROGRAMFILES(X86)", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "PROCESSOR_IDENTIFIER",
    # Certificates and proxies of the user or the company.
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    # How many cores and which GPU to use; where models and cloud rasters come from.
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NVIDIA_VISIBLE_DEVICES", "HF_HOME", "HF_ENDPOINT", "HF_HUB_OFFLINE",
    "HF_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
})  # fmt: skip
# The user's pip and uv configuration (a company's mirror), our own settings, and cloud storage of rasters.
_ALLOWED_PREFIXES = ("PIP_", "UV_", "LC_", "XDG_", "CUDA_", "SATCLIP_", "AWS_", "AZURE_")
# These would install into another place than our environment, or something else than the lock.
_REFUSED = frozenset({
    "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON", "PIP_REQUIRE_VIRTUALENV", "PIP_DRY_RUN",
    "PIP_EDITABLE", "PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_BREAK_SYSTEM_PACKAGES",
    "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_PYTHON",
})  # fmt: skip


def child_environment(parent: Mapping[str, str], **extra: str) -> dict[str, str]:
    """Return what a child may see of ``parent``, with ``extra`` on top."""
    kept = {name: value for name, value in parent.items() if _is_allowed(name.upper())}
    kept.update(PYTHONNOUSERSITE="1", PYTHONUTF8="1", PYTHONDONTWRITEBYTECODE="1", **extra)
    return kept


def installer_environment(parent: Mapping[str, str], proxy: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of pip or uv: the user's own pip configuration holds, QGIS's proxy is added."""
    environment = child_environment(parent, PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    del environment["PYTHONDONTWRITEBYTECODE"]  # compiled once here, every start of the engine is faster
    environment.update(proxy)
    return environment


def engine_environment(parent: Mapping[str, str], data_dir: Path, code_dir: Path | None) -> dict[str, str]:
    """Return the environment of the engine; ``code_dir`` holds ``satclip_engine`` (None: it is installed)."""
    environment = child_environment(parent, SATCLIP_HOME=str(data_dir))
    if code_dir is not None:
        environment["PYTHONPATH"] = str(code_dir)
    return environment


def download_variables(settings: Settings, proxy: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that say how the engine downloads models: QGIS's proxy, a mirror, or not at all."""
    variables = dict(proxy)
    if settings.hub_endpoint:
        variables["SATCLIP_HUB_ENDPOINT"] = settings.hub_endpoint
    if settings.offline:
        variables["SATCLIP_OFFLINE"] = settings.offline
    return variables


def to_qt(environment: Mapping[str, str]) -> QProcessEnvironment:
    """Return ``environment`` as Qt wants it."""
    result = QProcessEnvironment()
    for name, value in environment.items():
        result.insert(name, value)
    return result


def qgis_proxy() -> dict[str, str]:
    """Return the proxy set in QGIS as environment variables; empty where none is set or the system's is used."""
    proxy = QgsNetworkAccessManager.instance().fallbackProxy()
    schemes = {
        QNetworkProxy.ProxyType.HttpProxy: "http",
        QNetworkProxy.ProxyType.HttpCachingProxy: "http",
        QNetworkProxy.ProxyType.Socks5Proxy: "socks5h",
    }
    scheme = schemes.get(proxy.type())
    if scheme is None or not proxy.hostName():
        return {}
    excluded = [url.split("://")[-1].split("/")[0] for url in QgsNetworkAccessManager.instance().excludeList()]
    return proxy_variables(scheme, proxy.hostName(), proxy.port(), proxy.user(), proxy.password(), excluded)


def proxy_variables(scheme: str, host: str, port: int, user: str, password: str, excluded: list[str]) -> dict[str, str]:
    """Return the variables pip and uv read; user and password are percent-encoded."""
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    url = f"{scheme}://{login}{host}" + (f":{port}" if port else "")
    without = ",".join(["localhost", "127.0.0.1", *excluded])
    return {name: url for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")} | {
        "NO_PROXY": without,
        "no_proxy": without,
    }


def _is_allowed(name: str) -> bool:
    if name in _REFUSED:
        return False
    return name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)
