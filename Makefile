PYTHON ?= python3
BACKEND_TESTS = tests/models tests/detector tests/test_geometry.py tests/test_losses.py tests/test_callbacks.py \
    tests/training/test_resume.py::test_ctrl_c_finishes_the_batch_and_the_run_resumes_exactly
SOURCES = keras_ssd tests training examples benchmarks setup.py
# One process for each core, up to 4, because each takes gigabytes. A file's tests run in one of them.
IN_PARALLEL = -n auto --maxprocesses 4 --dist loadfile

.PHONY: test test-docs test-slow test-backends lint format docs docs-build wheel demo clean

# What it takes to run; enough for `make demo`.
.venv/.installed: setup.cfg
	$(PYTHON) -m venv .venv
	.venv/bin/pip install -q -e .
	touch $@

# What it takes to train, test and build.
.venv/.installed-test: .venv/.installed
	.venv/bin/pip install -q -e .[test]
	touch $@

# MediaPipe Tasks brings an OpenCV of its own, so it has an environment of its own.
.venv-mediapipe/.installed: Makefile
	$(PYTHON) -m venv .venv-mediapipe
	.venv-mediapipe/bin/pip install -q "mediapipe>=1.2,<2"
	touch $@

# Gradio needs an older Pillow, so the page has an environment of its own; it runs without TensorFlow.
.venv-demo/.installed: setup.cfg
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/pip install -q "gradio>=6.31,<7" "numpy>=2,<3" "opencv-python-headless>=4.13,<6" \
	    "ai-edge-litert>=2.3,<3" "av>=18,<19"
	.venv-demo/bin/pip install -q --no-deps -e .
	touch $@

# Ray and Apache Beam, without TensorFlow, for the recipes in examples/distributed.
.venv-ray/.installed .venv-beam/.installed: .venv-%/.installed: examples/distributed/requirements-%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/pip install -q -r $<
	.venv-$*/bin/pip install -q --no-deps -e .
	touch $@

test: .venv/.installed-test
	.venv/bin/python -m pytest $(IN_PARALLEL)
	.venv/bin/python -m pytest --doctest-modules keras_ssd
	$(MAKE) test-backends

# The notebooks, the command blocks of README and guides, and pages in a browser.
test-docs: .venv/.installed-test .venv-demo/.installed
	.venv/bin/python -m pytest -m docs

test-slow: .venv/.installed-test .venv-mediapipe/.installed .venv-ray/.installed .venv-beam/.installed
	.venv/bin/python -m pytest -m slow

test-backends: .venv/.installed-test
	KERAS_BACKEND=jax .venv/bin/python -m pytest $(IN_PARALLEL) -m "not slow and not docs" $(BACKEND_TESTS)
	KERAS_BACKEND=torch .venv/bin/python -m pytest $(IN_PARALLEL) -m "not slow and not docs" $(BACKEND_TESTS)

lint: .venv/.installed-test
	.venv/bin/ruff check $(SOURCES)
	.venv/bin/ruff format --check $(SOURCES)
	.venv/bin/mypy

format: .venv/.installed-test
	.venv/bin/ruff check --fix $(SOURCES)
	.venv/bin/ruff format $(SOURCES)

# Serves the documentation site on localhost:8000, and builds it anew after each change.
docs: .venv/.installed-test
	.venv/bin/zensical serve

# Builds the site into site/; a warning, such as a broken link, is an error.
docs-build: .venv/.installed-test
	.venv/bin/zensical build --clean --strict

# Builds the source distribution and from that the wheel, checks what an index would say of them, and
# imports every module of the wheel where nothing but its own requirements is installed. The import runs
# inside dist/, so that it cannot find this folder's sources.
wheel: .venv/.installed-test
	rm -rf build dist .venv-wheel
	.venv/bin/python -m build
	.venv/bin/twine check --strict dist/*
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/pip install -q dist/*.whl
	cd dist && ../.venv-wheel/bin/python -c "import importlib, pkgutil, keras_ssd; \
	    names = [m.name for m in pkgutil.walk_packages(keras_ssd.__path__, 'keras_ssd.')]; \
	    [importlib.import_module(name) for name in names]; \
	    print('imported keras_ssd and', len(names), 'modules from', keras_ssd.__file__)"
	cd dist && ../.venv-wheel/bin/keras-ssd --help >/dev/null
	rm -rf .venv-wheel

demo: .venv/.installed
	.venv/bin/python training/demo.py

clean:
	rm -rf .venv .venv-mediapipe .venv-demo .venv-ray .venv-beam .venv-wheel build dist site *.egg-info .pytest_cache .ruff_cache
	find keras_ssd tests training -name __pycache__ -type d -prune -exec rm -rf {} +
