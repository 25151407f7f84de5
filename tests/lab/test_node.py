"""The flavour with root: real pods, names, Services, images, objects and metrics, reached from outside on loopback."""

import contextlib
import dataclasses
import http.client
import json
import os
import ssl
import subprocess
import time
import urllib.request
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import cluster
from tests.cluster import debian, kubectl

pytestmark = pytest.mark.node

NAMESPACE = f"lab-smoke-{os.getpid()}"  # in a lab that is kept, the one before may still be going
CONNECTIONS = 1000
ANSWERER = """
import os, socket
listening = socket.create_server(("", 8000), backlog=1024)
name = os.environ["HOSTNAME"].encode()
while True:
    client, _ = listening.accept()
    client.recv(4096)
    client.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(name), name))
    client.close()
"""
FETCH = """
import ssl, sys, urllib.request
urllib.request.urlopen(sys.argv[1], context=ssl.create_default_context(cafile="/ca/ca.crt"))
"""
UNKNOWN_NAME = """
import socket, time
begun = time.time()
try:
    socket.gethostbyname("a.example")
except OSError:
    print(time.time() - begun)
"""


def objects(lab: cluster.NodeLab) -> str:
    container = {
        "name": "web",
        "image": f"{lab.registry.inside}/python-base:v1",
        "command": ["python3", "-c", ANSWERER],
        "resources": {"requests": {"cpu": "50m"}},
        "volumeMounts": [{"name": "ca", "mountPath": "/ca"}],
    }
    pod = {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "volumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    }
    meta = {"namespace": NAMESPACE, "name": "web"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod},
        },
    }
    ports = [{"port": 80, "targetPort": 8000}]
    items: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {**meta, "name": "ca"},
            "data": {"ca.crt": lab.registry.ca_file.read_text()},
        },
        deployment,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": {"app": "web"}, "ports": ports},
        },
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


@pytest.fixture(scope="module")
def web(node_lab: cluster.NodeLab) -> Iterator[cluster.NodeLab]:
    """The lab, with two pods behind the Service `web`."""
    node_lab.apply(objects(node_lab))
    node_lab.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/web", "--timeout=180s")
    yield node_lab
    node_lab.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def in_pod(lab: cluster.NodeLab, *argv: str) -> str:
    return lab.kubectl("-n", NAMESPACE, "exec", "deployment/web", "--", *argv)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("registry.lab", "10.245.0.2"),
        ("s3.lab", "10.245.0.2"),
        ("prometheus.lab", "10.245.0.2"),
        ("kubernetes.default", "10.96.0.1"),
        ("web", "10.96."),
        ("web.{namespace}.svc.cluster.local", "10.96."),
    ],
)
def test_a_pod_resolves_names(web: cluster.NodeLab, name: str, address: str) -> None:
    script = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"
    argv = ("-n", NAMESPACE, "exec", "deployment/web", "--", "python3", "-c", script)
    # the name server hears of a new Service a moment after it was made
    found = kubectl.wait(web.kubeconfig, *argv, name.format(namespace=NAMESPACE), seconds=60)
    assert found.startswith(address)


def test_a_name_that_is_not_of_the_cluster_fails_at_once(web: cluster.NodeLab) -> None:
    silence = 5  # seconds that a resolver waits for a server that says nothing
    assert float(in_pod(web, "python3", "-c", UNKNOWN_NAME)) < silence


def answer(address: str) -> str:
    """The name of the pod that answered on a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=10)
    with contextlib.closing(connection):
        return exchange(connection).decode()


def await_pods(address: str, *, count: int, seconds: float = 60) -> None:
    """The node's proxy, which hears of ready pods a moment after everybody else, leads to this many of them."""
    deadline, seen = time.monotonic() + seconds, set[str]()
    while len(seen) < count:
        assert time.monotonic() < deadline, f"after {seconds:.0f} s only {sorted(seen)} have answered"
        with contextlib.suppress(OSError):
            seen.add(answer(address))


def test_every_connection_from_outside_may_reach_another_pod(web: cluster.NodeLab) -> None:
    address = web.service_address(NAMESPACE, "web")
    await_pods(address, count=2)
    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(answer, [address] * CONNECTIONS))
    assert sum(answers.values()) == CONNECTIONS
    assert len(answers) == 2
    assert min(answers.values()) > CONNECTIONS * 0.4  # 10 % off needs 6 standard deviations


