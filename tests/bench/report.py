"""The tables that are printed: what was measured, beside the floor, a peer and the budget."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NOTHING = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. `budget`: the most it may be, `at_least` the least; `floor`: what others take for the same."""

    what: str
    value: float
    unit: str = ""
    floor: float | None = None
    peer: str = NOTHING
    budget: float | None = None
    at_least: float | None = None

    @property
    def verdict(self) -> str:
        """Met, or missed by which factor."""
        if self.at_least is not None:
            return "met" if self.value >= self.at_least else f"missed ×{self.at_least / self.value:.1f}"
        if self.budget is None:
            return NOTHING
        if self.value <= self.budget:
            return "met"
        return f"missed ×{self.value / self.budget:.1f}" if self.budget else f"missed: {shown(self.value)}"


def table(title: str, rows: Iterable[Row], *, floor: str = "floor", peer: str = "Argo Rollouts") -> str:
    """A table for people that is Markdown too; `floor` and `peer` name those who are beside us."""
    head = ("", "Seatrial", floor, peer, "budget", "verdict")
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = [_line(line, widths) for line in cells]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([f"## {title}", "", lines[0], rule, *lines[1:], ""])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.what,
        f"{shown(row.value)} {row.unit}".strip(),
        NOTHING if row.floor is None else f"{shown(row.floor)} {row.unit}".strip(),
        row.peer,
        _budget(row),
        row.verdict,
    )


def _budget(row: Row) -> str:
    if row.at_least is not None:
        return f"≥ {shown(row.at_least)} {row.unit}".strip()
    return NOTHING if row.budget is None else f"≤ {shown(row.budget)} {row.unit}".strip()


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"


def shown(value: float) -> str:
    """Three digits that matter."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
