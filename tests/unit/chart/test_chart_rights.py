"""The operator has exactly the rights that its code uses."""

from __future__ import annotations

import re
from typing import cast

import pytest

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.cli.cluster import REVIEW
from seatrial.kube import caches
from seatrial.kube.client import Client
from seatrial.kube.transport import Request, Response, Transport
from seatrial.routers import base
from tests.golden import situations
from tests.unit.chart.chart_rendering import Body, granted, of_kind, one, rendered
from tests.unit.cli.commands import output_of
from tests.unit.cli.decide_situations import ABORT, api_server_with

pytestmark = pytest.mark.slow  # helm is compiled once

Right = tuple[str, str, str]

APPLIED = tuple(child.kind for child in caches.CHILD_KINDS if child.kind != kinds.POD)
"""`Applier` creates them, gets an existing one, and patches it by server-side apply."""
DELETED = (
    kinds.DEPLOYMENT,
    kinds.HPA,
    kinds.PDB,
    kinds.CONFIG_MAP,
    kinds.CONTROLLER_REVISION,
    kinds.ROLLOUT_DECISION,
    *base.kinds_of(base.routers()),
)
"""`Applier` deletes them, and what another router has left. A Job is deleted by its ttlSecondsAfterFinished."""
OTHERS: set[Right] = {
    ("apps", "deployments/scale", "patch"),  # Applier: replicas
    ("seatrial.dev", "rolloutdecisions/status", "patch"),  # Applier: the outcome
    ("seatrial.dev", "modeldeployments/status", "update"),  # Reporter, Reconciler
    ("", "events", "create"),  # Reporter
    ("", "events", "patch"),  # Reporter: the count of a repeated Event
    ("", "configmaps", "get"),  # Observer: data that pods read
    ("", "secrets", "get"),  # SecretVersions, Observer: their version and their hash
    ("seatrial.dev", "modeldeployments", "list"),  # kopf and the informer
    ("seatrial.dev", "modeldeployments", "watch"),  # kopf and the informer
    ("seatrial.dev", "modeldeployments/finalizers", "update"),  # blockOwnerDeletion, where it is enforced
}


def rights(of: tuple[Kind, ...], *verbs: str) -> set[Right]:
    """Return the rights to all verbs on all kinds."""
    return {(kind.group, kind.plural, verb) for kind in of for verb in verbs}


def watched(*, namespaced: bool) -> set[Right]:
    """Return the rights that the informers use."""
    informers = caches.Caches(
        cast("Client", None), lambda _: None, lambda *_: None, clock=lambda: 0.0
    ).informers
    kinds_in_scope = tuple(informer.kind for informer in informers if informer.kind.namespaced is namespaced)
    return rights(kinds_in_scope, "list", "watch")


USED = (
    rights(APPLIED, "create", "get", "patch") | rights(DELETED, "delete") | watched(namespaced=True) | OTHERS
)


def named(objects: list[Body], kind: str, suffix: str) -> Body:
    """Return the object of this kind whose name has this suffix."""
    return next(body for body in of_kind(objects, kind) if body["metadata"]["name"].endswith(suffix))


def test_the_cluster_role_has_exactly_the_rights_that_the_operator_uses() -> None:
    role = named(rendered(), "ClusterRole", "seatrial-system:seatrial")
    assert granted(role["rules"]) == USED


def test_a_release_for_some_namespaces_has_the_same_rights_in_these_only() -> None:
    objects = rendered({"watchNamespaces": ["shop", "lab"]})
    roles = [b for b in of_kind(objects, "Role") if b["metadata"]["name"] == "seatrial-system:seatrial"]
    assert [role["metadata"]["namespace"] for role in roles] == ["shop", "lab"]
    assert all(granted(role["rules"]) == USED for role in roles)
    cluster_wide = [b["metadata"]["name"] for b in of_kind(objects, "ClusterRoleBinding")]
    assert cluster_wide == ["seatrial-system:seatrial-reads"]


@pytest.mark.parametrize("namespaces", [[], ["shop"]])
def test_the_operator_reads_two_cluster_scoped_kinds(namespaces: list[str]) -> None:
    role = named(rendered({"watchNamespaces": namespaces}), "ClusterRole", "-reads")
    crds = rights((kinds.CRD,), "get")
    assert granted(role["rules"]) == crds | watched(namespaced=False)
    assert role["rules"][0]["resourceNames"] == [
        "modeldeployments.seatrial.dev",
        "rolloutdecisions.seatrial.dev",
    ]


def test_the_operator_may_hold_one_lease_in_its_namespace() -> None:
    objects = rendered()
    role = named(objects, "Role", "-lease")
    assert role["metadata"]["namespace"] == one(objects, "Deployment")["metadata"]["namespace"]
    assert granted(role["rules"]) == rights((kinds.LEASE,), "create", "get", "update")
    assert [rule.get("resourceNames") for rule in role["rules"]] == [None, ["seatrial"]]


