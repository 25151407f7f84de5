"""The two images that the lab makes itself: `pause`, which holds pods, and `python-base`, on which others build."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

from tests.cluster import binaries, cache, debian, oci, progress, versions
from tests.cluster.errors import LabError

LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


def pause() -> Path:
    """An OCI layout in the cache."""
    key = cache.key_of(binaries.path_of("pause").name, *_writer())
    return cache.made(cache.root() / "images" / f"pause-{key}", _make_pause)


def _writer() -> tuple[str, str]:
    """What decides, beside its content, how an image is written."""
    return os.uname().machine, oci.FORM


def _make_pause(folder: Path) -> None:
    layer = folder.parent / "layer.tar"
    data = binaries.path_of("pause").read_bytes()
    with tarfile.open(layer, "w") as archive:
        entry = tarfile.TarInfo("pause")
        entry.size, entry.mode = len(data), 0o755
        archive.addfile(entry, io.BytesIO(data))
    oci.write_layout(folder, layer, oci.Settings(entrypoint=["/pause"], user="65535:65535"))


def python_base() -> Path:
    """An OCI layout in the cache: Debian's smallest system with Python and certificates."""
    key = cache.key_of(versions.BASE_SUITE, *versions.BASE_PACKAGES, *LEFT_OUT, *_writer())
    return cache.made(cache.root() / "images" / f"python-base-{key}", _make_python_base)


def _make_python_base(folder: Path) -> None:
    debian.ensure("mmdebstrap")
    layer = folder.parent / "layer.tar"
    argv = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(versions.BASE_PACKAGES)}"]
    argv += ["--aptopt=Apt::Install-Recommends false"]
    argv += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    argv += [versions.BASE_SUITE, str(layer), *_mirror()]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
    with progress.step("making the image python-base", about=35):
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"mmdebstrap failed; it says:\n{done.stderr[-1500:]}")
    oci.write_layout(folder, layer, oci.Settings(command=["python3"]))


def _mirror(apt: Path = Path("/etc/apt")) -> list[str]:
    """The mirror of this machine's own packages, when it has one: a company may let no other be reached.

    One of Debian alone: what others publish beside it (a vendor's Java) is no distribution.
    """
    sources = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.sources"))]
    for file in sources:
        for line in file.read_text().splitlines() if file.exists() else []:
            words = line.split() if line.startswith(("deb ", "URIs:")) else []
            for word in words:
                if word.startswith(("http:", "https:")) and word.rstrip("/").endswith("/debian"):
                    return [word]
    return []
