"""Installs the operator from its chart and its image, and prepares a namespace for models."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.cluster import NodeLab, binaries, images, progress

ROOT: Final = Path(__file__).parents[2]
SYSTEM: Final = "seatrial-system"
BUCKET: Final = "models"
CREDENTIALS: Final = "models-s3"
AUTHORITY: Final = "registry-ca"
RUNTIMES: Final = ("sklearn", "xgboost", "onnx")


@dataclass(frozen=True, slots=True)
class Stage:
    """A lab with an operator, and one namespace in it."""

    lab: NodeLab
    namespace: str

    def put_model(self, path: str, data: bytes) -> str:
        """Store the file in the object store, and return the `spec.model.uri` of its directory."""
        self.lab.s3.put(BUCKET, path, data)
        return f"s3://{BUCKET}/{path.rpartition('/')[0]}/"

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace, and return its output."""
        return self.lab.kubectl("-n", self.namespace, *arguments, stdin=stdin)

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """Apply a ModelDeployment with this spec."""
        body = {
            "apiVersion": "seatrial.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }
        self.lab.apply(yaml.safe_dump(body))


def runtime_references(lab: NodeLab, names: Iterable[str]) -> dict[str, str]:
    """Build the runtimes' images unless they are cached, and return their references in the lab's registry."""
    return {
        name: f"{lab.registry.inside}/seatrial/runtime-{name}@"
        + lab.load_image(images.runtime_image(name), f"seatrial/runtime-{name}:v1")
        for name in names
    }


def settings(lab: NodeLab, runtimes: Iterable[str]) -> dict[str, Any]:
    """Return the operator's settings for this lab."""
    return {
        "runtimes": runtime_references(lab, runtimes),
        "registry": {"repository": f"{lab.registry.inside}/models", "caConfigMapName": AUTHORITY},
    }


def operator(lab: NodeLab, *, runtimes: Iterable[str] = ("sklearn",)) -> None:
    """Install the chart: CRDs, roles, policy, and the operator; wait until it is ready."""
    digest = lab.load_image(images.operator_image(), "seatrial/operator:v1")
    values = {
        "image": {"repository": f"{lab.registry.inside}/seatrial/operator", "digest": digest},
        "settings": settings(lab, runtimes),
    }
    with progress.step("installing the chart"):
        crds(lab)
        _helm(lab, values)


def crds(lab: NodeLab) -> None:
    """Install the CRDs, and wait until they are established."""
    for crd in sorted((ROOT / "crds").glob("seatrial.dev_*.yaml")):
        lab.apply(crd.read_text())
    lab.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


def _helm(lab: NodeLab, values: dict[str, Any]) -> None:
    command = [
        str(binaries.path_of("helm")),
        *("upgrade", "--install", "seatrial", str(ROOT / "charts/seatrial")),
        *("--namespace", SYSTEM, "--create-namespace", "--skip-crds", "--wait", "--timeout", "120s"),
        *("--kubeconfig", str(lab.kubeconfig), "--values", "-"),
    ]
    done = subprocess.run(command, input=yaml.safe_dump(values), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"helm: {done.stderr.strip()}")


def namespace(lab: NodeLab, name: str) -> Stage:
    """Create a namespace with the restricted pod security standard, the object store's keys and the registry's CA."""
    enforce = {"pod-security.kubernetes.io/enforce": "restricted"}
    keys = {
        "AWS_ACCESS_KEY_ID": lab.s3.access_key,
        "AWS_SECRET_ACCESS_KEY": lab.s3.secret_key,
        "AWS_REGION": lab.s3.region,
        "AWS_ENDPOINT_URL": lab.s3.inside,
    }
    objects = [
        document("Namespace", name, labels=enforce),
        document("Secret", CREDENTIALS, namespace=name, stringData=keys),
        document("ConfigMap", AUTHORITY, namespace=name, data={"ca.crt": lab.registry.ca_file.read_text()}),
    ]
    lab.apply(yaml.safe_dump_all(objects))
    lab.s3.create_bucket(BUCKET)
    return Stage(lab, name)


def document(
    kind: str, name: str, *, namespace: str = "", labels: dict[str, str] | None = None, **content: Any
) -> dict[str, Any]:
    """Return a core/v1 object."""
    head = {"name": name, "labels": labels or {}} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": kind, "metadata": head, **content}
