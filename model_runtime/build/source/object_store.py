"""Models in S3 and everything that speaks like it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import obstore
from obstore import exceptions
from obstore.store import S3Store

from model_runtime.build.source import address, bounds, credentials
from model_runtime.build.source.fetching import Fetched, Order
from model_runtime.build.source.progress import Progress
from model_runtime.failures import SourceForbidden, SourceNotFound, SourceUnavailable
from model_runtime.registry import trust

RETRIES: Final = {"max_retries": 4, "retry_timeout": timedelta(seconds=45)}
_KEYS: Final = {
    "AWS_ACCESS_KEY_ID": "aws_access_key_id",
    "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
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
    if not bucket:
        raise SourceNotFound(f"spec.model.uri {order.uri[:200]!r} names no bucket.")
    with _failures(order):
        store = _store(bucket, order)
        found, single = _found(store, key)
        if not found:
            raise SourceNotFound(
                f"{address.shown(order.uri)} has no objects: check the bucket, the key and that a folder ends with /."
            )
        room = bounds.Room(order.limits)
        for item in found:
            room.take(item.size, item.key)
        progress = Progress(sum(item.size for item in found))
        prefix = key.rpartition("/")[0] + "/" if single and "/" in key else _prefix(key) if not single else ""
        for item in found:
            _download(store, item, bounds.inside(order.into, item.key.removeprefix(prefix)), progress)
    return Fetched(single, _resolved(found, single=single))


def _store(bucket: str, order: Order) -> S3Store:
    config = _config(credentials.read(order.credentials), os.environ)
    certificates = trust.bundle(order.ca, order.spool / "ca.pem")
    if certificates is not None:
        os.environ["SSL_CERT_FILE"] = str(certificates)
    plain = _endpoint(config, order).startswith("http://")
    client = {"allow_http": plain, "connect_timeout": "10s", "timeout": "10m"}
    return S3Store(bucket, config=config, client_options=client, retry_config=RETRIES)  # type: ignore[arg-type]


def _endpoint(config: Mapping[str, Any], order: Order) -> str:
    """The address of the store, empty for Amazon's; the client breaks on one that is none."""
    found = str(config.get("aws_endpoint_url", ""))
    if found and not _ADDRESS.fullmatch(found):
        raise SourceUnavailable(
            f"{address.shown(order.uri)} cannot be read: the endpoint in the Secret of spec.model.credentials is "
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
    pages = obstore.list(store, _prefix(key) or None, chunk_size=1000)
    found: list[_Listed] = []
    for page in pages:
        found += [_listed(item) for item in page if not str(item["path"]).endswith("/")]
        if len(found) > bounds.MOST_FILES:
            break
    return sorted(found, key=lambda item: item.key), False


def _prefix(key: str) -> str:
    return key if not key or key.endswith("/") else key + "/"


def _listed(item: Mapping[str, Any]) -> _Listed:
    etag = str(item.get("e_tag") or "").strip('"')
    return _Listed(str(item["path"]), int(item["size"]), etag, str(item.get("version") or ""))


def _download(store: S3Store, item: _Listed, target: Path, progress: Progress) -> None:
    """The object as it was listed; `SourceUnavailable` when it is another one by now."""
    came = obstore.get(store, item.key)
    left = item.size if str(came.meta.get("e_tag") or "").strip('"') in ("", item.etag) else -1
    with bounds.created(target) as file:
        for piece in came.stream(min_chunk_size=bounds.PIECE) if left >= 0 else ():
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


@contextmanager
def _failures(order: Order) -> Iterator[None]:
    """The client's errors become ours; it has tried again already what may heal."""
    name = address.shown(order.uri)
    try:
        yield
    except FileNotFoundError as error:
        raise SourceNotFound(f"{name} does not exist: check the bucket and the key.") from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise _forbidden(name, error) from error
    except exceptions.BaseError as error:
        if _status(error) in (401, 403):
            raise _forbidden(name, error) from error
        if "NoSuchBucket" in str(error) or _status(error) == 404:
            raise SourceNotFound(f"{name}: there is no such bucket.") from error
        raise SourceUnavailable(f"{name} cannot be read: {_first(error)}") from error


def _forbidden(name: str, error: Exception) -> SourceForbidden:
    return SourceForbidden(
        f"{name} refuses access ({_code(error)}): check the Secret in spec.model.credentials "
        f"(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) and what its account may read."
    )


def _status(error: Exception) -> int:
    """The client types the errors of objects only; those of listings have their status in the text."""
    found = re.search(r"status: (\d{3})", str(error))
    return int(found.group(1)) if found else 0


def _code(error: Exception) -> str:
    text = str(error)
    start = text.find("<Code>")
    return text[start + 6 : text.find("</Code>", start)] if start >= 0 else "access denied"


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
