"""The experiments are scripts; their folder is where they find what they share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

LAB = str(Path(__file__).parents[2] / "recipes" / "lab")
if LAB not in sys.path:
    sys.path.append(LAB)
