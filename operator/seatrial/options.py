"""The command line of the operator."""

from __future__ import annotations

import argparse
import math
import os
import re
import socket
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from seatrial.api import settings, validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one operator process runs."""

    kubeconfig: str = ""
    context: str = ""
    namespaces: tuple[str, ...] = ()
    """The namespaces to manage; empty for all of them."""
    settings: settings.Settings = field(default_factory=settings.Settings)
    settings_file: str = ""
    """Where the settings were read from; empty for the defaults."""
    lease_namespace: str = ""
    """Empty: no leader election, this process is the only one that writes."""
    lease_name: str = "seatrial"
    identity: str = ""
    metrics_port: int = 0
    probe_port: int = 0
    workers: int = 24
    qps: float = 300.0
    burst: int = 600
    log_level: str = "info"
    json_logs: bool = True

    @property
    def lease(self) -> str:
        """Return the Lease as `namespace/name`; empty without leader election."""
        return f"{self.lease_namespace}/{self.lease_name}" if self.lease_namespace else ""


def parse(arguments: list[str] | None = None) -> Options:
    """Return the options of a command line; exit with a message if it is invalid."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    try:
        loaded = load_settings(parsed.settings)
    except (OSError, ValueError, yaml.YAMLError) as error:
        parser.error(f"argument --settings: {parsed.settings} cannot be read: {error}")
    name = os.environ.get("POD_NAME") or socket.gethostname()
    return Options(
        kubeconfig=parsed.kubeconfig,
        context=parsed.context,
        namespaces=tuple(dict.fromkeys(parsed.namespace)),
        settings=loaded,
        settings_file=parsed.settings,
        lease_namespace=parsed.lease_namespace,
        lease_name=parsed.lease_name,
        identity=f"{name}_{uuid.uuid4().hex[:8]}",
        metrics_port=parsed.metrics_port,
        probe_port=parsed.probe_port,
        workers=parsed.workers,
        qps=parsed.qps,
        burst=parsed.burst,
        log_level=parsed.log_level,
        json_logs=not parsed.plain_logs,
    )


def load_settings(path: str) -> settings.Settings:
    """Return the settings in a YAML file; the defaults if `path` is empty."""
    if not path:
        return settings.Settings()
    return validation.validate(settings.Settings, yaml.safe_load(Path(path).read_text()), at="settings")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seatrial-operator",
        description="The Seatrial operator: builds, deploys, canaries and promotes ModelDeployments.",
    )
    add = parser.add_argument
    add(
        "--kubeconfig", default="", help="path of a kubeconfig; without one the pod's service account is used"
    )
    add("--context", default="", help="context of the kubeconfig; without one its current context is used")
    add(
        "--namespace",
        action="append",
        default=[],
        type=_namespace,
        help="manage only this namespace; may be repeated; without one all namespaces are managed",
    )
    add(
        "--settings",
        default="",
        help="path of a YAML file with the operator's settings: runtimes, registry, …",
    )
    add(
        "--lease-namespace",
        default="",
        help="namespace of the Lease; without one there is no leader election",
    )
    add(
        "--lease-name",
        default="seatrial",
        help="name of the Lease; replicas of one operator share it; default: seatrial",
    )
    add("--metrics-port", type=_port, default=0, help="port of /metrics; 0 disables it")
    add("--probe-port", type=_port, default=0, help="port of /healthz; 0 disables it")
    add(
        "--workers",
        type=_at_least_one,
        default=24,
        help="number of objects reconciled at the same time; default: 24",
    )
    add(
        "--qps",
        type=_above_zero,
        default=300.0,
        help="sustained requests per second to the API server; default: 300",
    )
    add(
        "--burst",
        type=_at_least_one,
        default=600,
        help="requests to the API server that may exceed --qps at once; default: 600",
    )
    add(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="lowest level to log; default: info",
    )
    add("--plain-logs", action="store_true", help="log lines of text instead of JSON")
    return parser


def _namespace(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError(f"expected the name of a namespace, got {text!r}")
    return text


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text}")
    return number


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {text}")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return number
