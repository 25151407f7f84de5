"""What `make demo` and `make test` say first: what they are going to do, and about how long that takes on this machine.

Uses the standard library alone and asks nobody: it runs before anything is installed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import cache, versions

ROOT = Path(__file__).parents[2]
PACKAGES_SECONDS = 120  # pip, with an empty cache
IMAGE_SECONDS = 60
OWN_TOOLS = ("pki", "forward", "pause")
BESIDE = 0.6  # of what installs and builds images, so much comes on top of what compiles beside it


@dataclass(frozen=True, slots=True)
class Run:
    """One of the commands: what it does, what it needs, and its seconds once that is in the caches."""

    what: str
    seconds: int
    tools: tuple[str, ...]
    images: tuple[str, ...]


RUNS = {
    "demo": Run(
        "starts a real Kubernetes node on this machine, installs Seatrial on it, and rolls out four versions of one "
        "model while users send requests",
        120,
        ("kube", "coredns", "metrics-server", "versitygw", "helm", *OWN_TOOLS),
        ("runtime-sklearn", "operator"),
    ),
    "test": Run(
        "runs lint, types, unit tests, stories, and tests on control planes and on a real Kubernetes node",
        900,
        tuple(versions.GO_TOOLS),
        ("runtime-sklearn", "runtime-xgboost", "runtime-onnx", "operator"),
    ),
}


def lines(name: str, *, root: Path = ROOT) -> Iterator[str]:
    """Yield what the command does, what it must make first, and when it will be done."""
    run = RUNS[name]
    tools, images = missing_tools(run), missing_images(run)
    packages = not (root / ".venv" / ".ready").exists()
    installing = PACKAGES_SECONDS * packages + IMAGE_SECONDS * len(images)
    compiling = sum(versions.COLD_SECONDS.get(tool, 0) for tool in tools)
    first = compiling + BESIDE * installing if compiling else installing
    yield f"make {name} {run.what}"
    if packages:
        yield f"· to do once: install the Python packages into {root / '.venv'}"
    if tools:
        yield f"· to do once: compile {listed(tools)} from Go modules"
    if images:
        yield f"· to do once: build the container images {listed(images)}"
    if first:
        yield (
            f"· this takes about {minutes(first)} of preparation on two cores (once, side by side), "
            f"then about {minutes(run.seconds)}"
        )
    else:
        yield f"· everything is in the caches: this takes about {minutes(run.seconds)}"


def missing_tools(run: Run) -> list[str]:
    """Return the programs of which no version is in the cache."""
    return [tool for tool in run.tools if not any((cache.root() / "bin").glob(f"{tool}-*"))]


def missing_images(run: Run) -> list[str]:
    """Return the images of which no version is in the cache."""
    return [image for image in run.images if not any((cache.root() / "images").glob(f"{image}-*"))]


def listed(names: list[str]) -> str:
    """Return the names as text."""
    return ", ".join(names)


def minutes(seconds: float) -> str:
    """Return whole minutes as text."""
    count = max(1, round(seconds / 60))
    return f"{count} minute{'s' if count > 1 else ''}"
