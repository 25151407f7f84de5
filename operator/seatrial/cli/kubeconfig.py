"""The namespace of a kubeconfig's context, by kubectl's own rule; no cluster is contacted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

DEFAULT_NAMESPACE = "default"


def namespace_of(context: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the namespace of a context, or of the current one if it is empty; `default` if the context names none."""
    configs = list(_readable_configs(environment))
    name = context or next((str(c["current-context"]) for c in configs if c.get("current-context")), "")
    entries = [entry for c in configs for entry in c.get("contexts") or () if isinstance(entry, dict)]
    settings = next((entry.get("context") for entry in entries if entry.get("name") == name), None)
    return str((settings or {}).get("namespace") or DEFAULT_NAMESPACE)


def _readable_configs(environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the readable files of $KUBECONFIG; errors in the others are reported when a client connects."""
    paths = environment.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    for path in filter(None, paths.split(os.pathsep)):
        try:
            config = yaml.safe_load(Path(path).expanduser().read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError, yaml.YAMLError):
            continue
        if isinstance(config, dict):
            yield config