@pytest.mark.parametrize("namespaces", [[], ["shop"]])
def test_no_role_lists_or_watches_secrets(namespaces: list[str]) -> None:
    objects = rendered({"watchNamespaces": namespaces})
    for role in (*of_kind(objects, "Role"), *of_kind(objects, "ClusterRole")):
        secrets = {right for right in granted(role["rules"]) if right[1] == "secrets"}
        assert secrets <= {("", "secrets", "get")}


def test_a_release_without_secret_content_needs_no_right_to_secrets() -> None:
    values = {"rbac": {"secrets": False}, "settings": {"secretContent": False}}
    role = named(rendered(values), "ClusterRole", "seatrial-system:seatrial")
    assert granted(role["rules"]) == USED - {("", "secrets", "get")}


def test_kinds_of_router_plugins_are_granted_and_in_the_fence() -> None:
    objects = rendered({"routerKinds": [{"group": "gateway.networking.k8s.io", "resource": "httproutes"}]})
    role = named(objects, "ClusterRole", "seatrial-system:seatrial")
    verbs = {verb for group, resource, verb in granted(role["rules"]) if resource == "httproutes"}
    assert verbs == {"get", "list", "watch", "create", "patch", "delete"}
    assert "'gateway.networking.k8s.io/httproutes'" in fence_of(objects)


def test_the_fence_permits_exactly_the_kinds_of_children() -> None:
    children = re.findall(r"'([^']*)'", fence_of(rendered()))
    assert sorted(children) == sorted(f"{kind.group}/{kind.plural}" for kind in APPLIED)


def fence_of(objects: list[Body]) -> str:
    """Return the expression for what a child is."""
    policy = named(objects, "ValidatingAdmissionPolicy", "-fence")
    variables = {entry["name"]: entry["expression"] for entry in policy["spec"]["variables"]}
    return str(variables["isChild"])


def test_no_role_has_a_wildcard() -> None:
    objects = rendered()
    for role in (*of_kind(objects, "Role"), *of_kind(objects, "ClusterRole")):
        assert not [right for right in granted(role["rules"]) if "*" in right]


@pytest.mark.parametrize("namespaces", [[], ["shop"]])
def test_every_binding_grants_an_existing_role_to_the_operator(namespaces: list[str]) -> None:
    objects = rendered({"watchNamespaces": namespaces})
    account = one(objects, "ServiceAccount")["metadata"]
    roles = {(body["kind"], body["metadata"]["name"]) for body in objects}
    bindings = [*of_kind(objects, "RoleBinding"), *of_kind(objects, "ClusterRoleBinding")]
    assert len(bindings) == 3
    for binding in bindings:
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in roles
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
        ]


@pytest.mark.parametrize(
    ("role", "joins"),
    [
        pytest.param("seatrial-view", {"view", "edit", "admin"}, id="viewers may read"),
        pytest.param("seatrial-edit", {"edit", "admin"}, id="editors may write ModelDeployments"),
        pytest.param("seatrial-approver", set(), id="approvers need a binding"),
    ],
)
def test_user_roles_are_aggregated_into_the_default_roles(role: str, joins: set[str]) -> None:
    labels = named(rendered(), "ClusterRole", role)["metadata"]["labels"]
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    assert {label.removeprefix(prefix) for label in labels if label.startswith(prefix)} == joins


def test_only_approvers_may_create_decisions() -> None:
    decide = ("seatrial.dev", "rolloutdecisions", "create")
    roles = of_kind(rendered(), "ClusterRole")
    assert [r["metadata"]["name"] for r in roles if decide in granted(r["rules"])] == ["seatrial-approver"]


class RecordingTransport:
    """A transport that records the rights that its requests need."""

    def __init__(self, server: Transport) -> None:
        self.server, self.stream = server, server.stream
        self.rights: set[Right] = set()

    async def request(self, request: Request) -> Response:
        """Forward the request and record the right that it needs."""
        group, _, *place = request.path.removeprefix("/apis/").split("/")
        plural, *name = place[2:] if place[0] == "namespaces" else place
        verbs = {"POST": "create", "GET": "get" if name else "list"}
        self.rights.add((group, plural, verbs[request.method]))
        return await self.server.request(request)


def test_approvers_may_do_everything_that_the_decide_command_does() -> None:
    transport = RecordingTransport(api_server_with(situations.with_users()))
    output_of(*ABORT, "--apply", server=transport)
    everyone = {(REVIEW.group, REVIEW.plural, "create")}  # granted by the default role system:basic-user
    watch = rights((kinds.ROLLOUT_DECISION,), "get", "list", "watch")  # to watch the outcome
    approver = named(rendered(), "ClusterRole", "seatrial-approver")
    assert ("seatrial.dev", "modeldeployments", "get") in transport.rights
    assert (transport.rights | watch) - everyone <= granted(approver["rules"])


def test_approvers_may_be_aggregated_into_admin() -> None:
    approver = named(rendered({"roles": {"approverJoinsAdmin": True}}), "ClusterRole", "seatrial-approver")
    assert approver["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-admin"] == "true"
