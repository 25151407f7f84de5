"""The simulated controllers: what autoscalers, Deployments, Jobs and kubelets do as time passes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from seatrial.api.objects import Body
from seatrial.simulation import build_jobs, server_pods
from seatrial.simulation.cluster import SimulatedCluster, ref_of, with_replicas


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """How long pods and builds take. The load and everything else are constant."""

    ready_after: timedelta = timedelta(seconds=15)
    """From a pod's creation until it is ready."""

    build: timedelta = timedelta(seconds=60)
    """From a build Job's creation until its image is pushed."""


def advance_time(cluster: SimulatedCluster, now: datetime, timings: Timings) -> SimulatedCluster:
    """Return the cluster after its controllers and kubelets have done what is due at `now`."""
    for autoscaler in cluster.of_kind("HorizontalPodAutoscaler"):
        cluster = _autoscale(cluster, autoscaler)
    for deployment in cluster.of_kind("Deployment"):
        cluster = _create_and_delete_pods(cluster, deployment, now)
    orphans = server_pods.orphaned_pods(cluster.of_kind("Pod"), cluster.of_kind("Deployment"))
    cluster = cluster.without(*(ref_of(pod) for pod in orphans))
    for job in cluster.of_kind("Job"):
        pods = cluster.of_kind("Pod")
        cluster = cluster.with_objects(*build_jobs.job_and_pod_at(job, pods, now=now, duration=timings.build))
    updated_pods = (server_pods.pod_at(pod, now, timings.ready_after) for pod in cluster.of_kind("Pod"))
    return cluster.with_objects(*updated_pods)


def _autoscale(cluster: SimulatedCluster, autoscaler: Body) -> SimulatedCluster:
    """Return the cluster with the replicas inside the autoscaler's bounds; zero replicas disable it."""
    spec = autoscaler["spec"]
    deployment = cluster.get("Deployment", spec["scaleTargetRef"]["name"])
    if deployment is None or not deployment["spec"].get("replicas"):
        return cluster
    replicas = min(max(deployment["spec"]["replicas"], spec["minReplicas"]), spec["maxReplicas"])
    return with_replicas(cluster, deployment["metadata"]["name"], replicas)


def _create_and_delete_pods(cluster: SimulatedCluster, deployment: Body, now: datetime) -> SimulatedCluster:
    replicas = int(deployment["spec"].get("replicas", 1))
    pods = server_pods.pods_of(cluster.of_kind("Pod"), deployment)
    surplus = server_pods.deletion_order(pods)[: max(len(pods) - replicas, 0)]
    cluster = cluster.without(*(ref_of(pod) for pod in surplus))
    return cluster.with_objects(*server_pods.new_pods(deployment, pods, now=now, count=replicas - len(pods)))


def next_event(cluster: SimulatedCluster, now: datetime, timings: Timings) -> datetime | None:
    """Return when a pod becomes ready or a build ends next after `now`; None if neither will."""
    pods = (server_pods.ready_time(pod, timings.ready_after) for pod in cluster.of_kind("Pod"))
    jobs = (build_jobs.end_time(job, timings.build) for job in cluster.of_kind("Job"))
    return min((time for time in (*pods, *jobs) if time is not None and time > now), default=None)
