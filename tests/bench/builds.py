"""How long a small model takes from its source to its image, phase by phase, on a node lab; twice, cold and warm."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from tests import cluster
from tests.bench.report import Row
from tests.stage import install, models

NAME = "built"
PEER = "46 s (Buildah, build and push)"
BUDGETS = {"layers": 1.0}
"""Of single phases, in seconds."""


def rows(lab: cluster.NodeLab) -> list[Row]:
    """The phases as the builds themselves report them, and what their user waited for."""
    install.operator(lab)
    stage = install.namespace(lab, f"bench-{uuid.uuid4().hex[:6]}")
    found: list[Row] = []
    for temper, model in (("first", models.first()), ("next", models.better())):
        uri = stage.put_model(f"{temper}/model.skops", models.skops_file(model))
        began = time.monotonic()
        fetched = {"uri": uri, "credentials": {"secretName": install.CREDENTIALS}}
        stage.apply(NAME, {"model": fetched, "rollout": {"steps": []}})
        generation = stage.kubectl("get", "mdep", NAME, "-o", "jsonpath={.metadata.generation}")
        _await(stage, f"jsonpath={{.status.observedGeneration}}={generation}")
        _await(stage, "condition=BuildSucceeded")
        built = time.monotonic() - began
        _await(stage, "condition=Ready")
        ready = time.monotonic() - began
        found += _rows(temper, json.loads(stage.kubectl("get", "mdep", NAME, "-o", "json")), built, ready)
    stage.lab.kubectl("delete", "namespace", stage.namespace, "--wait=false")
    return found


def _await(stage: install.Stage, what: str) -> None:
    stage.kubectl("wait", f"mdep/{NAME}", f"--for={what}", "--timeout=180s")


def _rows(temper: str, body: dict[str, Any], built: float, ready: float) -> list[Row]:
    phases = dict(body["status"]["build"]["seconds"])
    total = phases.pop("total")
    return [
        *(
            Row(what=f"{temper} model: {name}", value=value, unit="s", budget=BUDGETS.get(name))
            for name, value in phases.items()
        ),
        Row(what=f"{temper} model: source → image pushed", value=total, unit="s", peer=PEER, budget=10),
        Row(what=f"{temper} model: apply → image", value=built, unit="s", budget=15),
        Row(what=f"{temper} model: apply → Ready", value=ready, unit="s", budget=40),
    ]
