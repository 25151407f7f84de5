"""The images of the product, built by buildah without a daemon, in the cache as OCI layout folders.

An image is built again when its Containerfile, a file that it copies, its arguments or its base have changed. buildah
keeps the layers, so that a change of our own sources does not install packages again.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import base_images, cache, debian, oci, progress
from tests.cluster.errors import LabError

ROOT = Path(__file__).parents[2]  # of the repository: the build's context
FORM = "2"  # another value builds all images anew
RUNTIMES = ("sklearn", "xgboost", "onnx")
DISK_NEEDED = 8 << 30  # bytes: layers, and the images made of them
KEPT = 2  # versions of one image in the cache
NOT_STARTED = "sealing memfd"  # buildah could not copy itself for a step: on a busy machine, now and then
COPY = re.compile(r"^(?:COPY|ADD)\s+(?!--from)(?:--\S+\s+)*(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Recipe:
    """One image: a Containerfile of the repository (or elsewhere, for tests) and its arguments."""

    name: str
    containerfile: Path
    context: Path = ROOT
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def ignore_file(self) -> Path | None:
        file = self.containerfile.with_name(f"{self.containerfile.name}.ignore")
        return file if file.exists() else None

    def sources(self) -> list[Path]:
        """What the Containerfile copies from the context, in its order."""
        found = []
        for words in COPY.findall(self.containerfile.read_text().replace("\\\n", " ")):
            found += [self.context / source for source in words.split()[:-1]]
        return found


def runtime_recipe(runtime: str) -> Recipe:
    """The recipe of the image in which models of this runtime are built and served."""
    if runtime not in RUNTIMES:
        raise LabError(f"unknown runtime '{runtime}'; known: {', '.join(RUNTIMES)}")
    return Recipe(
        f"runtime-{runtime}", ROOT / "model_runtime" / "Containerfile", arguments={"RUNTIME": runtime}
    )


def runtime_image(runtime: str) -> Path:
    """The runtime image as an OCI layout, built when something has changed."""
    return image_of(runtime_recipe(runtime))


def operator_image() -> Path:
    """The operator's image as an OCI layout, built when something has changed."""
    return image_of(recipe_of("operator"))


def build_all(names: Sequence[str]) -> dict[str, Path]:
    """The images of these names: `operator`, or `runtime-` and a runtime."""
    return {name: image_of(recipe_of(name)) for name in names}


def recipe_of(name: str) -> Recipe:
    """The recipe of the image with this name."""
    if name == "operator":
        return Recipe("operator", ROOT / "operator" / "Containerfile")
    return runtime_recipe(name.removeprefix("runtime-"))


def image_of(recipe: Recipe) -> Path:
    """The image as an OCI layout in the cache."""
    folder = cache.root() / "images"
    target = folder / f"{recipe.name}-{key_of(recipe, base=base_images.python_base())}"
    if target.exists():
        return target
    _check_machine()
    with cache.locked(
        folder / ".buildah.lock"
    ):  # one build at a time: the later ones find the layers of the first
        try:
            made = cache.made(target, lambda path: _build(recipe, path))
        finally:  # buildah leaves it mounted
            subprocess.run(["umount", str(_storage() / "overlay")], capture_output=True, check=False)
    _forget_old(folder, recipe.name, keep=made)
    return made


def key_of(recipe: Recipe, *, base: Path) -> str:
    """The same for the same inputs, and another for every change of one of them."""
    files = [recipe.containerfile, *recipe.sources()]
    if recipe.ignore_file:
        files.append(recipe.ignore_file)
    missing = [str(file) for file in files if not file.exists()]
    if missing:
        raise LabError(f"{recipe.containerfile} copies what is not there: {', '.join(missing)}")
    return cache.key_of(cache.contents(*files), repr(sorted(recipe.arguments.items())), base.name, FORM)


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise LabError(
            "building images here needs root; with docker or podman build the Containerfiles instead"
        )
    if shutil.disk_usage(cache.root()).free < DISK_NEEDED:
        raise LabError(
            f"{cache.root()} has less than {DISK_NEEDED >> 30} GiB free; make room or set XDG_CACHE_HOME"
        )
    debian.ensure("buildah", "skopeo")


