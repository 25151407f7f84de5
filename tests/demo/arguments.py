"""The options of the demo: none, or an existing cluster and its registry."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import LabError
from tests.stage import login
from tests.stage.given import GivenCluster

ABOUT = "Run the demo on a node that the lab starts or, with --context, on your own cluster."


@dataclass(frozen=True, slots=True)
class Options:
    """The parsed options; without a cluster, the demo runs on the lab."""

    cluster: GivenCluster | None
    registry: str = ""
    pull_registry: str = ""
    registry_ca: Path | None = None
    plain_http: bool = False
    docker: Path = Path()
    down: bool = False


def parse(argv: list[str] | None = None) -> Options:
    """Parse the command line; raise LabError if an option is missing."""
    options = _parser().parse_args(argv)
    if not options.context:
        given = [name for name, value in vars(options).items() if value and name != "docker_config"]
        if given:
            raise LabError(
                f"{_flags(given)}: only for your own cluster; name it with --context (make: CONTEXT=…)"
            )
        return Options(None)
    if not options.registry and not options.down:
        raise LabError(
            "--registry is required with --context: name a registry that you can push to and that the cluster's nodes "
            "can pull from (make: REGISTRY=…)"
        )
    return Options(
        GivenCluster(options.context, _absolute(options.kubeconfig)),
        options.registry,
        options.pull_registry,
        _absolute(options.registry_ca),
        options.plain_http,
        options.docker_config,
        options.down,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=ABOUT)
    parser.add_argument("--context", default="", help="context of your cluster in the kubeconfig")
    parser.add_argument("--kubeconfig", type=Path, help="default: $KUBECONFIG, else ~/.kube/config")
    parser.add_argument(
        "--registry", default="", help="HOST[:PORT][/PATH] to which this machine pushes the images"
    )
    parser.add_argument(
        "--pull-registry", default="", help="the same registry by the name that nodes and pods use"
    )
    parser.add_argument("--registry-ca", type=Path, help="PEM file of the registry's certificate authority")
    parser.add_argument("--plain-http", action="store_true", help="the registry uses HTTP without TLS")
    parser.add_argument(
        "--docker-config", type=Path, default=login.config_folder(), help="directory of docker's config.json"
    )
    parser.add_argument("--down", action="store_true", help="remove what the demo created in the cluster")
    return parser


def _flags(names: list[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def _absolute(path: Path | None) -> Path | None:
    return path.absolute() if path else None
