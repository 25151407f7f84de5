"""Invariants of every plan, whatever happens to the cluster in whatever order."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from seatrial import planner
from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.children import actions
from seatrial.observation import tracks
from seatrial.simulation import cluster, observer
from tests.golden import play, pods
from tests.golden.play import V1, V2, V3, Play

BOUNDS = {"minReplicas": 2, "maxReplicas": 6}
SPECS: list[Body] = [
    *({"model": {"image": image}} for image in (V1, V2, V3)),
    *({"scaling": scaling} for scaling in ({"replicas": 0}, {"replicas": 1}, {"replicas": 5}, BOUNDS)),
    {"rollout": {"steps": [{"weight": 20, "hold": "1m"}, {"weight": 50, "hold": "1m"}]}},
    {"rollout": {"steps": [{"weight": 60, "hold": "10s"}]}},
    {"rollout": {"strategy": "Recreate"}},
    {"paused": True},
    {"paused": False},
]
FORBIDDEN = {"pod": {"volumes": [{"name": "host", "nfs": {"server": "files", "path": "/"}}]}}
DECISIONS = ["Abort", "Promote", "Skip", "Pause", "Resume", "Retry", "Rollback"]
POD_FAILURES: list[Callable[[Body], Body]] = [pods.crashing, pods.unable_to_pull, pods.not_ready]


class Cluster(RuleBasedStateMachine):
    """One object, and everything that users and nodes may do to it."""

    @initialize()
    def a_first_deployment_is_applied(self) -> None:
        self.play = Play().apply(model={"image": V1}, scaling={"replicas": 2})
        self.decided = 0

    @rule(spec=strategies.sampled_from(SPECS))
    def somebody_edits_the_spec(self, spec: Body) -> None:
        self.play.apply(**spec)

    @rule(replicas=strategies.integers(0, 3))
    def the_api_server_accepts_an_invalid_spec(self, replicas: int) -> None:
        body = copy.deepcopy(self.play.world.objects[(names.KIND, play.NAME)])
        body["spec"] |= {"serving": FORBIDDEN, "scaling": {"replicas": replicas}}
        body["metadata"]["generation"] += 1
        self.play.world = self.play.world.with_objects(body)

    @rule(seconds=strategies.sampled_from([1, 20, 45, 700]))
    def time_passes(self, seconds: int) -> None:
        self.play.later(seconds)

    @rule(track=strategies.sampled_from(["stable", "canary"]), failure=strategies.sampled_from(POD_FAILURES))
    def pods_fail(self, track: str, failure: Callable[[Body], Body]) -> None:
        if (self._status() or {}).get(track):
            self.play.pods(track, failure)

    @rule(track=strategies.sampled_from(["stable", "canary"]))
    def a_node_is_drained(self, track: str) -> None:
        if (self._status() or {}).get(track):
            self.play.losing_pods(track)

    @rule(action=strategies.sampled_from(DECISIONS), back=strategies.integers(0, 2))
    def somebody_decides(self, action: str, back: int) -> None:
        status = self._status() or {}
        rollout = status.get("rollout")
        if not rollout:
            return
        history = [h["revision"] for h in status.get("history", ())]
        more: dict[str, Any] = {"Skip": {"step": rollout.get("step") or 1}, "Pause": {}, "Resume": {}}.get(
            action, {"attempt": rollout["attempt"]}
        )
        if action == "Rollback":
            if not status.get("stable") or len(history) <= back:
                return
            more = {"revision": status["stable"]["revision"], "toRevision": history[back]}
        self.decided += 1
        self.play.decide(action, **more)
        self._rename_the_decision(action)

    @rule()
    def the_status_is_lost(self) -> None:
        self.play.losing_status()

    @rule()
    def somebody_deletes_the_service(self) -> None:
        if self.play.world.get("Service", play.NAME):
            self.play.without("Service", play.NAME)

    def _rename_the_decision(self, action: str) -> None:
        """Each decision is another object."""
        place = (names.DECISION_KIND, f"{play.NAME}-{action.lower()}")
        body = copy.deepcopy(self.play.world.objects[place])
        body["metadata"].update(name=f"decision-{self.decided}", uid=f"decision-{self.decided}")
        self.play.world = self.play.world.without(place).with_objects(body)

    def _status(self) -> Body | None:
        body = self.play.world.get(names.KIND, play.NAME)
        return None if body is None else cast("Body | None", body.get("status"))

    @invariant()
    def one_pass_keeps_every_invariant(self) -> None:
        before = self._status() or {}
        plan = play.simulation(self.play.world).step(self.play.world, self.play.now).plan
        status = plan.status
        canary = status.canary
        if status.stable is not None:
            assert status.stable.weight + (canary.weight if canary else 0) == 100
        assert canary is None or not canary.weight or self._available(canary.revision)
        assert all(self._is_allowed(action) for action in plan.actions)
        if before.get("stable"):
            assert status.stable is not None, "stable was lost from the status"
        if status.stable is not None:
            deleted = {
                a.name
                for a in plan.actions
                if isinstance(a, actions.Delete)
                and a.kind not in {"HorizontalPodAutoscaler", "PodDisruptionBudget"}
            }
            assert f"{play.NAME}-{status.stable.revision}" not in deleted
        assert plan.wake_at is None or plan.wake_at > self.play.now
        assert (
            len(
                {c.type for c in status.conditions if c.status == "True"}
                & {"Ready", "Reconciling", "Stalled"}
            )
            == 1
        )
        assert status.message
        self._second_plan_is_empty(plan)

    def _available(self, revision: str) -> int:
        deployment = observer.deployment_in(self.play.world, play.NAME)
        platform = play.simulation(self.play.world).platform
        observed = observer.observe(self.play.world, deployment, platform)
        return tracks.track(observed, revision).available

    @staticmethod
    def _is_allowed(action: actions.Action) -> bool:
        """Return whether the action writes a child or an answer, and not the ModelDeployment itself."""
        body = action.body if isinstance(action, actions.Create | actions.Apply) else {}
        return body.get("kind") != names.KIND

    def _second_plan_is_empty(self, plan: planner.Plan) -> None:
        """Check that a stored and applied plan leaves nothing to do but what follows from a started autoscaler.

        Its pods are kept: a snapshot without them would be another one.
        """
        stored = cluster.with_status(self.play.world, play.NAME, plan.status.to_dict())
        done = cluster.apply_actions(stored, plan.actions, self.play.now)
        for (kind, name), body in stored.objects.items():
            done = done.with_objects(body) if kind == "Pod" and done.get(kind, name) is None else done
        again = play.simulation(done).step(done, self.play.now).plan.actions
        assert [a for a in again if not _is_of_an_autoscaler(a)] == []


def _is_of_an_autoscaler(action: actions.Action) -> bool:
    return isinstance(action, actions.Apply) and action.body["kind"] == "HorizontalPodAutoscaler"


TestCluster = Cluster.TestCase
TestCluster.settings = settings(
    max_examples=60, stateful_step_count=15, deadline=timedelta(seconds=20), derandomize=True
)
