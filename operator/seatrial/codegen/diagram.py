"""The diagram of the phases of a rollout: `python -m seatrial.codegen.diagram [--write README.md]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from seatrial.core import transitions

START = "<!-- diagram:start -->"
END = "<!-- diagram:end -->"


def mermaid() -> str:
    """Return the table of transitions as a mermaid diagram, in the order of the phases."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {transitions.Phase.STABLE}"]
    for phase in transitions.Phase:
        lines += [
            f"    {phase} --> {successor}"
            for successor in transitions.Phase
            if successor in transitions.TABLE[phase].successors
        ]
    return "\n".join([*lines, "```"])


def replace_diagram(text: str) -> str:
    """Return `text` with the diagram between its markers. Raise `ValueError` when a marker is missing."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"the lines {START} and {END} are required")
    return f"{before}{START}\n{mermaid()}\n{END}{after}"


def main(arguments: list[str] | None = None) -> None:
    """Print the diagram, or write it into a file that has the markers."""
    parser = argparse.ArgumentParser(prog="python -m seatrial.codegen.diagram")
    parser.add_argument("--write", metavar="FILE", help="a file with the markers")
    options = parser.parse_args(arguments)
    if not options.write:
        sys.stdout.write(mermaid() + "\n")
        return
    path = Path(options.write)
    path.write_text(replace_diagram(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
