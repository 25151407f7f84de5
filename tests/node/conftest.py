"""One node with an operator in it for all of these tests, and a namespace for each process that runs some of them."""

from __future__ import annotations

import os

import pytest

from tests.cluster import NodeLab
from tests.cluster.fixtures import once
from tests.node.serving import Served
from tests.stage import install, models
from tests.stage.install import Stage

NAMESPACES = "shop-"


@pytest.fixture(scope="session")
def stage(node_lab: NodeLab) -> Stage:
    """The chart is installed, a namespace of the strictest pod security is ready, two models are in the store."""
    once(node_lab, "operator", lambda: _install(node_lab))
    stage = install.namespace(node_lab, f"{NAMESPACES}{os.getpid()}")
    once(node_lab, "models", lambda: _store_models(stage))
    return stage


@pytest.fixture(scope="session")
def warm(stage: Stage) -> Stage:
    """The runtime's image is on the node: one model has been built and served."""
    once(stage.lab, "warm", lambda: _serve_one_model(stage))
    return stage


def _install(lab: NodeLab) -> None:
    found = lab.kubectl("get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}").split()
    if left := [name for name in found if name.startswith(NAMESPACES)]:  # in a lab that was kept
        lab.kubectl("delete", "namespace", *left, "--timeout=180s")
    install.operator(lab, runtimes=install.RUNTIMES)
    lab.s3.create_bucket(install.BUCKET)  # the store answers 500 to two that create it at the same moment


def _store_models(stage: Stage) -> None:
    stage.put_model("digits/1/model.skops", models.skops_file(models.first()))
    stage.put_model("digits/2/model.skops", models.skops_file(models.better()))


def _serve_one_model(stage: Stage) -> None:
    served = Served(stage, "warm")
    served.apply(served.spec(1, replicas=1))
    served.healthy(seconds=400)
    served.delete()
