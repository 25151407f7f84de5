"""Objects that stand beside ModelDeployments: Secrets, ConfigMaps, volumes, a web server, files in a registry."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from model_runtime.registry import blobs, tls
from model_runtime.registry.client import OCI_MANIFEST, RegistryClient
from model_runtime.registry.credentials import Keyring
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import Transport
from tests.cluster import NodeLab
from tests.stage.install import Stage

NOBODY = 65532


def put(stage: Stage, kind: str, name: str, *, api: str = "v1", **content: Any) -> None:
    """The object is as given, in the stage's namespace."""
    head = {"name": name, "namespace": stage.namespace}
    stage.lab.apply(yaml.safe_dump({"apiVersion": api, "kind": kind, "metadata": head, **content}))


def secret(stage: Stage, name: str, data: dict[str, str], *, kind: str = "Opaque") -> None:
    """The Secret holds these texts."""
    put(stage, "Secret", name, type=kind, stringData=data)


def login(stage: Stage, name: str, *, password: str) -> None:
    """The Secret is a login to the lab's guarded registry, with this password."""
    registry = stage.lab.registry
    entry = {"username": registry.username, "password": password}
    config = json.dumps({"auths": {registry.guarded_inside: entry}})
    secret(stage, name, {".dockerconfigjson": config}, kind="kubernetes.io/dockerconfigjson")


def files(stage: Stage, name: str, content: dict[str, bytes]) -> None:
    """The ConfigMap holds these files."""
    encoded = {key: base64.b64encode(data).decode() for key, data in content.items()}
    put(stage, "ConfigMap", name, binaryData=encoded)


def volume(stage: Stage, name: str, folder: Path) -> None:
    """The claim is bound to this folder of the machine."""
    claim = {"accessModes": ["ReadOnlyMany"], "storageClassName": "", "volumeName": name}
    size = "1Gi"
    body = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": claim["accessModes"],
            "storageClassName": "",
            "hostPath": {"path": str(folder), "type": "Directory"},
            "claimRef": {"namespace": stage.namespace, "name": name},
        },
    }
    stage.lab.apply(yaml.safe_dump(body))
    put(
        stage,
        "PersistentVolumeClaim",
        name,
        spec={**claim, "resources": {"requests": {"storage": size}}},
    )


def web_server(stage: Stage, name: str, *, config_map: str) -> str:
    """A web server answers with the files of the ConfigMap; its address."""
    labels = {"app": name}
    container = {
        "name": "web",
        "image": f"{stage.lab.registry.inside}/python-base:v1",
        "command": ["python3", "-m", "http.server", "8080", "--directory", "/files"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "files", "mountPath": "/files"}],
    }
    pod = {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "files", "configMap": {"name": config_map}}],
        "terminationGracePeriodSeconds": 1,
    }
    put(
        stage,
        "Deployment",
        name,
        api="apps/v1",
        spec={
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    )
    put(stage, "Service", name, spec={"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]})
    stage.kubectl("rollout", "status", f"deployment/{name}", "--timeout=90s")
    return f"http://{name}.{stage.namespace}.svc"


def artifact(lab: NodeLab, path: str, content: dict[str, bytes]) -> str:
    """The lab's registry has an OCI artifact of these files under `path`; its `oci://` address inside."""
    transport = Transport(tls.ssl_context(lab.registry.ca_file.parent), Keyring())
    with closing(transport):
        registry, target = RegistryClient(transport), Reference.parse(f"{lab.registry.outside}/{path}")
        registry.put_manifest(target, OCI_MANIFEST, _manifest(registry, target, content))
    return f"oci://{lab.registry.inside}/{path}"


def _manifest(registry: RegistryClient, target: Reference, content: dict[str, bytes]) -> dict[str, Any]:
    empty = blobs.from_bytes(b"{}")
    registry.put_blob(target, empty)
    layers = []
    for name, data in content.items():
        blob = blobs.from_bytes(data)
        registry.put_blob(target, blob)
        layers.append(
            {
                "mediaType": "application/octet-stream",
                "digest": blob.digest,
                "size": blob.size,
                "annotations": {"org.opencontainers.image.title": name},
            }
        )
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty.digest, "size": empty.size}
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
