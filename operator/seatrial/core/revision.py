"""The identity of a revision: hashes over what its pods run and over what its image is made from.

Both are versioned and computed from the parsed spec in a canonical form: key order, server defaults, empty
against absent and the spelling of quantities do not change them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from seatrial.api import serving, settings, spec

HASH_VERSION = 1
LENGTH = 10

RUNTIME_OF_FORMAT = {"sklearn": "sklearn", "skops": "sklearn", "xgboost": "xgboost", "onnx": "onnx"}


def build_id_of(wanted: spec.Spec, namespace: str, operator: settings.Settings) -> str:
    """Return 10 hex digits for what the image is made from; empty when the user named an image.

    The name of the source's Secret is of the address: with other keys, or at another endpoint, the same uri is
    another model. The registry's Secrets and time-outs are how it is made, not what: they stay out.
    """
    if wanted.model.image:
        return ""
    credentials = wanted.model.credentials
    return _hashed(
        {
            "namespace": namespace,
            "model": {
                "uri": wanted.model.uri,
                "format": wanted.model.format,
                "digest": wanted.model.digest,
                "allowPickle": wanted.model.allow_pickle,
                "credentials": credentials.secret_name if credentials else "",
            },
            "runtime": wanted.build.runtime,
            "refresh": wanted.build.refresh,
            "repository": wanted.build.registry.repository or operator.registry.repository,
        }
    )[:LENGTH]


def fingerprint_of(wanted: spec.Spec, build_id: str, references: Mapping[str, str]) -> str:
    """Return 64 hex digits for what the pods run. `references`: name of each referenced object → digest of its data."""
    return _hashed(
        {
            "image": wanted.model.image or build_id,
            "serving": canonical_serving(wanted.serving),
            "pull": wanted.build.registry.pull_secret_name,
            "references": dict(references),
        }
    )


def revision_of(fingerprint: str, taken: Mapping[str, str]) -> str:
    """Return 10 hex digits for a fingerprint. `taken`: revision → fingerprint of those that exist.

    Where two fingerprints meet in one name, the later one counts on until it has a name of its own.
    """
    name, collision = fingerprint[:LENGTH], 0
    while taken.get(name, fingerprint) != fingerprint:
        collision += 1
        name = _hashed({"fingerprint": fingerprint, "collision": collision})[:LENGTH]
    return name


def runtime_for(wanted: spec.Spec, operator: settings.Settings) -> str:
    """Return the catalogue's name of the runtime to build on first."""
    if wanted.build.runtime:
        return wanted.build.runtime
    if wanted.model.format:
        return RUNTIME_OF_FORMAT[wanted.model.format]
    return operator.default_runtime


def canonical_serving(wanted: serving.Serving) -> Any:
    """Return the serving section with one spelling for each meaning; parts of Kubernetes' own API as they are."""
    body = wanted.model_dump(mode="json", by_alias=True)
    body["resources"] = wanted.resources.canonical()
    pod = {key: item for key, item in body.pop("pod").items() if not _is_empty(item)}
    return {**_without_empty(body), **({"pod": pod} if pod else {})}


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", {}, [])


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if not _is_empty(item)}
    if isinstance(value, list | tuple):
        return [_without_empty(item) for item in value]
    return value


def _hashed(value: Any) -> str:
    text = json.dumps([HASH_VERSION, value], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of(data: Mapping[str, str]) -> str:
    """Return 64 hex digits for the content of a ConfigMap or Secret."""
    return _hashed(dict(data))
