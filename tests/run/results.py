"""What the groups have found: one verdict per test, where the time went, and the closing line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from xml.etree import ElementTree as ET

from tests.run.scheduling import SUCCESS, Ended, clock_text

Verdict = Literal["passed", "failed", "skipped"]
SLOWEST: Final = 15
WIDTH: Final = 110


@dataclass(frozen=True, slots=True)
class Case:
    """One test."""

    name: str
    seconds: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Result:
    """A group with its tests."""

    ended: Ended
    cases: Sequence[Case]
    log: str

    @property
    def failed(self) -> int:
        """Return the number of failed tests; a group that fails without a failed test counts as one."""
        found = sum(case.verdict == "failed" for case in self.cases)
        return found or int(self.ended.code not in SUCCESS)

    def report(self) -> str:
        """Return what the group printed from its failures on; all of it for a group that is no pytest run."""
        start = re.search(r"^=+ (ERRORS|FAILURES) =+$", self.log, re.MULTILINE)
        return self.log[start.start() :] if start else self.log

    def skips(self) -> Counter[str]:
        """Return how many tests were skipped for each reason."""
        counts: Counter[str] = Counter()
        for count, reason in re.findall(r"^SKIPPED \[(\d+)\] [^ ]+: (.*)$", self.log, re.MULTILINE):
            counts[reason] += int(count)
        return counts


def result_of(ended: Ended, folder: Path) -> Result:
    """Read what the group left in `folder`."""
    log = ended.group.log_file(folder).read_text(errors="replace")
    return Result(ended, cases_of(ended.group.results_file(folder)), log)


def cases_of(file: Path) -> list[Case]:
    """Return the tests in a JUnit file; none when the file is missing or was cut off by a crash."""
    try:
        tree = ET.parse(file)  # noqa: S314 - written by our own pytest a moment ago
    except (OSError, ET.ParseError):
        return []
    found: dict[str, Case] = {}
    for element in tree.iter("testcase"):
        name = f"{element.get('classname', '')}::{element.get('name', '')}"
        case = Case(name, float(element.get("time", 0)), _verdict(element))
        # a test that fails while it is taken down is listed twice
        if name not in found or case.verdict == "failed":
            found[name] = case
    return list(found.values())


def _verdict(element: ET.Element) -> Verdict:
    if element.find("failure") is not None or element.find("error") is not None:
        return "failed"
    return "passed" if element.find("skipped") is None else "skipped"


def table(results: Iterable[Result]) -> list[str]:
    """Return where the time went: one line per group, in the order in which they began."""
    lines = [f"{'group':42} {'waits for':14} {'from':>6} {'takes':>6} {'processor':>10} {'tests':>6}"]
    for result in sorted(results, key=lambda each: each.ended.began):
        ended = result.ended
        lines.append(
            f"{ended.group.name:42} {ended.group.resource:14} {clock_text(ended.began):>6} "
            f"{clock_text(ended.seconds):>6} {ended.cpu_seconds:8.0f} s {len(result.cases) or '–':>6}"
        )
    return lines


def slowest(results: Iterable[Result], count: int = SLOWEST) -> list[str]:
    """Return the tests that took longest."""
    cases = [case for result in results for case in result.cases]
    longest = sorted(cases, key=lambda case: -case.seconds)[:count]
    return [f"{case.seconds:7.2f} s  {case.name[:WIDTH]}" for case in longest]


def skip_lines(results: Iterable[Result]) -> list[str]:
    """Return each reason for which tests were skipped, with their number."""
    counts = sum((result.skips() for result in results), Counter[str]())
    return [f"{count} × {reason}" for reason, count in counts.most_common()]


def closing_line(results: Iterable[Result]) -> str:
    """Return the one line that says how it went."""
    counts: Counter[str] = Counter()
    for result in results:
        counts.update(case.verdict for case in result.cases if case.verdict != "failed")
        counts["failed"] += result.failed
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("passed", "failed", "skipped"))
