"""Who may edit a ModelDeployment gets nothing that a Deployment of their own would not give them.

The rows of SECURITY.md; sources are in the tests of the runtime.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seatrial.api import spec, validation
from seatrial.api.objects import Body
from seatrial.codegen import crd
from tests.builders import OWNER
from tests.unit.manifests.test_pods import build, template

ROOT = Path(__file__).resolve().parents[3]
GREEDY: Body = {
    "pod": {
        "serviceAccountName": "admin",
        "imagePullSecrets": ["pull"],
        "volumes": [
            {"name": "a", "secret": {"secretName": "keys"}},
            {"name": "b", "configMap": {"name": "settings"}},
            {"name": "c", "persistentVolumeClaim": {"claimName": "data"}},
        ],
    },
    "envFrom": [{"secretRef": {"name": "keys"}}, {"configMapRef": {"name": "settings"}}],
}
"""A spec that names one of everything."""
PODS = [
    pytest.param(lambda: template(serving=GREEDY)["spec"], id="the server pod"),
    pytest.param(lambda: build(serving=GREEDY)["spec"]["template"]["spec"], id="the build pod"),
]


@pytest.mark.parametrize("pod", PODS)
def test_no_pod_gets_a_token(pod: Any) -> None:
    body = pod()
    assert body["automountServiceAccountToken"] is False
    sources = [
        source for volume in body["volumes"] for source in volume.get("projected", {}).get("sources", [])
    ]
    assert sources == []


def test_only_server_pods_run_as_the_service_account_of_the_spec() -> None:
    assert template(serving=GREEDY)["spec"]["serviceAccountName"] == "admin"
    assert "serviceAccountName" not in build(serving=GREEDY)["spec"]["template"]["spec"]


@pytest.mark.parametrize("pod", PODS)
def test_every_pod_is_restricted(pod: Any) -> None:
    body = pod()
    assert body["securityContext"]["runAsNonRoot"] is True
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(body)
    for container in body["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_every_reference_stays_in_its_namespace() -> None:
    """No field of a spec names a namespace; free parts of pods have none in the API of Kubernetes either."""
    properties = crd.crd_of(crd.MODEL_DEPLOYMENT)["spec"]["versions"][0]["schema"]["openAPIV3Schema"][
        "properties"
    ]
    assert [path for path in fields_of(properties["spec"]) if "namespace" in path.lower()] == []
    assert build()["metadata"]["namespace"] == OWNER.namespace


def fields_of(schema: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every field of a schema."""
    for name, part in (schema.get("properties") or {}).items():
        yield f"{path}.{name}"
        yield from fields_of(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from fields_of(schema[key], f"{path}[]")


@pytest.mark.parametrize(
    "volume",
    [
        {"hostPath": {"path": "/"}},
        {"nfs": {"server": "nfs.example", "path": "/"}},
        {"image": {"reference": "registry.example/x"}},
        {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        {
            "projected": {
                "sources": [{"podCertificate": {"signerName": "example.com/x", "keyType": "RSA3072"}}]
            }
        },
    ],
    ids=lambda volume: next(iter(volume)) + str(len(str(volume))),
)
def test_volumes_of_the_node_or_of_an_identity_are_refused(volume: Body) -> None:
    raw = {"model": {"uri": "pvc://models/m"}, "serving": {"pod": {"volumes": [{"name": "v", **volume}]}}}
    with pytest.raises(validation.InvalidSpec):
        validation.validate(spec.Spec, raw)


@pytest.mark.parametrize(
    "label", ["seatrial.dev/server", "seatrial.dev/deployment", "app.kubernetes.io/name"]
)
def test_labels_of_the_operator_cannot_be_set(label: str) -> None:
    raw = {"model": {"uri": "pvc://models/m"}, "serving": {"pod": {"labels": {label: "other"}}}}
    with pytest.raises(validation.InvalidSpec):
        validation.validate(spec.Spec, raw)


def test_every_row_of_the_security_page_names_a_test_that_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    for path in re.findall(r"`(tests/[^`]+)`", text):
        assert (ROOT / path).is_file(), path
    tests = "\n".join(path.read_text() for path in (ROOT / "tests/unit").rglob("test_*.py"))
    names = re.findall(r"`(test_[a-z_]+)`", text)
    assert len(names) > 5
    assert [name for name in names if f"def {name}(" not in tests] == []
