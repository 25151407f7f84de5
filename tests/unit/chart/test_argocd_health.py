"""The Argo CD health of every status that the operator writes."""

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
    """Return the result of the script in Lua 5.1 without libraries, as Argo CD runs it."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    for library in ("os", "io", "package", "require", "debug", "dofile", "loadfile"):
        lua.globals()[library] = None
    lua.globals()["obj"] = lua.table_from(dict(obj), recursive=True)
    health = lua.execute(SCRIPT.read_text())
    assert set(health.keys()) == {"status", "message"}
    return health["status"], health["message"]


def deployment(phase: str = "", conditions: Conditions | None = None, **head: Any) -> dict[str, Any]:
    """Return a ModelDeployment with a status of its current generation."""
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
IN_PROGRESS: Conditions = {"Ready": "False", "Reconciling": "True", "Stalled": "False"}
STALLED: Conditions = {"Ready": "False", "Reconciling": "False", "Stalled": "True"}

CASES = [
    (DisplayPhase.PENDING, IN_PROGRESS, "Progressing"),
    (DisplayPhase.BUILDING, IN_PROGRESS, "Progressing"),
    (DisplayPhase.DEPLOYING, IN_PROGRESS, "Progressing"),
    (DisplayPhase.CANARY, IN_PROGRESS, "Progressing"),
    (DisplayPhase.PAUSED, IN_PROGRESS, "Suspended"),
    (DisplayPhase.PROMOTING, IN_PROGRESS, "Progressing"),
    (DisplayPhase.ROLLING_BACK, IN_PROGRESS, "Progressing"),
    (DisplayPhase.DEGRADED, IN_PROGRESS, "Degraded"),
    (DisplayPhase.DEGRADED, STALLED, "Degraded"),
    (DisplayPhase.REJECTED, STALLED, "Degraded"),
    (DisplayPhase.STOPPED, READY, "Suspended"),
    (DisplayPhase.FAILED, STALLED, "Degraded"),
    (DisplayPhase.HEALTHY, READY, "Healthy"),
    (DisplayPhase.HEALTHY, IN_PROGRESS, "Progressing"),
    (DisplayPhase.HEALTHY, STALLED, "Degraded"),
]


@pytest.mark.parametrize(("phase", "conditions", "expected"), CASES)
def test_every_phase_has_a_health(phase: DisplayPhase, conditions: Conditions, expected: str) -> None:
    status, message = health_of(deployment(phase, conditions))
    assert status == expected
    assert message.endswith(MESSAGE)


def test_every_phase_is_covered() -> None:
    assert {phase for phase, _, _ in CASES} == set(DisplayPhase)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(
            {k: v for k, v in deployment().items() if k != "status"},
            ("Progressing", "the operator has not observed generation 3 yet"),
            id="without a status",
        ),
        pytest.param(
            deployment("Healthy", READY, generation=4),
            ("Progressing", "the operator has not observed generation 4 yet"),
            id="with the status of an older generation",
        ),
        pytest.param(
            deployment("Healthy", READY, deletionTimestamp="2026-11-21T12:00:00Z"),
            ("Progressing", "the object is being deleted"),
            id="being deleted",
        ),
        pytest.param(
            deployment("Canary", STALLED),
            ("Degraded", f"Canary: Stalled: {MESSAGE}"),
            id="stalled, whatever its phase",
        ),
    ],
)
def test_the_health_of_a_deployment(obj: dict[str, Any], expected: Health) -> None:
    assert health_of(obj) == expected


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        pytest.param(rollout_decision.DecisionPhase.TAKEN, "Healthy", id="taken"),
        pytest.param(rollout_decision.DecisionPhase.REFUSED, "Degraded", id="refused"),
        pytest.param(None, "Progressing", id="not processed"),
    ],
)
def test_the_health_of_a_decision(phase: rollout_decision.DecisionPhase | None, expected: str) -> None:
    status = {} if phase is None else {"status": {"phase": str(phase), "message": MESSAGE}}
    body = {"kind": names.DECISION_KIND, "metadata": {"name": "churn-x", "generation": 1}, **status}
    assert health_of(body)[0] == expected


def test_the_readme_configures_both_kinds() -> None:
    text = SCRIPT.with_name("README.md").read_text()
    for kind in (names.KIND, names.DECISION_KIND):
        assert f"resource.customizations.health.{names.GROUP}_{kind}" in text


def test_the_script_compares_existing_phases() -> None:
    text = SCRIPT.read_text()
    compared = set(re.findall(r'status\.phase == "(\w+)"', text))
    assert compared == {
        *(DisplayPhase.DEGRADED, DisplayPhase.FAILED, DisplayPhase.PAUSED, DisplayPhase.STOPPED),
        *rollout_decision.DecisionPhase,
    }
