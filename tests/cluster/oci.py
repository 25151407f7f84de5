"""OCI images as folders and tar files: written without a builder, and put into a registry's storage without a push."""

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MEDIA = "application/vnd.oci.image."
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CHUNK = 1 << 20
FORM = "1"  # another value makes all images anew
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a container of the image starts with."""

    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    user: str = ""
    environment: Sequence[str] = (PATH,)


def write_layout(folder: Path, layer: Path, settings: Settings) -> None:
    """`folder` is an OCI layout of one image with this one, uncompressed layer."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    layer_size, layer_digest = layer.stat().st_size, _digest_of(layer)
    shutil.move(layer, blobs / layer_digest.removeprefix("sha256:"))
    config = {
        "architecture": ARCHITECTURES[os.uname().machine],
        "os": "linux",
        "config": {
            "Entrypoint": list(settings.entrypoint),
            "Cmd": list(settings.command),
            "User": settings.user,
            "Env": list(settings.environment),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
        "history": [{"created": EPOCH, "created_by": "seatrial lab"}],  # builders want one for each layer
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{MEDIA}manifest.v1+json",
        "config": _blob(blobs, config, f"{MEDIA}config.v1+json"),
        "layers": [{"mediaType": f"{MEDIA}layer.v1.tar", "digest": layer_digest, "size": layer_size}],
    }
    index = {"schemaVersion": 2, "manifests": [_blob(blobs, manifest, f"{MEDIA}manifest.v1+json")]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def _blob(blobs: Path, content: dict[str, Any], media: str) -> dict[str, Any]:
    data = json.dumps(content, sort_keys=True).encode()
    name = hashlib.sha256(data).hexdigest()
    (blobs / name).write_bytes(data)
    return {"mediaType": media, "digest": f"sha256:{name}", "size": len(data)}


def _digest_of(file: Path) -> str:
    with file.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def digest_of_image(image: Path) -> str:
    """The digest of the one manifest (or index) of a layout folder or archive."""
    (descriptor,) = json.loads(_Blobs(image).text("index.json"))["manifests"]
    return str(descriptor["digest"])


def store(image: Path, storage: Path, repository: str, tag: str) -> str:
    """The registry that keeps its content in `storage` serves the image under this name; its digest.

    Blobs of a layout folder on the same file system become hard links, so that a gigabyte takes no time. The
    registry reads its storage anew for each request and never writes into a blob, so it may be running.
    """
    digest = digest_of_image(image)
    blobs = _Blobs(image)
    _store_manifest(blobs, storage, repository, digest)
    manifests = _repository(storage, repository) / "_manifests"
    for kind in ("current", f"index/{digest.replace(':', '/')}"):
        _link(manifests / "tags" / tag / kind, digest)
    return digest


def _store_manifest(blobs: "_Blobs", storage: Path, repository: str, digest: str) -> None:
    manifest = json.loads(blobs.text(f"blobs/{digest.replace(':', '/')}"))
    parts = [*manifest.get("layers", []), *([manifest["config"]] if "config" in manifest else [])]
    for part in parts:
        blobs.copy(part["digest"], _data(storage, part["digest"]))
        _link(_repository(storage, repository) / "_layers" / part["digest"].replace(":", "/"), part["digest"])
    for child in manifest.get("manifests", []):  # the platforms of an index
        _store_manifest(blobs, storage, repository, child["digest"])
    blobs.copy(digest, _data(storage, digest))
    _link(_repository(storage, repository) / "_manifests" / "revisions" / digest.replace(":", "/"), digest)


def _repository(storage: Path, name: str) -> Path:
    return storage / "docker" / "registry" / "v2" / "repositories" / name


def _data(storage: Path, digest: str) -> Path:
    kind, name = digest.split(":")
    return storage / "docker" / "registry" / "v2" / "blobs" / kind / name[:2] / name / "data"


def _link(folder: Path, digest: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "link").write_text(digest)


class _Blobs:
    """Reads an image that is a folder or a tar file."""

    def __init__(self, image: Path) -> None:
        self.image = image

    def text(self, name: str) -> str:
        if self.image.is_dir():
            return (self.image / name).read_text()
        with tarfile.open(self.image) as archive:
            return self._member(archive, name).read().decode()

    def copy(self, digest: str, target: Path) -> None:
        """The blob is at `target`, whole from the first moment."""
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        source = f"blobs/{digest.replace(':', '/')}"
        if self.image.is_dir() and _hard_linked(self.image / source, target):
            return
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            if self.image.is_dir():
                with (self.image / source).open("rb") as stream:
                    shutil.copyfileobj(stream, file, CHUNK)
            else:
                with tarfile.open(self.image) as archive:
                    shutil.copyfileobj(self._member(archive, source), file, CHUNK)
        Path(file.name).replace(target)

    def _member(self, archive: tarfile.TarFile, name: str) -> BinaryIO:
        for form in (name, f"./{name}"):
            if form in archive.getnames():
                stream = archive.extractfile(form)
                assert stream is not None
                return stream  # type: ignore[return-value]  # IO[bytes] to typeshed
        raise FileNotFoundError(f"{self.image} has no {name}")


def _hard_linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def replaced_by_link(file: Path, other: Path) -> bool:
    """Whether `file` is now another name of `other`, which must have the same bytes."""
    if file.samefile(other):
        return False
    spare = file.with_name(f".{file.name}")
    if not _hard_linked(other, spare):
        return False
    spare.replace(file)
    return True
