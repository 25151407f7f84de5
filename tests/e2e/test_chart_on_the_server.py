"""The rights of the chart on a real API server suffice for a whole rollout, and grant nothing else.

Pods do not really run, so the operator runs on this machine with a token of the chart's ServiceAccount.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.errors import LabError
from tests.cluster.fixtures import Cluster
from tests.e2e import chart_releases
from tests.e2e.chart_releases import CRDS, Operator, Release, operating, serving, until
from tests.unit.chart.chart_rendering import CHART

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

JO = "jo@shop.example"
"""An approver."""
ED = "ed@shop.example"
"""An editor of the namespace."""
VI = "vi@shop.example"
"""A viewer of the namespace."""
LEASE = 15.0
"""Duration of the lease in seconds."""
COMMAND = ("apply", "--server-side", "--force-conflicts", "-f", str(CHART / "crds"))
"""The upgrade command in the notes of the chart and in the log of the operator."""


@pytest.fixture(scope="module", params=["cluster", "namespaced"])
def release(request: pytest.FixtureRequest, control_plane: Cluster) -> Iterator[Release]:
    """Install the chart in one scope, with three users."""
    with chart_releases.installed(control_plane, request.param) as found:
        for user, role in ((JO, "seatrial-approver"), (ED, "edit"), (VI, "view")):
            name = user.partition("@")[0]
            found.kubectl("create", "rolebinding", name, f"--clusterrole={role}", f"--user={user}")
        until(lambda: found.may(ED, "create", "modeldeployments.seatrial.dev"), "roles that have joined")
        until(lambda: error_of(found, by="mallory", user=JO), "a policy in force")
        yield found


def error_of(release: Release, *, by: str, user: str) -> str:
    """Return the error for a decision of `user` in the name of `by`; empty when it is accepted."""
    text = chart_releases.decision(release, by=by, revision="0123456789", action={"action": "Pause"})
    try:
        release.kubectl("create", "--dry-run=server", "-f", "-", f"--as={user}", stdin=text)
    except LabError as error:
        return str(error)
    return ""


def test_the_chart_grants_every_right_that_a_rollout_needs(release: Release, tmp_path: Path) -> None:
    before = chart_releases.refused(release.cluster)
    release.kubectl("create", "configmap", "churn-settings", "--from-literal=A=1")
    release.kubectl("create", "secret", "generic", "churn-secret", "--from-literal=B=2")
    with operating(release, tmp_path) as operator:
        first = roll_out(release, "a")
        until(lambda: release.names("hpa") == [f"churn-{first}"], "the autoscaler")
        until(lambda: release.names("pdb") == [f"churn-{first}"], "the disruption budget")
        second = roll_out(release, "b")
        until(lambda: release.names("deployment") == [f"churn-{second}"], "the first one's end")
        release.apply("built", {"model": {"uri": "https://models.example/iris.skops"}})
        until(lambda: release.names("job"), "a build")
        decide(release, second)
        until(lambda: "Promoted" in release.event_reasons(), "Events")
        assert operator.stop() == 0
    assert "orbidden" not in operator.log()
    assert '"level": "error"' not in operator.log()
    assert chart_releases.refused(release.cluster) == before


def roll_out(release: Release, digit: str) -> str:
    """Roll out an image and return its revision."""
    release.apply("churn", serving(digit))
    until(lambda: release.is_healthy("churn"), f"image {digit}")
    return str(release.status("churn")["stable"]["revision"])


def decide(release: Release, revision: str) -> None:
    """Create a decision of Jo and wait for its outcome."""
    text = chart_releases.decision(release, by=JO, revision=revision, action={"action": "Pause"})
    release.kubectl("create", "-f", "-", f"--as={JO}", stdin=text)
    until(lambda: all(answer for answer in release.answers()) and release.answers(), "an answer")


def test_the_standby_becomes_the_leader_when_the_leader_stops(release: Release, tmp_path: Path) -> None:
    with operating(release, chart_releases.folder(tmp_path, "one")) as first:
        standby = Operator(release, chart_releases.folder(tmp_path, "two"))
        until(standby.answers, "a standby that has started")
        assert release.leader()
        assert first.stop() == 0
        until(standby.works, "the standby", patience=LEASE - 3)
        assert standby.stop() == 0
        assert release.leader() == ""


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("create", "pods"),
        ("delete", "pods"),
        ("get", "pods/log"),
        ("create", "pods/exec"),
        ("delete", "secrets"),
        ("create", "secrets"),
        ("update", "secrets"),
        ("delete", "jobs.batch"),
        ("update", "modeldeployments.seatrial.dev"),
        ("patch", "modeldeployments.seatrial.dev"),
        ("delete", "modeldeployments.seatrial.dev"),
        ("create", "rolloutdecisions.seatrial.dev"),
        ("get", "nodes"),
        ("list", "namespaces"),
        ("create", "rolebindings.rbac.authorization.k8s.io"),
        ("create", "serviceaccounts/token"),
        ("impersonate", "users"),
        ("patch", "customresourcedefinitions.apiextensions.k8s.io"),
        ("list", "customresourcedefinitions.apiextensions.k8s.io"),
        ("create", "validatingadmissionpolicybindings.admissionregistration.k8s.io"),
        ("list", "leases.coordination.k8s.io"),
        ("delete", "leases.coordination.k8s.io"),
    ],
)
def test_the_operator_has_no_other_rights(release: Release, verb: str, resource: str) -> None:
    assert not release.may(release.account, verb, resource)


def test_a_namespaced_release_has_no_rights_in_other_namespaces(release: Release) -> None:
    for verb, resource in (("create", "deployments.apps"), ("get", "secrets"), ("list", "configmaps")):
        assert release.may(release.account, verb, resource)
        everywhere = release.may_everywhere(release.account, verb, resource)
        assert everywhere is (release.scope == "cluster")


def test_a_user_can_create_a_decision_in_their_own_name(release: Release) -> None:
    assert error_of(release, by=JO, user=JO) == ""


def test_a_decision_in_the_name_of_another_user_is_rejected(release: Release) -> None:
    error = error_of(release, by=ED, user=JO)
    assert f"decidedBy must be the user who creates the decision: write '{JO}', not '{ED}'" in error


def test_an_administrator_cannot_create_a_decision_in_the_name_of_another_user(release: Release) -> None:
    text = chart_releases.decision(release, by=JO, revision="0123456789", action={"action": "Pause"})
    with pytest.raises(LabError, match="decidedBy must be the user who creates the decision"):
        release.kubectl("create", "-f", "-", stdin=text)


@pytest.mark.parametrize(
    ("user", "verb", "resource", "allowed"),
    [
        pytest.param(JO, "create", "rolloutdecisions.seatrial.dev", True, id="an approver creates decisions"),
        pytest.param(
            JO, "get", "modeldeployments.seatrial.dev", True, id="an approver reads ModelDeployments"
        ),
        pytest.param(JO, "update", "modeldeployments.seatrial.dev", False, id="an approver changes no spec"),
        pytest.param(
            JO, "update", "rolloutdecisions.seatrial.dev", False, id="an approver changes no decision"
        ),
        pytest.param(ED, "create", "modeldeployments.seatrial.dev", True, id="an editor deploys"),
        pytest.param(ED, "patch", "modeldeployments.seatrial.dev/scale", True, id="an editor scales"),
        pytest.param(ED, "get", "rolloutdecisions.seatrial.dev", True, id="an editor reads decisions"),
        pytest.param(
            ED, "create", "rolloutdecisions.seatrial.dev", False, id="an editor creates no decision"
        ),
        pytest.param(
            ED, "update", "modeldeployments.seatrial.dev/status", False, id="an editor writes no status"
        ),
        pytest.param(VI, "list", "modeldeployments.seatrial.dev", True, id="a viewer reads"),
        pytest.param(VI, "create", "modeldeployments.seatrial.dev", False, id="a viewer deploys nothing"),
    ],
)
def test_the_rights_of_users(release: Release, user: str, verb: str, resource: str, allowed: bool) -> None:
    assert release.may(user, verb, resource) is allowed


def test_the_operator_does_not_start_without_its_cluster_scoped_rights(
    release: Release, tmp_path: Path
) -> None:
    binding = f"{release.namespace}:seatrial-reads"
    release.kubectl("delete", "clusterrolebinding", binding)
    try:
        until(lambda: not release.may_everywhere(release.account, "list", BINDINGS), "a right that is gone")
        operator = Operator(release, tmp_path)
        assert operator.process.wait(timeout=120) == 1
        assert "cannot get resource" in operator.log()
        assert "ClusterRole that ends in -reads" in operator.log()
    finally:
        release.install()
        until(lambda: release.may_everywhere(release.account, "list", BINDINGS), "the right to be back")


BINDINGS = "validatingadmissionpolicybindings.admissionregistration.k8s.io"


def test_the_operator_does_not_start_with_an_older_crd(release: Release, tmp_path: Path) -> None:
    older = "seatrial.dev/schema-version=0"
    release.kubectl("annotate", "--overwrite", "--field-manager=helm", f"crd/{CRDS[0]}", older)
    try:
        operator = Operator(release, tmp_path)
        assert operator.process.wait(timeout=120) == 1
        assert "has schema version 0" in operator.log()
        assert " ".join(COMMAND[:3]) in operator.log()
    finally:
        release.kubectl(*COMMAND)
    found = json.loads(release.kubectl("get", "crd", CRDS[0], "-o", "json"))
    assert found["metadata"]["annotations"]["seatrial.dev/schema-version"] != "0"
