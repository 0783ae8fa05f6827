"""The public face: every name resolves, says what it is, and costs nothing until used."""

from __future__ import annotations

import inspect
import subprocess
import sys
import types

import pytest

import cjlab as cj

HEAVY = ("pandas", "numpy", "duckdb", "ibis", "sklearn", "matplotlib", "scipy", "papermill")


@pytest.mark.parametrize("name", cj.__all__)
def test_every_name_resolves_and_is_documented(name) -> None:
    found = getattr(cj, name)
    assert found is getattr(cj, name)
    assert inspect.getdoc(found)
    if isinstance(found, types.ModuleType):
        assert found.__name__ == f"cjlab.{name}"
        assert not [inner for inner in found.__all__ if not hasattr(found, inner)]


def test_the_face_is_sorted_small_and_what_dir_shows() -> None:
    assert list(cj.__all__) == sorted(set(cj.__all__))
    assert len(cj.__all__) <= 30
    assert set(cj.__all__) <= set(dir(cj))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'funel'"):
        _ = cj.funel


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import sys, cjlab; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
