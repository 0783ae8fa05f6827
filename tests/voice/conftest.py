"""Puts small.py on the module list: importlib mode does not put this folder on the path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

if "voice_small" not in sys.modules:
    spec = importlib.util.spec_from_file_location("voice_small", Path(__file__).parent / "small.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["voice_small"] = module
    spec.loader.exec_module(module)
