"""RolloutDecisions on a real API server: accepted once, completed with a status, never in another user's name."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.live.cluster_user import ClusterUser, image, phase_is, spec
from tests.live.operator_process import OperatorProcess

pytestmark = [pytest.mark.controlplane, pytest.mark.usefixtures("decision_policy")]

USER_NAME = "lab:admin"
"""The user of the lab's kubeconfig."""
LONG_STEPS = [{"weight": 25, "hold": "1h"}, {"weight": 50, "hold": "1h"}]


async def decide(user: ClusterUser, action: str, revision: str, *, by: str = USER_NAME, **more: Any) -> Body:
    """Create a decision and return it once it has a status."""
    spec = {"deployment": "churn", "action": action, "revision": revision, "decidedBy": by, **more}
    metadata = {"generateName": "churn-"}
    body = {"apiVersion": names.API_VERSION, "kind": names.DECISION_KIND, "metadata": metadata, "spec": spec}
    created = await user.create(kinds.ROLLOUT_DECISION, body)
    name = created["metadata"]["name"]
    return await user.until(name, lambda body: body.get("status"), kind=kinds.ROLLOUT_DECISION)


async def start_canary(user: ClusterUser) -> str:
    """Deploy version 1, start a canary of version 2 and return its revision; its first step does not end."""
    await user.apply("churn", spec(1))
    await user.healthy("churn", 1)
    await user.apply("churn", spec(2, steps=LONG_STEPS))
    canary = await user.until("churn", step_is("1/2"))
    return str(canary["status"]["canary"]["revision"])


def step_is(step: str) -> Any:
    """Return a condition for `until`: the rollout is at this step and its canary receives traffic."""

    def holds(body: Body) -> bool:
        summary = (body.get("status") or {}).get("summary") or {}
        return summary.get("step") == step and bool(summary.get("weight"))

    return holds


def phase_of(decision: Body) -> str:
    """Return the phase of a decision."""
    return str(decision["status"]["phase"])


async def test_abort_returns_traffic_to_stable(operator: OperatorProcess, user: ClusterUser) -> None:
    revision = await start_canary(user)
    decision = await decide(user, "Abort", revision, attempt=1, reason="p99")
    after = await user.until("churn", phase_is("Rejected"))
    service = await user.get("churn", kinds.SERVICE)
    assert phase_of(decision) == "Taken"
    assert after["status"]["stable"]["image"] == image(1)
    assert service["spec"]["selector"][names.LABEL_REVISION] == after["status"]["stable"]["revision"]
    assert [entry["reason"] for entry in after["status"]["rejected"]] == ["Aborted"]
    newest = after["status"]["history"][0]
    assert (newest["outcome"], newest["decidedBy"]) == ("Aborted", USER_NAME)


async def test_retry_starts_a_rejected_revision_again(operator: OperatorProcess, user: ClusterUser) -> None:
    revision = await start_canary(user)
    await decide(user, "Abort", revision, attempt=1)
    await user.until("churn", phase_is("Rejected"))
    assert phase_of(await decide(user, "Retry", revision, attempt=1)) == "Taken"
    again = await user.until("churn", step_is("1/2"))
    assert again["status"]["rollout"]["attempt"] == 2
    assert "rejected" not in again["status"]


async def test_promote_skips_all_steps(operator: OperatorProcess, user: ClusterUser) -> None:
    revision = await start_canary(user)
    assert phase_of(await decide(user, "Promote", revision, attempt=1)) == "Taken"
    await user.healthy("churn", 2)


async def test_skip_ends_only_one_step(operator: OperatorProcess, user: ClusterUser) -> None:
    revision = await start_canary(user)
    assert phase_of(await decide(user, "Skip", revision, step=1)) == "Taken"
    await user.until("churn", step_is("2/2"))
    late = await decide(user, "Skip", revision, step=1)
    assert phase_of(late) == "Refused"
    assert "step 2" in late["status"]["message"]


async def test_pause_holds_until_resume(operator: OperatorProcess, user: ClusterUser) -> None:
    revision = await start_canary(user)
    assert phase_of(await decide(user, "Pause", revision)) == "Taken"
    await user.until("churn", phase_is("Paused"))
    assert phase_of(await decide(user, "Resume", revision)) == "Taken"
    await user.until("churn", phase_is("Canary"))


async def test_rollback_returns_to_a_revision_of_history(
    operator: OperatorProcess, user: ClusterUser
) -> None:
    await user.apply("churn", spec(1))
    first = (await user.healthy("churn", 1))["status"]["stable"]["revision"]
    await user.apply("churn", spec(2))
    second = (await user.healthy("churn", 2))["status"]["stable"]["revision"]
    assert phase_of(await decide(user, "Rollback", second, toRevision=first)) == "Taken"
    after = await user.until("churn", phase_is("Rejected"))
    assert after["status"]["stable"]["revision"] == first
    await user.apply("churn", spec(2))
    synced = await user.get("churn")
    assert synced["status"]["stable"]["revision"] == first
    assert [entry["revision"] for entry in synced["status"]["rejected"]] == [second]


async def numbers(user: ClusterUser, *revisions: str) -> list[tuple[int, bool]]:
    """Return the number of each ControllerRevision, and whether it says when it was promoted."""
    bodies = [await user.get(f"churn-{revision}", kinds.CONTROLLER_REVISION) for revision in revisions]
    mark = f"{names.GROUP}/promoted-at"
    return [(body["revision"], mark in (body["metadata"].get("annotations") or {})) for body in bodies]


@pytest.mark.parametrize("wanted", ["previous", "digest"])
async def test_rollback_to_a_digest_or_to_previous_numbers_the_promotion(
    operator: OperatorProcess, user: ClusterUser, wanted: str
) -> None:
    await user.apply("churn", spec(1))
    first = (await user.healthy("churn", 1))["status"]["stable"]["revision"]
    await user.apply("churn", spec(2))
    second = (await user.healthy("churn", 2))["status"]["stable"]["revision"]
    target = image(1).rpartition("@")[2] if wanted == "digest" else wanted
    decision = await decide(user, "Rollback", second, toRevision=target)
    assert (phase_of(decision), first in decision["status"]["message"]) == ("Taken", True)
    await user.until("churn", phase_is("Rejected"))
    expected = [(3, True), (2, False)]
    await user.until(
        f"churn-{first}", lambda body: body["revision"] == expected[0][0], kind=kinds.CONTROLLER_REVISION
    )
    assert await numbers(user, first, second) == expected


async def test_decision_about_another_revision_is_rejected(
    operator: OperatorProcess, user: ClusterUser
) -> None:
    revision = await start_canary(user)
    decision = await decide(user, "Abort", "0123456789", attempt=1)
    assert phase_of(decision) == "Refused"
    assert revision in decision["status"]["message"]


async def test_decision_in_another_users_name_is_forbidden(
    operator: OperatorProcess, user: ClusterUser
) -> None:
    revision = await start_canary(user)
    with pytest.raises(failures.Forbidden, match=r"write .lab:admin., not .jo@shop\.io."):
        await decide(user, "Abort", revision, by="jo@shop.io", attempt=1)
