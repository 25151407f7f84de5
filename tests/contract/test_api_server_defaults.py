"""The defaults that an API server adds to objects, tested on the fake and a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import kinds
from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.contract import example_objects as objects
from tests.contract.api_servers import Server

POD_DEFAULTS: Body = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
}
CONTAINER_DEFAULTS: Body = {
    "imagePullPolicy": "IfNotPresent",
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}


def rich_container() -> Body:
    """Return a container with most fields of a model server."""
    probe = {"httpGet": {"path": "/readyz", "port": 3000}}
    return {
        "ports": [{"containerPort": 3000}],
        "resources": {
            "requests": {"cpu": "0.5", "memory": "1024Mi"},
            "limits": {"cpu": "1000m", "memory": "1500M", "ephemeral-storage": "1e3"},
        },
        "readinessProbe": probe,
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 600},
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
        "env": [
            {"name": "A", "value": "1"},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }


def rich_deployment(server: Server) -> Body:
    """Return a Deployment with volumes and probes."""
    body = objects.deployment(server, **rich_container())
    body["spec"]["template"]["spec"]["volumes"] = [
        {"name": "tmp", "emptyDir": {"sizeLimit": "2048Mi"}},
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "key", "secret": {"secretName": "key"}},
    ]
    return body


class TestDeployment:
    async def test_deployment_has_defaults(self, server: Server) -> None:
        created = await server.client.create(kinds.DEPLOYMENT, rich_deployment(server))
        spec = created["spec"]
        pod = spec["template"]["spec"]
        assert without(spec, "template", "selector") == {
            "replicas": 0,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
        }
        assert without(pod, "containers", "volumes") == POD_DEFAULTS

    async def test_container_has_defaults_and_canonical_quantities(self, server: Server) -> None:
        created = await server.client.create(kinds.DEPLOYMENT, rich_deployment(server))
        (container,) = created["spec"]["template"]["spec"]["containers"]
        get = {"path": "/readyz", "port": 3000, "scheme": "HTTP"}
        probe_defaults = {
            "timeoutSeconds": 1,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 3,
        }
        assert container == {
            **rich_container(),
            **CONTAINER_DEFAULTS,
            "name": "server",
            "image": "registry.example/churn:1",
            "ports": [{"containerPort": 3000, "protocol": "TCP"}],
            "resources": {
                "requests": {"cpu": "500m", "memory": "1Gi"},
                "limits": {"cpu": "1", "memory": "1500M", "ephemeral-storage": "1e3"},
            },
            "readinessProbe": {**probe_defaults, "httpGet": get},
            "startupProbe": {**probe_defaults, "httpGet": get, "periodSeconds": 1, "failureThreshold": 600},
            "env": [
                {"name": "A", "value": "1"},
                {
                    "name": "POD",
                    "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}},
                },
            ],
        }

    async def test_volumes_have_defaults(self, server: Server) -> None:
        created = await server.client.create(kinds.DEPLOYMENT, rich_deployment(server))
        assert created["spec"]["template"]["spec"]["volumes"] == [
            {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}},
            {"name": "settings", "configMap": {"name": "settings", "defaultMode": 420}},
            {"name": "key", "secret": {"secretName": "key", "defaultMode": 420}},
        ]

    async def test_image_without_a_tag_is_always_pulled(self, server: Server) -> None:
        created = await server.client.create(
            kinds.DEPLOYMENT, objects.deployment(server, image="registry.example:5000/churn")
        )
        (container,) = created["spec"]["template"]["spec"]["containers"]
        assert container["imagePullPolicy"] == "Always"
        assert container["resources"] == {}

    async def test_request_above_its_limit_is_rejected(self, server: Server) -> None:
        resources = {"requests": {"memory": "2Gi"}, "limits": {"memory": "2000Mi"}}
        with pytest.raises(failures.Invalid, match="must be less than or equal to memory limit"):
            await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, resources=resources))

    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("1000m", "1"),
            ("0.5", "500m"),
            (2, "2"),
            (0.25, "250m"),
            ("1024Mi", "1Gi"),
            ("1500Mi", "1500Mi"),
            ("0.5Gi", "512Mi"),
            ("1.5Gi", "1536Mi"),
            ("1000", "1k"),
            ("1e3", "1e3"),
            ("1E3", "1E3"),
            ("12000e-3", "12"),
            ("1024", "1024"),
            ("100Ki", "100Ki"),
            ("0", "0"),
            ("2048Ki", "2Mi"),
            ("1000000", "1M"),
            ("0.1", "100m"),
            ("1500k", "1500k"),
        ],
    )
    async def test_quantities_are_canonicalized(self, server: Server, written: Any, kept: str) -> None:
        limits = {"limits": {"memory": written}}
        created = await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, resources=limits))
        (container,) = created["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["limits"]["memory"] == kept

    async def test_replicas_default_to_one(self, server: Server) -> None:
        created = await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, replicas=None))
        assert created["spec"]["replicas"] == 1


class TestOtherKinds:
    async def test_service_has_defaults(self, server: Server) -> None:
        created = await server.client.create(kinds.SERVICE, objects.service(server))
        address = created["spec"]["clusterIP"]
        assert created["spec"] == {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "selector": objects.LABELS,
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 3000}],
        }
        assert created["status"] == {"loadBalancer": {}}

    async def test_job_has_defaults(self, server: Server) -> None:
        created = await server.client.create(kinds.JOB, objects.job(server))
        uid = created["metadata"]["uid"]
        assert without(created["spec"], "template") == {
            "suspend": True,
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "completionMode": "NonIndexed",
            "manualSelector": False,
            "podReplacementPolicy": "TerminatingOrFailed",
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}},
        }
        assert created["spec"]["template"]["metadata"]["labels"] == {
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": "build",
            "controller-uid": uid,
            "job-name": "build",
        }

    async def test_job_pod_failure_policy_has_defaults(self, server: Server) -> None:
        body = objects.job(server)
        rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
        body["spec"]["podFailurePolicy"] = {"rules": [rule]}
        created = await server.client.create(kinds.JOB, body)
        condition = {"type": "DisruptionTarget", "status": "True"}
        assert created["spec"]["podFailurePolicy"]["rules"] == [
            {"action": "Ignore", "onPodConditions": [condition]}
        ]
        assert created["spec"]["podReplacementPolicy"] == "Failed"

    async def test_autoscaler_has_defaults(self, server: Server) -> None:
        created = await server.client.create(kinds.HPA, objects.autoscaler(server))
        assert created["spec"]["minReplicas"] == 1
        assert created["spec"]["metrics"] == [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            }
        ]
        assert "behavior" not in created["spec"]

    async def test_autoscaler_behavior_has_defaults(self, server: Server) -> None:
        behavior = {"scaleDown": {"selectPolicy": "Disabled"}}
        created = await server.client.create(kinds.HPA, objects.autoscaler(server, behavior=behavior))
        assert created["spec"]["behavior"] == {
            "scaleDown": {
                "selectPolicy": "Disabled",
                "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
            },
            "scaleUp": {
                "stabilizationWindowSeconds": 0,
                "selectPolicy": "Max",
                "policies": [
                    {"type": "Pods", "value": 4, "periodSeconds": 15},
                    {"type": "Percent", "value": 100, "periodSeconds": 15},
                ],
            },
        }

    async def test_lease_keeps_its_microseconds(self, server: Server) -> None:
        created = await server.client.create(kinds.LEASE, objects.lease(server))
        assert created["spec"]["renewTime"] == "2026-01-02T03:04:05.000006Z"

    async def test_secret_type_defaults_to_opaque(self, server: Server) -> None:
        body = objects.new(server, kinds.SECRET, "key", data={"a": "MQ=="})
        created = await server.client.create(kinds.SECRET, body)
        assert (created["type"], created["data"]) == ("Opaque", {"a": "MQ=="})

    async def test_disruption_budget_has_no_defaults(self, server: Server) -> None:
        spec = {"maxUnavailable": 1, "selector": {"matchLabels": objects.LABELS}}
        created = await server.client.create(kinds.PDB, objects.new(server, kinds.PDB, "churn", spec=spec))
        assert created["spec"] == spec
        assert created["metadata"]["generation"] == 1


def without(body: Body, *names: str) -> Body:
    """Return `body` without some of its fields."""
    return {name: value for name, value in body.items() if name not in names}
