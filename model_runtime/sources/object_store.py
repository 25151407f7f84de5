"""Fetch files from S3 and stores with the same API."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import obstore
from obstore.store import S3Store

from model_runtime.failures import BuildBroken, SourceForbidden, SourceNotFound, SourceUnavailable
from model_runtime.registry import tls
from model_runtime.sources import address, credentials, limits
from model_runtime.sources.fetching import FetchRequest, FetchResult
from model_runtime.sources.object_store_errors import StoreRequest, translated_errors
from model_runtime.sources.progress import Progress

READ_TIMEOUT: Final = timedelta(seconds=60)
"""Without data for this long, a connection counts as broken; the client then resumes the object."""

_UNBOUNDED: Final = timedelta(days=7)
"""While data arrives, only the deadline of the build Job limits a fetch."""

RETRIES: Final = {"max_retries": 4, "retry_timeout": _UNBOUNDED}
"""The client repeats its requests by itself; the errors that it raises are final."""

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
"""Keys of the Secret, as the AWS tools name them and in plain form, and the names of the client."""

_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_ENDPOINT: Final = re.compile(r"https?://[A-Za-z0-9.\[\]:_-]+(?:/[!-~]*)?")
_IDENTITY: Final = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    }
)
"""Variables through which a cloud gives the pod an identity."""


@dataclass(frozen=True, slots=True)
class _Object:
    """One object of a listing."""

    key: str
    size: int
    etag: str
    version: str


def fetch(request: FetchRequest) -> FetchResult:
    """Fetch the object, or all objects below the prefix."""
    bucket, key = address.bucket_and_key(request.uri)
    _require_valid_names(bucket, key, request)
    config = _config(credentials.read(request.credentials), os.environ)
    _require_complete(config, request)
    wanted = _store_request(config, request)
    request.destinations.require_host(urlsplit(f"//{wanted.host}").hostname or wanted.host)
    with translated_errors(wanted):
        store = _store(bucket, config, request)
        objects, single = _objects(store, key)
        if not objects:
            raise SourceNotFound(f"{request.name} has no objects: check the bucket and the key.")
        objects += _companions(store, key, request) if single else []
        quota = limits.Quota(request.limits)
        for item in objects:
            quota.add_file(item.size, item.key)
        progress = Progress(sum(item.size for item in objects))
        prefix = _parent(key) if single else _prefix(key)
        for item in objects:
            target = limits.path_of(item.key.removeprefix(prefix), request.folder)
            _download(store, item, target, progress)
    return FetchResult(single, _details(objects, single=single))


def _require_valid_names(bucket: str, key: str, request: FetchRequest) -> None:
    """Raise `BuildBroken` for names that the client cannot request, or would request as other names."""
    if not _BUCKET.fullmatch(bucket):
        raise BuildBroken(
            f"spec.model.uri names no valid bucket: expected s3://bucket/key, got {bucket[:80]!r}."
        )
    parts = key.removesuffix("/").split("/") if key else []
    if _UNPRINTABLE.search(key) or any(part in ("", ".", "..") for part in parts):
        raise BuildBroken(
            f"spec.model.uri {request.name} has two slashes in a row, a part . or .., or unprintable characters: "
            f"such objects cannot be fetched. Correct it, or copy the model to another key."
        )


def _require_complete(config: Mapping[str, Any], request: FetchRequest) -> None:
    """Raise `SourceForbidden` unless the Secret has both keys or neither."""
    present = [key for key in (_ID, _KEY) if _KEYS[key] in config]
    if len(present) == 1:
        raise SourceForbidden(
            f"{request.name} cannot be read: {credentials.SECRET} has only {present[0]}; it must have both "
            f"{_ID} and {_KEY}."
        )


def _store_request(config: Mapping[str, Any], request: FetchRequest) -> StoreRequest:
    endpoint = _endpoint(config, request) or f"https://s3.{config['aws_region']}.amazonaws.com"
    if "aws_access_key_id" in config:
        hint = f"check {credentials.SECRET} ({_ID}, {_KEY}) and what its account may read"
    elif "aws_skip_signature" in config:
        hint = f"it requires a login, and no Secret has one: name a Secret with {_ID} and {_KEY} in "
        hint += "spec.model.credentials"
    else:
        hint = (
            "check what the identity of the build's pod may read, or name a Secret in spec.model.credentials"
        )
    host = endpoint.partition("://")[2].rstrip("/")
    return StoreRequest(request.name, host, hint, credentials.description(request.credentials))


def _store(bucket: str, config: Mapping[str, Any], request: FetchRequest) -> S3Store:
    bundle = tls.write_ca_bundle(request.ca, request.spool / "ca.pem")
    if bundle is not None:
        os.environ["SSL_CERT_FILE"] = str(bundle)
    client = {
        "allow_http": _endpoint(config, request).startswith("http://"),
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": READ_TIMEOUT,
        "timeout": _UNBOUNDED,
    }
    return S3Store(bucket, config=config, client_options=client, retry_config=RETRIES)  # type: ignore[arg-type]


def _endpoint(config: Mapping[str, Any], request: FetchRequest) -> str:
    """Return the address of the store, empty for Amazon's; the client would crash on an invalid one."""
    endpoint = str(config.get("aws_endpoint_url", ""))
    if endpoint and not _ENDPOINT.fullmatch(endpoint):
        raise SourceUnavailable(
            f"{request.name} cannot be read: the endpoint in {credentials.SECRET} is not an address of the form "
            f"https://host:port."
        )
    return endpoint


