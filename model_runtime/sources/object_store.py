"""Models in S3 and everything that speaks like it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import obstore
from obstore.store import S3Store

from model_runtime.failures import BuildBroken, SourceForbidden, SourceNotFound, SourceUnavailable
from model_runtime.registry import tls
from model_runtime.sources import address, credentials, limits, object_store_errors
from model_runtime.sources.fetching import Fetched, Order
from model_runtime.sources.progress import Progress

SILENCE: Final = timedelta(seconds=60)
"""A store that sends nothing for so long has broken off; what was read of an object is kept."""

_UNBOUNDED: Final = timedelta(days=7)
"""For as long as it goes on, a fetch may take what the build may take, which the deadline of its Job ends."""

RETRIES: Final = {"max_retries": 4, "retry_timeout": _UNBOUNDED}
_ID: Final = "AWS_ACCESS_KEY_ID"
_KEY: Final = "AWS_SECRET_ACCESS_KEY"
_KEYS: Final = {
    _ID: "aws_access_key_id",
    _KEY: "aws_secret_access_key",
    "AWS_SESSION_TOKEN": "aws_session_token",
    "AWS_REGION": "aws_region",
    "AWS_DEFAULT_REGION": "aws_region",
    "AWS_ENDPOINT_URL_S3": "aws_endpoint_url",
    "AWS_ENDPOINT_URL": "aws_endpoint_url",
    "accessKeyId": "aws_access_key_id",
    "secretAccessKey": "aws_secret_access_key",
    "sessionToken": "aws_session_token",
    "region": "aws_region",
    "endpoint": "aws_endpoint_url",
}
"""Keys of the Secret, the AWS tools' own names and the plain ones, and what the client calls them."""

_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_UNSENDABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.\[\]:_-]+(?:/[!-~]*)?")
_IDENTITY: Final = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    }
)
"""Variables by which a cloud gives the pod an identity of its own."""


@dataclass(frozen=True, slots=True)
class _Listed:
    key: str
    size: int
    etag: str
    version: str


def fetch(order: Order) -> Fetched:
    """The object, or all objects below the prefix."""
    bucket, key = address.bucket_and_key(order.uri)
    _require_sendable(bucket, key, order)
    config = _config(credentials.read(order.credentials), os.environ)
    _require_complete(config, order)
    with object_store_errors.told(_asked(config, order)):
        store = _store(bucket, config, order)
        found, single = _found(store, key)
        if not found:
            raise SourceNotFound(f"{address.shown(order.uri)} has no objects: check the bucket and the key.")
        room = limits.Room(order.limits)
        for item in found:
            room.take(item.size, item.key)
        progress = Progress(sum(item.size for item in found))
        prefix = key.rpartition("/")[0] + "/" if single and "/" in key else _prefix(key) if not single else ""
        for item in found:
            _download(store, item, limits.inside(order.into, item.key.removeprefix(prefix)), progress)
    return Fetched(single, _resolved(found, single=single))


def _require_sendable(bucket: str, key: str, order: Order) -> None:
    """Nothing, or `BuildBroken`: what the client cannot ask for, or would ask for by another name."""
    if not _BUCKET.fullmatch(bucket):
        raise BuildBroken(
            f"spec.model.uri names no bucket ({bucket[:80]!r} is none): it is of the form s3://bucket/key."
        )
    parts = key.removesuffix("/").split("/") if key else []
    if _UNSENDABLE.search(key) or any(part in ("", ".", "..") for part in parts):
        raise BuildBroken(
            f"spec.model.uri {address.shown(order.uri)} has two slashes in a row, a part that is . or .., or "
            f"characters that cannot be printed: such objects cannot be fetched. Correct it, or copy the model "
            f"to another key."
        )


def _require_complete(config: Mapping[str, Any], order: Order) -> None:
    """Nothing, or `SourceForbidden`: both keys, or neither."""
    have = [key for key in (_ID, _KEY) if _KEYS[key] in config]
    if len(have) == 1:
        raise SourceForbidden(
            f"{address.shown(order.uri)} cannot be asked: {credentials.SECRET} has {have[0]} alone, and the "
            f"store wants both {_ID} and {_KEY}."
        )


