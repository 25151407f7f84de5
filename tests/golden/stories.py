"""All situations with a golden file; the name of each function is the name of its file."""

from __future__ import annotations

from tests.golden import canaries, hands, starts, turns
from tests.golden.situations import SITUATIONS, Situation

SUBJECTS = (starts, canaries, turns, hands)
"""Importing a module registers its situations."""

__all__ = ["SITUATIONS", "SUBJECTS", "Situation"]
