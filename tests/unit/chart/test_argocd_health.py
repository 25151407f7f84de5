"""Argo CD's view of every status that the operator writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from lupa import lua51  # type: ignore[import-untyped]  # lupa ships no types

from seatrial.api import names, rollout_decision
from seatrial.api.phases import DisplayPhase

SCRIPT = Path(__file__).resolve().parents[3] / "charts" / "argocd" / "health.lua"
MESSAGE = "9f3c2a71d0 serves since 11:58:11Z"

Health = tuple[str, str]
Conditions = dict[str, str]


def health_of(obj: Mapping[str, Any]) -> Health:
    """The script's answer in the Lua that Argo CD speaks: version 5.1, and no libraries but its own."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    for library in ("os", "io", "package", "require", "debug", "dofile", "loadfile"):
        lua.globals()[library] = None
    lua.globals()["obj"] = lua.table_from(dict(obj), recursive=True)
    answer = lua.execute(SCRIPT.read_text())
    assert set(answer.keys()) == {"status", "message"}
    return answer["status"], answer["message"]


def deployment(phase: str = "", conditions: Conditions | None = None, **head: Any) -> dict[str, Any]:
    """A ModelDeployment whose status speaks of its present generation."""
    status = {
        "observedGeneration": 3,
        "phase": phase,
        "message": MESSAGE,
        "conditions": [
            {"type": kind, "status": status, "message": f"{kind}: {MESSAGE}"}
            for kind, status in (conditions or {}).items()
        ],
    }
    meta = {"name": "churn", "namespace": "shop", "generation": 3, **head}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": meta, "status": status}


READY: Conditions = {"Ready": "True", "Reconciling": "False", "Stalled": "False"}
GOING: Conditions = {"Ready": "False", "Reconciling": "True", "Stalled": "False"}
STUCK: Conditions = {"Ready": "False", "Reconciling": "False", "Stalled": "True"}

CASES = [
    (DisplayPhase.PENDING, GOING, "Progressing"),
    (DisplayPhase.BUILDING, GOING, "Progressing"),
    (DisplayPhase.DEPLOYING, GOING, "Progressing"),
    (DisplayPhase.CANARY, GOING, "Progressing"),
    (DisplayPhase.PAUSED, GOING, "Suspended"),
    (DisplayPhase.PROMOTING, GOING, "Progressing"),
    (DisplayPhase.ROLLING_BACK, GOING, "Progressing"),
    (DisplayPhase.DEGRADED, GOING, "Degraded"),
    (DisplayPhase.DEGRADED, STUCK, "Degraded"),
    (DisplayPhase.FAILED, STUCK, "Degraded"),
    (DisplayPhase.HEALTHY, READY, "Healthy"),
    (DisplayPhase.HEALTHY, GOING, "Progressing"),
    (DisplayPhase.HEALTHY, STUCK, "Degraded"),
]


@pytest.mark.parametrize(("phase", "conditions", "expected"), CASES)
def test_every_phase_has_a_health(phase: DisplayPhase, conditions: Conditions, expected: str) -> None:
    status, message = health_of(deployment(phase, conditions))
    assert status == expected
    assert message.endswith(MESSAGE)


def test_no_phase_is_forgotten() -> None:
    assert {phase for phase, _, _ in CASES} == set(DisplayPhase)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(
            {k: v for k, v in deployment().items() if k != "status"},
            ("Progressing", "the operator has not seen generation 3 yet"),
            id="that nobody has seen",
        ),
        pytest.param(
            deployment("Healthy", READY, generation=4),
            ("Progressing", "the operator has not seen generation 4 yet"),
            id="whose status is of an older generation",
        ),
        pytest.param(
            deployment("Healthy", READY, deletionTimestamp="2026-11-21T12:00:00Z"),
            ("Progressing", "it is being deleted"),
            id="that goes",
        ),
        pytest.param(
            deployment("Canary", STUCK),
            ("Degraded", f"Stalled: {MESSAGE}"),
            id="that only a person can help, whatever its phase",
        ),
    ],
)
def test_a_deployment(obj: dict[str, Any], expected: Health) -> None:
    assert health_of(obj) == expected


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        pytest.param(rollout_decision.DecisionPhase.TAKEN, "Healthy", id="taken"),
        pytest.param(rollout_decision.DecisionPhase.REFUSED, "Degraded", id="refused"),
        pytest.param(None, "Progressing", id="not seen"),
    ],
)
def test_a_decision_that_was(phase: rollout_decision.DecisionPhase | None, expected: str) -> None:
    status = {} if phase is None else {"status": {"phase": str(phase), "message": MESSAGE}}
    body = {"kind": names.DECISION_KIND, "metadata": {"name": "churn-x", "generation": 1}, **status}
    assert health_of(body)[0] == expected


def test_the_readme_shows_both_kinds() -> None:
    text = SCRIPT.with_name("README.md").read_text()
    for kind in (names.KIND, names.DECISION_KIND):
        assert f"resource.customizations.health.{names.GROUP}_{kind}" in text


def test_every_phase_that_is_compared_exists() -> None:
    text = SCRIPT.read_text()
    compared = set(re.findall(r'status\.phase == "(\w+)"', text))
    assert compared == {
        *(DisplayPhase.DEGRADED, DisplayPhase.FAILED, DisplayPhase.PAUSED),
        *rollout_decision.DecisionPhase,
    }