def _build(recipe: Recipe, target: Path) -> None:
    base = _base()
    tag = f"localhost/{target.name}"
    with progress.step(f"building the image {recipe.name}", about=60), tempfile.TemporaryDirectory() as spare:
        arguments = {"BASE": base, **recipe.arguments}
        options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        options += [f"--volume={volume}" for volume in pip_volumes(Path(spare))]
        if recipe.ignore_file:
            options.append(f"--ignorefile={recipe.ignore_file}")
        common = ["--isolation=chroot", "--network=host", "--layers", "--timestamp=0", "--format=oci"]
        _buildah("rm", "--all")  # what a broken build left would hold its layers
        _bud(*common, *options, "-t", tag, "-f", str(recipe.containerfile), str(recipe.context))
        # uncompressed: on one machine packing and unpacking cost more than copying
        copy = ["skopeo", "copy", "-q", "--insecure-policy", "--dest-oci-accept-uncompressed-layers"]
        _run(*copy, _in_storage(tag), f"oci:{target}:latest")
    _buildah("rmi", tag)  # the layers stay
    _share_blobs(target)


def _bud(*arguments: str) -> None:
    """The image is built; a step that did not even start is tried once more, on the layers that are there."""
    try:
        _buildah("bud", *arguments)
    except LabError as error:
        if NOT_STARTED not in str(error):
            raise
        _buildah("bud", *arguments)


def _base() -> str:
    """The name of python-base in buildah's storage, where it is now."""
    layout = base_images.python_base()
    name = f"localhost/{layout.name}:latest"
    if name not in _run("buildah", *_places(), "images", "--format", "{{.Name}}:{{.Tag}}").split():
        # buildah itself cannot name an image that it pulls from a folder
        _run("skopeo", "copy", "-q", "--insecure-policy", f"oci:{layout}", _in_storage(name))
    return name


def _storage() -> Path:
    return cache.root() / "buildah"


def _in_storage(name: str) -> str:
    """What skopeo calls an image of buildah's storage."""
    return f"containers-storage:[overlay@{_storage()}+{_storage() / 'run'}]{name}"


def _places() -> list[str]:
    return ["--root", str(_storage()), "--runroot", str(_storage() / "run"), "--storage-driver", "overlay"]


def _buildah(command: str, *arguments: str) -> str:
    return _run("buildah", *_places(), command, *arguments)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{argv[0]} failed; it says:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def pip_volumes(folder: Path) -> list[str]:
    """Mounts by which pip in a build finds packages as it does on this machine; nothing of them is in the image."""
    lines, volumes = ["[global]", "disable-pip-version-check = true"], []
    if authority := _authority():
        volumes.append(f"{authority}:/run/lab-ca.crt:ro")
        lines.append("cert = /run/lab-ca.crt")
    for option, value in _pip_settings().items():
        lines.append(f"{option} = {value}")
        if option == "find-links" and Path(value).is_dir():
            volumes.append(f"{value}:{value}:ro")
    (folder / "pip.conf").write_text("\n".join(lines) + "\n")
    return [*volumes, f"{folder / 'pip.conf'}:/etc/pip.conf:ro"]


def _authority() -> Path | None:
    """The bundle of certificates that this machine trusts."""
    for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if (value := os.environ.get(name)) and Path(value).is_file():
            return Path(value).resolve()
    system = Path("/etc/ssl/certs/ca-certificates.crt")
    return system if system.is_file() else None


def _pip_settings() -> dict[str, str]:
    """pip's options for where packages are: this machine's configuration, then its environment."""
    options = ("index-url", "extra-index-url", "find-links", "timeout", "trusted-host")
    found = {}
    for line in _pip_config():
        name, _, value = line.partition("=")
        option = name.split(".")[-1].lower()
        if option in options and "\\n" not in value:
            found[option] = value.strip().strip("'")
    return found


def _pip_config() -> Sequence[str]:
    # pip itself merges files and environment, and says the result
    argv = [sys.executable, "-m", "pip", "config", "list"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()


def _share_blobs(image: Path) -> None:
    """Layers that another image in the cache has too are the same file."""
    for blob in (image / "blobs" / "sha256").iterdir():
        for other in image.parents[1].glob(f"*/blobs/sha256/{blob.name}"):
            if oci.replaced_by_link(blob, other):
                break


def _forget_old(folder: Path, name: str, *, keep: Path) -> None:
    """Of an image's versions the newest stay."""
    versions = sorted(folder.glob(f"{name}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in [path for path in versions if path != keep][KEPT - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
