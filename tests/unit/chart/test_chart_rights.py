"""The operator's rights are the verbs that its code uses: none is missing, none is left over."""

from __future__ import annotations

from typing import cast

import pytest

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.cli.cluster import REVIEW
from seatrial.kube import caches
from seatrial.kube.client import Client
from seatrial.kube.transport import Request, Response, Transport
from tests.golden import situations
from tests.unit.chart.chart_rendering import Body, granted, of_kind, one, rendered
from tests.unit.cli.commands import output_of
from tests.unit.cli.decide_situations import ABORT, api_server_with

pytestmark = pytest.mark.slow  # helm is compiled once

Right = tuple[str, str, str]

MADE = tuple(child.kind for child in caches.CHILD_KINDS if child.kind != kinds.POD)
"""Made by `Applier`: a create; a get where the name is taken; a patch, which is a server-side apply."""
TAKEN_AWAY = (
    kinds.DEPLOYMENT,
    kinds.HPA,
    kinds.PDB,
    kinds.CONFIG_MAP,
    kinds.CONTROLLER_REVISION,
    kinds.ROLLOUT_DECISION,
)
"""Deleted by `Applier`; a Service goes with its owner, a Job by its time to live."""
OTHERS: set[Right] = {
    ("apps", "deployments/scale", "patch"),  # Applier: replicas
    ("seatrial.dev", "rolloutdecisions/status", "patch"),  # Applier: the answer
    ("seatrial.dev", "modeldeployments/status", "update"),  # Reporter, Reconciler
    ("", "events", "create"),  # Reporter
    ("", "events", "patch"),  # Reporter: one more of the same
    ("", "configmaps", "get"),  # Observer: what pods read
    ("", "secrets", "get"),  # Observer: their hash
    ("seatrial.dev", "modeldeployments", "list"),  # kopf and the informer
    ("seatrial.dev", "modeldeployments", "watch"),  # kopf and the informer
    ("seatrial.dev", "modeldeployments/finalizers", "update"),  # blockOwnerDeletion, where it is checked
}


def rights(of: tuple[Kind, ...], *verbs: str) -> set[Right]:
    """Every one of the verbs on every one of the kinds."""
    return {(kind.group, kind.plural, verb) for kind in of for verb in verbs}


def watched(*, namespaced: bool) -> set[Right]:
    """What the informers list and watch."""
    every = caches.Caches(cast("Client", None), lambda _: None, lambda *_: None, clock=lambda: 0.0).informers
    chosen = tuple(informer.kind for informer in every if informer.kind.namespaced is namespaced)
    return rights(chosen, "list", "watch")


USED = (
    rights(MADE, "create", "get", "patch") | rights(TAKEN_AWAY, "delete") | watched(namespaced=True) | OTHERS
)


def named(objects: list[Body], kind: str, ending: str) -> Body:
    """The object of this kind whose name ends so."""
    return next(body for body in of_kind(objects, kind) if body["metadata"]["name"].endswith(ending))


def test_in_the_whole_cluster_it_may_do_what_it_does() -> None:
    role = named(rendered(), "ClusterRole", "seatrial-system:seatrial")
    assert granted(role["rules"]) == USED


def test_in_one_namespace_it_may_do_the_same_there_alone() -> None:
    objects = rendered({"scope": "namespaced", "watchNamespace": "shop"})
    role = named(objects, "Role", "seatrial-system:seatrial")
    assert role["metadata"]["namespace"] == "shop"
    assert granted(role["rules"]) == USED
    cluster_wide = [b["metadata"]["name"] for b in of_kind(objects, "ClusterRoleBinding")]
    assert cluster_wide == ["seatrial-system:seatrial-reads"]


@pytest.mark.parametrize("scope", ["cluster", "namespaced"])
def test_outside_namespaces_it_reads_two_kinds(scope: str) -> None:
    role = named(rendered({"scope": scope}), "ClusterRole", "-reads")
    crds = rights((kinds.CRD,), "get")
    assert granted(role["rules"]) == crds | watched(namespaced=False)
    assert role["rules"][0]["resourceNames"] == [
        "modeldeployments.seatrial.dev",
        "rolloutdecisions.seatrial.dev",
    ]


def test_it_holds_one_lease_beside_itself() -> None:
    objects = rendered()
    role = named(objects, "Role", "-lease")
    assert role["metadata"]["namespace"] == one(objects, "Deployment")["metadata"]["namespace"]
    assert granted(role["rules"]) == rights((kinds.LEASE,), "create", "get", "update")
    assert [rule.get("resourceNames") for rule in role["rules"]] == [None, ["seatrial"]]


def test_no_role_has_a_wildcard() -> None:
    objects = rendered()
    for role in (*of_kind(objects, "Role"), *of_kind(objects, "ClusterRole")):
        assert not [right for right in granted(role["rules"]) if "*" in right]


@pytest.mark.parametrize("scope", ["cluster", "namespaced"])
def test_every_binding_is_of_a_role_that_exists_and_of_the_operator(scope: str) -> None:
    objects = rendered({"scope": scope})
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
        pytest.param("seatrial-view", {"view", "edit", "admin"}, id="who may view may read ours"),
        pytest.param("seatrial-edit", {"edit", "admin"}, id="who may edit may write ModelDeployments"),
        pytest.param("seatrial-approver", set(), id="approvers are named apart"),
    ],
)
def test_roles_join_the_roles_of_the_cluster(role: str, joins: set[str]) -> None:
    labels = named(rendered(), "ClusterRole", role)["metadata"]["labels"]
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    assert {label.removeprefix(prefix) for label in labels if label.startswith(prefix)} == joins


def test_only_approvers_decide() -> None:
    decide = ("seatrial.dev", "rolloutdecisions", "create")
    roles = of_kind(rendered(), "ClusterRole")
    assert [r["metadata"]["name"] for r in roles if decide in granted(r["rules"])] == ["seatrial-approver"]


class Asked:
    """The way to an API server, and the rights that were used on it."""

    def __init__(self, server: Transport) -> None:
        self.server, self.stream = server, server.stream
        self.rights: set[Right] = set()

    async def request(self, request: Request) -> Response:
        """The server's answer."""
        group, _, *place = request.path.removeprefix("/apis/").split("/")
        plural, *name = place[2:] if place[0] == "namespaces" else place
        verbs = {"POST": "create", "GET": "get" if name else "list"}
        self.rights.add((group, plural, verbs[request.method]))
        return await self.server.request(request)


def test_approvers_may_do_what_the_command_asks_of_the_cluster() -> None:
    asked = Asked(api_server_with(situations.with_users()))
    output_of(*ABORT, "--apply", server=asked)
    everybody = {(REVIEW.group, REVIEW.plural, "create")}  # by the cluster's own role system:basic-user
    watch = rights((kinds.ROLLOUT_DECISION,), "get", "list", "watch")  # what becomes of it
    approver = named(rendered(), "ClusterRole", "seatrial-approver")
    assert ("seatrial.dev", "modeldeployments", "get") in asked.rights
    assert (asked.rights | watch) - everybody <= granted(approver["rules"])


def test_admins_decide_where_the_values_say_so() -> None:
    approver = named(rendered({"roles": {"approverJoinsAdmin": True}}), "ClusterRole", "seatrial-approver")
    assert approver["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-admin"] == "true"