def _config(secret: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the client's configuration: the login of the Secret, else the identity of the pod, else no login."""
    config: dict[str, Any] = {}
    for key, name in _KEYS.items():
        if secret.get(key):
            config.setdefault(name, secret[key])
    config.setdefault("aws_region", environment.get("AWS_REGION", "us-east-1"))
    if "aws_access_key_id" not in config and not _IDENTITY & environment.keys():
        config["aws_skip_signature"] = True
    return config


def _objects(store: S3Store, key: str) -> tuple[list[_Object], bool]:
    """Return the objects, and whether the key names a single one."""
    if key and not key.endswith("/"):
        try:
            return [_object(obstore.head(store, key))], True
        except FileNotFoundError:
            pass
    prefix = _prefix(key)
    objects: list[_Object] = []
    for page in obstore.list(store, prefix or None, chunk_size=1000):
        objects += [_object(item) for item in page if f"{item['path']}/" != prefix]
        if len(objects) > limits.MAX_FILES:
            break
    return sorted(_without_folders(objects), key=lambda item: item.key), False


def _companions(store: S3Store, key: str, request: FetchRequest) -> list[_Object]:
    """Return the companions that exist beside a single object; stores hide them from logins without a listing."""
    found: list[_Object] = []
    for beside in (_parent(key) + name for name in request.companions):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            found += [_object(obstore.head(store, beside))] if beside != key else []
    return found


def _without_folders(objects: list[_Object]) -> list[_Object]:
    """Return the objects that are files.

    Consoles create folders as empty objects whose keys end in a slash; the client lists them without the slash.
    """
    folders = {parent for item in objects for parent in _parents(item.key)}
    return [item for item in objects if item.size or item.key not in folders]


def _parents(key: str) -> Iterator[str]:
    while "/" in key:
        key = key.rpartition("/")[0]
        yield key


def _parent(key: str) -> str:
    return key.rpartition("/")[0] + "/" if "/" in key else ""


def _prefix(key: str) -> str:
    return key if not key or key.endswith("/") else key + "/"


def _object(item: Mapping[str, Any]) -> _Object:
    etag = str(item.get("e_tag") or "").strip('"')
    return _Object(str(item["path"]), int(item["size"]), etag, str(item.get("version") or ""))


def _download(store: S3Store, item: _Object, target: Path, progress: Progress) -> None:
    """Download the object; `SourceUnavailable` when it is not the listed one any more."""
    try:
        response = obstore.get(store, item.key)
    except FileNotFoundError:
        if item.size:
            raise
        return  # an empty folder
    unchanged = str(response.meta.get("e_tag") or "").strip('"') in ("", item.etag)
    remaining = item.size if unchanged else -1
    with limits.create_file(target, item.key) as file:
        for chunk in response.stream(min_chunk_size=limits.CHUNK_SIZE) if unchanged else ():
            remaining -= len(chunk)
            if remaining < 0:
                break
            file.write(chunk)
            progress.add(len(chunk))
    if remaining:
        raise SourceUnavailable(f"{item.key} changed while it was read: build again when it is complete.")


def _details(objects: list[_Object], *, single: bool) -> dict[str, str]:
    if not single:
        return {}
    versions = (("etag", objects[0].etag), ("version", objects[0].version))
    return {key: value for key, value in versions if value}
