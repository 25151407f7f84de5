"""What people decide, as objects on a real API server: taken once, answered, and nobody decides as another."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.live.operator_process import OperatorProcess
from tests.live.user_actions import Hands, image, phase_is, spec

pytestmark = [pytest.mark.controlplane, pytest.mark.usefixtures("decision_policy")]

WHO = "lab:admin"
"""Who the lab's kubeconfig says we are."""
HELD = [{"weight": 25, "hold": "1h"}, {"weight": 50, "hold": "1h"}]


async def decide(hands: Hands, action: str, revision: str, *, by: str = WHO, **more: Any) -> Body:
    """The decision, once it has an answer."""
    asked = {"deployment": "churn", "action": action, "revision": revision, "decidedBy": by, **more}
    head = {"generateName": "churn-"}
    body = {"apiVersion": names.API_VERSION, "kind": names.DECISION_KIND, "metadata": head, "spec": asked}
    made = await hands.create(kinds.ROLLOUT_DECISION, body)
    name = made["metadata"]["name"]
    return await hands.until(name, lambda seen: seen.get("status"), kind=kinds.ROLLOUT_DECISION)


async def held_at_its_first_step(hands: Hands) -> str:
    """Version 2 has its first users beside version 1, and stays so; its revision."""
    await hands.apply("churn", spec(1))
    await hands.healthy("churn", 1)
    await hands.apply("churn", spec(2, steps=HELD))
    seen = await hands.until("churn", step_is("1/2"))
    return str(seen["status"]["canary"]["revision"])


def step_is(step: str) -> Any:
    """A question for `until`: the rollout is at this step and its canary has users."""

    def holds(body: Body) -> bool:
        summary = (body.get("status") or {}).get("summary") or {}
        return summary.get("step") == step and bool(summary.get("weight"))

    return holds


def phase_of(decision: Body) -> str:
    """What became of it."""
    return str(decision["status"]["phase"])


async def test_abort_returns_traffic_to_stable(operator: OperatorProcess, hands: Hands) -> None:
    revision = await held_at_its_first_step(hands)
    decision = await decide(hands, "Abort", revision, attempt=1, reason="p99")
    after = await hands.until("churn", phase_is("Degraded"))
    service = await hands.get("churn", kinds.SERVICE)
    assert phase_of(decision) == "Taken"
    assert after["status"]["stable"]["image"] == image(1)
    assert service["spec"]["selector"][names.LABEL_REVISION] == after["status"]["stable"]["revision"]
    assert [entry["reason"] for entry in after["status"]["rejected"]] == ["Aborted"]
    newest = after["status"]["history"][0]
    assert (newest["outcome"], newest["decidedBy"]) == ("Aborted", WHO)


async def test_retry_starts_a_rejected_revision_again(operator: OperatorProcess, hands: Hands) -> None:
    revision = await held_at_its_first_step(hands)
    await decide(hands, "Abort", revision, attempt=1)
    await hands.until("churn", phase_is("Degraded"))
    assert phase_of(await decide(hands, "Retry", revision, attempt=1)) == "Taken"
    again = await hands.until("churn", step_is("1/2"))
    assert again["status"]["rollout"]["attempt"] == 2
    assert "rejected" not in again["status"]


async def test_promote_skips_all_steps(operator: OperatorProcess, hands: Hands) -> None:
    revision = await held_at_its_first_step(hands)
    assert phase_of(await decide(hands, "Promote", revision, attempt=1)) == "Taken"
    await hands.healthy("churn", 2)


async def test_skip_ends_only_one_step(operator: OperatorProcess, hands: Hands) -> None:
    revision = await held_at_its_first_step(hands)
    assert phase_of(await decide(hands, "Skip", revision, step=1)) == "Taken"
    await hands.until("churn", step_is("2/2"))
    late = await decide(hands, "Skip", revision, step=1)
    assert phase_of(late) == "Refused"
    assert "the rollout is at step 2" in late["status"]["message"]


async def test_pause_holds_until_resume(operator: OperatorProcess, hands: Hands) -> None:
    revision = await held_at_its_first_step(hands)
    assert phase_of(await decide(hands, "Pause", revision)) == "Taken"
    await hands.until("churn", phase_is("Paused"))
    assert phase_of(await decide(hands, "Resume", revision)) == "Taken"
    await hands.until("churn", phase_is("Canary"))


async def test_rollback_returns_to_a_revision_of_history(operator: OperatorProcess, hands: Hands) -> None:
    await hands.apply("churn", spec(1))
    first = (await hands.healthy("churn", 1))["status"]["stable"]["revision"]
    await hands.apply("churn", spec(2))
    second = (await hands.healthy("churn", 2))["status"]["stable"]["revision"]
    assert phase_of(await decide(hands, "Rollback", second, toRevision=first)) == "Taken"
    after = await hands.until("churn", phase_is("Degraded"))
    assert after["status"]["stable"]["revision"] == first
    await hands.apply("churn", spec(2))
    synced = await hands.get("churn")
    assert synced["status"]["stable"]["revision"] == first
    assert [entry["revision"] for entry in synced["status"]["rejected"]] == [second]


async def test_decision_about_another_revision_is_rejected(operator: OperatorProcess, hands: Hands) -> None:
    revision = await held_at_its_first_step(hands)
    decision = await decide(hands, "Abort", "0123456789", attempt=1)
    assert phase_of(decision) == "Refused"
    assert f"on its way is {revision}" in decision["status"]["message"]


async def test_decision_in_another_users_name_is_forbidden(operator: OperatorProcess, hands: Hands) -> None:
    revision = await held_at_its_first_step(hands)
    with pytest.raises(failures.Forbidden, match=r"write .lab:admin., not .jo@shop\.io."):
        await decide(hands, "Abort", revision, by="jo@shop.io", attempt=1)
