"""What may be said to the demo: nothing, or a cluster and a registry of the user's."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import LabError
from tests.stage import login
from tests.stage.given import GivenCluster

ABOUT = """Plays the story on a node that the lab starts or, with --context, on a cluster that you have."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The demo that was asked for; without a cluster it is the lab's."""

    cluster: GivenCluster | None
    registry: str = ""
    pull_registry: str = ""
    registry_ca: Path | None = None
    plain_http: bool = False
    docker: Path = Path()
    down: bool = False


def wanted(argv: list[str] | None = None) -> Wanted:
    """What `argv` says. Raises LabError when it says half of something."""
    said = _parser().parse_args(argv)
    if not said.context:
        odd = [option for option, value in vars(said).items() if value and option != "docker_config"]
        if odd:
            raise LabError(
                f"{_options(odd)} is for a cluster of yours: name it with --context (make: CONTEXT=…)"
            )
        return Wanted(None)
    if not said.registry and not said.down:
        raise LabError(
            "name a registry that you may push to and that its nodes can pull from: --registry (make: REGISTRY=…)"
        )
    return Wanted(
        GivenCluster(said.context, _absolute(said.kubeconfig)),
        said.registry,
        said.pull_registry,
        _absolute(said.registry_ca),
        said.plain_http,
        said.docker_config,
        said.down,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=ABOUT)
    parser.add_argument("--context", default="", help="the kubeconfig's context of your cluster")
    parser.add_argument("--kubeconfig", type=Path, help="default: $KUBECONFIG, else ~/.kube/config")
    parser.add_argument(
        "--registry", default="", help="HOST[:PORT][/PATH] that the images are pushed to from here"
    )
    parser.add_argument("--pull-registry", default="", help="the same place as nodes and pods name it")
    parser.add_argument("--registry-ca", type=Path, help="PEM file of the authority of the registry")
    parser.add_argument("--plain-http", action="store_true", help="the registry speaks http without TLS")
    parser.add_argument(
        "--docker-config", type=Path, default=login.config_folder(), help="folder of docker's config.json"
    )
    parser.add_argument("--down", action="store_true", help="remove what a demo has made there")
    return parser


def _options(names: list[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def _absolute(path: Path | None) -> Path | None:
    return path.absolute() if path else None
