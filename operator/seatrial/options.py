"""The command line of the operator."""

from __future__ import annotations

import argparse
import math
import os
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
    namespace: str = ""
    """The only namespace to look after; empty means all."""
    settings: settings.Settings = field(default_factory=settings.Settings)
    lease_namespace: str = ""
    """Empty: no election, this process alone may write."""
    lease_name: str = "seatrial"
    identity: str = ""
    metrics_port: int = 0
    probe_port: int = 0
    workers: int = 24
    qps: float = 300.0
    burst: int = 600
    log_level: str = "info"
    json_logs: bool = True


def parse(arguments: list[str] | None = None) -> Options:
    """The options of a command line; ends the process with a sentence when it is wrong."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        chosen = load(given.settings)
    except (OSError, ValueError, yaml.YAMLError) as error:
        parser.error(f"argument --settings: {given.settings} cannot be read: {error}")
    identity = os.environ.get("POD_NAME") or socket.gethostname()
    return Options(
        kubeconfig=given.kubeconfig,
        context=given.context,
        namespace=given.namespace,
        settings=chosen,
        lease_namespace=given.lease_namespace,
        lease_name=given.lease_name,
        identity=f"{identity}_{uuid.uuid4().hex[:8]}",
        metrics_port=given.metrics_port,
        probe_port=given.probe_port,
        workers=given.workers,
        qps=given.qps,
        burst=given.burst,
        log_level=given.log_level,
        json_logs=not given.plain_logs,
    )


def load(path: str) -> settings.Settings:
    """The settings in a YAML file; the defaults without one."""
    if not path:
        return settings.Settings()
    return validation.validate(settings.Settings, yaml.safe_load(Path(path).read_text()), at="settings")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seatrial-operator", description="The Seatrial operator.")
    parser.add_argument("--kubeconfig", default="", help="a kubeconfig instead of the pod's service account")
    parser.add_argument("--context", default="", help="of the kubeconfig")
    parser.add_argument("--namespace", default="", help="look after one namespace alone")
    parser.add_argument("--settings", default="", help="a YAML file: runtimes, registry, …")
    parser.add_argument("--lease-namespace", default="", help="where the Lease is; none: no election")
    parser.add_argument("--lease-name", default="seatrial", help="one name for all that share the work")
    parser.add_argument("--metrics-port", type=_port, default=0, help="of /metrics; 0: none")
    parser.add_argument("--probe-port", type=_port, default=0, help="of /healthz; 0: none")
    parser.add_argument(
        "--workers", type=_at_least_one, default=24, help="objects that are worked on at once"
    )
    parser.add_argument("--qps", type=_above_zero, default=300.0, help="requests per second in the long run")
    parser.add_argument("--burst", type=_at_least_one, default=600, help="requests at once")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    parser.add_argument("--plain-logs", action="store_true", help="logs for people, not JSON")
    return parser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return number


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no rate above 0")
    return number
