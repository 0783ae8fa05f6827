"""Puts brute.py on the module list: importlib mode does not put this folder on the path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

if "journey_brute" not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        "journey_brute", Path(__file__).parent / "brute.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["journey_brute"] = module
    spec.loader.exec_module(module)