def _asked(config: Mapping[str, Any], order: Order) -> object_store_errors.Asked:
    endpoint = _endpoint(config, order) or f"https://s3.{config['aws_region']}.amazonaws.com"
    if "aws_access_key_id" in config:
        login = f"check {credentials.SECRET} ({_ID}, {_KEY}) and what its account may read"
    elif "aws_skip_signature" in config:
        login = f"nobody may read it without a login, and no Secret has one: name a Secret with {_ID} and {_KEY} in "
        login += "spec.model.credentials"
    else:
        login = (
            "check what the identity of the build's pod may read, or name a Secret in spec.model.credentials"
        )
    host, secret = endpoint.partition("://")[2].rstrip("/"), credentials.named(order.credentials)
    return object_store_errors.Asked(address.shown(order.uri), host, login, secret)


def _store(bucket: str, config: Mapping[str, Any], order: Order) -> S3Store:
    certificates = tls.bundle(order.ca, order.spool / "ca.pem")
    if certificates is not None:
        os.environ["SSL_CERT_FILE"] = str(certificates)
    plain = _endpoint(config, order).startswith("http://")
    client = {
        "allow_http": plain,
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": SILENCE,
        "timeout": _UNBOUNDED,
    }
    return S3Store(bucket, config=config, client_options=client, retry_config=RETRIES)  # type: ignore[arg-type]


def _endpoint(config: Mapping[str, Any], order: Order) -> str:
    """The address of the store, empty for Amazon's; the client breaks on one that is none."""
    found = str(config.get("aws_endpoint_url", ""))
    if found and not _ADDRESS.fullmatch(found):
        raise SourceUnavailable(
            f"{address.shown(order.uri)} cannot be read: the endpoint in {credentials.SECRET} is "
            f"no address of the form https://host:port."
        )
    return found


def _config(secret: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, Any]:
    """What the Secret says; without one the pod's own identity, and without that nobody's."""
    config: dict[str, Any] = {}
    for key, name in _KEYS.items():
        if secret.get(key):
            config.setdefault(name, secret[key])
    config.setdefault("aws_region", environment.get("AWS_REGION", "us-east-1"))
    if "aws_access_key_id" not in config and not _IDENTITY & environment.keys():
        config["aws_skip_signature"] = True
    return config


def _found(store: S3Store, key: str) -> tuple[list[_Listed], bool]:
    """The objects, and whether one was named."""
    if key and not key.endswith("/"):
        try:
            return [_listed(obstore.head(store, key))], True
        except FileNotFoundError:
            pass
    prefix = _prefix(key)
    pages = obstore.list(store, prefix or None, chunk_size=1000)
    found: list[_Listed] = []
    for page in pages:
        found += [_listed(item) for item in page if f"{item['path']}/" != prefix]
        if len(found) > limits.MOST_FILES:
            break
    return sorted(_without_folders(found), key=lambda item: item.key), False


def _without_folders(found: list[_Listed]) -> list[_Listed]:
    """The objects that are files.

    Consoles make folders as empty objects whose keys end with a slash; the client lists them without it.
    """
    folders = {parent for item in found for parent in _above(item.key)}
    return [item for item in found if item.size or item.key not in folders]


def _above(key: str) -> Iterator[str]:
    while "/" in key:
        key = key.rpartition("/")[0]
        yield key


def _prefix(key: str) -> str:
    return key if not key or key.endswith("/") else key + "/"


def _listed(item: Mapping[str, Any]) -> _Listed:
    etag = str(item.get("e_tag") or "").strip('"')
    return _Listed(str(item["path"]), int(item["size"]), etag, str(item.get("version") or ""))


def _download(store: S3Store, item: _Listed, target: Path, progress: Progress) -> None:
    """The object as it was listed; `SourceUnavailable` when it is another one by now."""
    try:
        came = obstore.get(store, item.key)
    except FileNotFoundError:
        if item.size:
            raise
        return  # a folder without files in it
    left = item.size if str(came.meta.get("e_tag") or "").strip('"') in ("", item.etag) else -1
    with limits.created(target, item.key) as file:
        for piece in came.stream(min_chunk_size=limits.PIECE) if left >= 0 else ():
            left -= len(piece)
            if left < 0:
                break
            file.write(piece)
            progress.add(len(piece))
    if left:
        raise SourceUnavailable(f"{item.key} changes while it is read: wait until it is whole.")


def _resolved(found: list[_Listed], *, single: bool) -> dict[str, str]:
    if not single:
        return {}
    return {key: value for key, value in (("etag", found[0].etag), ("version", found[0].version)) if value}
