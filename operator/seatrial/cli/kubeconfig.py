"""What a kubeconfig says about the namespace that somebody works in: kubectl's own rule, without a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

DEFAULT_NAMESPACE = "default"


def namespace_of(context: str, environment: Mapping[str, str] = os.environ) -> str:
    """The namespace of a context, or of the current one; `default` where none is said."""
    files = list(_files(environment))
    name = context or next((str(f["current-context"]) for f in files if f.get("current-context")), "")
    entries = [entry for f in files for entry in f.get("contexts") or () if isinstance(entry, dict)]
    found = next((entry.get("context") for entry in entries if entry.get("name") == name), None)
    return str((found or {}).get("namespace") or DEFAULT_NAMESPACE)


def _files(environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The files that can be read; what is wrong with the others is said when somebody logs in with them."""
    named = environment.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    for path in filter(None, named.split(os.pathsep)):
        try:
            loaded = yaml.safe_load(Path(path).expanduser().read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError, yaml.YAMLError):
            continue
        if isinstance(loaded, dict):
            yield loaded
