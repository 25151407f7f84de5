"""One node with an operator in it for all of these tests."""

from __future__ import annotations

import pytest

from tests.cluster import NodeLab
from tests.node.serving import Served
from tests.stage import install, models
from tests.stage.install import Stage


@pytest.fixture(scope="session")
def stage(node_lab: NodeLab) -> Stage:
    """The chart is installed, a namespace of the strictest pod security is ready, two models are in the store."""
    install.operator(node_lab, runtimes=install.RUNTIMES)
    stage = install.namespace(node_lab, "shop")
    stage.kubectl("delete", "mdep", "--all", "--timeout=180s")  # of an earlier run in a lab that was kept
    stage.put_model("digits/1/model.skops", models.skops_file(models.first()))
    stage.put_model("digits/2/model.skops", models.skops_file(models.better()))
    return stage


@pytest.fixture(scope="session")
def warm(stage: Stage) -> Stage:
    """The runtime's image is on the node: one model has been built and served."""
    served = Served(stage, "warm")
    served.apply(served.spec(1, replicas=1))
    served.healthy(seconds=400)
    served.delete()
    return stage
