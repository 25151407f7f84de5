"""The diagram of the rollout's states: `python -m seatrial.codegen.diagram [--write README.md]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from seatrial.core import transitions

START = "<!-- diagram:start -->"
END = "<!-- diagram:end -->"


def mermaid() -> str:
    """The table of moves as a mermaid diagram, phases in the order of the table."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {transitions.Phase.STABLE}"]
    for phase in transitions.Phase:
        lines += [
            f"    {phase} --> {following}"
            for following in transitions.Phase
            if following in transitions.TABLE[phase].successors
        ]
    return "\n".join([*lines, "```"])


def replace_diagram(text: str) -> str:
    """The text with the diagram between its markers; `ValueError` when it has none."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"needs the lines {START} and {END}")
    return f"{before}{START}\n{mermaid()}\n{END}{after}"


def main(arguments: list[str] | None = None) -> None:
    """Prints the diagram, or writes it into a file that has the markers."""
    parser = argparse.ArgumentParser(prog="python -m seatrial.codegen.diagram")
    parser.add_argument("--write", metavar="FILE", help="a file with the markers")
    given = parser.parse_args(arguments)
    if not given.write:
        sys.stdout.write(mermaid() + "\n")
        return
    path = Path(given.write)
    path.write_text(replace_diagram(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