def test_a_target_that_refuses_is_a_reset_outside(node_lab: cluster.NodeLab) -> None:
    port = node_lab.forward(node_lab.node_address, 9)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection), pytest.raises(OSError, match=r"reset|closed|pipe"):
        exchange(connection)


def exchange(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/")
    return connection.getresponse().read()


def test_a_forward_asked_again_is_the_same_port(node_lab: cluster.NodeLab) -> None:
    assert node_lab.forward("10.96.0.1", 443) == node_lab.forward("10.96.0.1", 443)


def registry_answer(lab: cluster.NodeLab, address: str, path: str, **headers: str) -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=str(lab.registry.ca_file))
    connection = http.client.HTTPSConnection(address, timeout=10, context=context)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_the_registry_has_the_images_and_its_certificate_is_good_outside(node_lab: cluster.NodeLab) -> None:
    status, body = registry_answer(node_lab, node_lab.registry.outside, "/v2/_catalog")
    assert status == 200
    assert {"pause", "python-base"} <= set(json.loads(body)["repositories"])


def test_the_registrys_certificate_is_good_in_a_pod(web: cluster.NodeLab) -> None:
    in_pod(web, "python3", "-c", FETCH, f"https://{web.registry.inside}/v2/")


def test_the_guarded_registry_asks_for_a_password(node_lab: cluster.NodeLab) -> None:
    registry = node_lab.registry
    assert registry_answer(node_lab, registry.guarded_outside, "/v2/")[0] == 401
    basic = b64encode(f"{registry.username}:{registry.password}".encode()).decode()
    assert (
        registry_answer(node_lab, registry.guarded_outside, "/v2/", Authorization=f"Basic {basic}")[0] == 200
    )


def test_an_image_is_pushed_from_outside_and_has_the_digest_it_was_given(
    node_lab: cluster.NodeLab, tmp_path: Path
) -> None:
    debian.ensure("skopeo")
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    (certificates / "ca.crt").symlink_to(node_lab.registry.ca_file)
    source, target = (f"docker://{node_lab.registry.outside}/{name}" for name in ("pause:1", "pushed:1"))
    trust = [f"--{end}-cert-dir={certificates}" for end in ("src", "dest")]
    copy = ["skopeo", "copy", "-q", "--insecure-policy", "--preserve-digests"]
    subprocess.run([*copy, *trust, source, target], check=True)
    media = "application/vnd.oci.image.manifest.v1+json"
    answers = [
        registry_answer(node_lab, node_lab.registry.outside, f"/v2/{name}/manifests/1", Accept=media)
        for name in ("pause", "pushed")
    ]
    assert answers[0] == answers[1]


def test_the_object_store_keeps_objects_and_checks_signatures(node_lab: cluster.NodeLab) -> None:
    store = node_lab.s3
    store.create_bucket("smoke")
    store.create_bucket("smoke")
    assert store.put("smoke", "models/v 1.bin", b"weights") == "s3://smoke/models/v 1.bin"
    assert store.get("smoke", "models/v 1.bin") == b"weights"
    with pytest.raises(cluster.LabError, match=r"403 SignatureDoesNotMatch"):
        dataclasses.replace(store, secret_key="another").get("smoke", "models/v 1.bin")
    store.delete("smoke", "models/v 1.bin")
    with pytest.raises(cluster.LabError, match="404"):
        store.get("smoke", "models/v 1.bin")


def test_the_metrics_api_answers_for_pods(web: cluster.NodeLab) -> None:
    web.wait_for_metrics(seconds=180)
    printed = kubectl.wait(web.kubeconfig, "-n", NAMESPACE, "top", "pods", "--no-headers", seconds=180)
    assert "Mi" in printed


def test_prometheus_is_ready_outside(node_lab: cluster.NodeLab) -> None:
    with urllib.request.urlopen(f"{node_lab.prometheus}/-/ready", timeout=10) as answer:
        assert answer.status == 200


def test_commands_run_in_the_node(node_lab: cluster.NodeLab) -> None:
    assert node_lab.exec(["hostname"]).stdout.strip() == "lab-node"
    assert "10.245.0.2" in node_lab.exec(["ip", "-4", "address"]).stdout


def test_kubelets_wishes_stay_in_the_node(node_lab: cluster.NodeLab) -> None:
    outside = Path("/proc/sys/kernel/panic").read_text()
    shown = (node_lab.folder / "sysctl" / "kernel" / "panic").read_text()
    assert node_lab.exec(["cat", "/proc/sys/kernel/panic"]).stdout == shown
    assert outside.strip() != "10" or shown.strip() == "10"
