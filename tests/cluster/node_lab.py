"""The flavour with root: a whole node, with a registry, an object store and Prometheus beside Kubernetes."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import (
    base_images,
    binaries,
    control_plane,
    debian,
    dns,
    forward,
    kubectl,
    lab,
    node_runtime,
    node_services,
    oci,
    plan,
    progress,
    proxy,
    registry,
    s3,
)
from tests.cluster.cgroups import node_groups
from tests.cluster.control_plane import ControlPlane, Ports
from tests.cluster.errors import LabError
from tests.cluster.node import ADDRESS, FIXED_FOLDERS, NAME, OWN_NAMES, Node
from tests.cluster.registry import Registry
from tests.cluster.s3 import S3

TOOLS = ("pki", "forward", "pause", "kube", "coredns", "metrics-server", "versitygw", "kubectl")
PROGRAMS = (
    "containerd",
    "runc",
    "/usr/lib/cni/bridge",
    "docker-registry",
    "prometheus",
    "iptables",
    "conntrack",
    "ip",
    "sysctl",
    "nsenter",
)
DISK_NEEDED = 6 << 30  # bytes: pulled and unpacked images
READY_PATIENCE = 120.0  # seconds
OUTSIDE = {  # what is forwarded from loopback at once
    "api": 6443,
    "registry": registry.OPEN_PORT,
    "registry-guarded": registry.GUARDED_PORT,
    "s3": s3.PORT,
    "prometheus": node_services.PROMETHEUS_PORT,
}


@dataclass(frozen=True, slots=True)
class NodeLab(lab.Lab):
    """A lab with a real node. All `outside` addresses are on loopback."""

    @property
    def node(self) -> Node:
        return Node(self.record.name, self.folder)

    @property
    def registry(self) -> Registry:
        ports = self.record.ports
        return Registry(
            outside=f"127.0.0.1:{ports['registry']}",
            inside=registry.INSIDE,
            ca_file=self.folder / "ca.crt",
            guarded_outside=f"127.0.0.1:{ports['registry-guarded']}",
            guarded_inside=registry.GUARDED_INSIDE,
        )

    @property
    def s3(self) -> S3:
        return S3(outside=f"http://127.0.0.1:{self.record.ports['s3']}")

    @property
    def prometheus(self) -> str:
        """Its address outside; pods have it at http://prometheus.lab:9090."""
        return f"http://127.0.0.1:{self.record.ports['prometheus']}"

    @property
    def node_address(self) -> str:
        """The node's own address, as pods see it."""
        return ADDRESS

    @property
    def environment(self) -> dict[str, str]:
        return {"KUBECONFIG": str(self.kubeconfig), "REGISTRY": self.registry.outside}

    def describe(self) -> list[str]:
        images, store = self.registry, self.s3
        return [
            f"node '{self.name}', api https://127.0.0.1:{self.record.ports['api']}",
            f"registry {images.inside} in the cluster, {images.outside} here, CA {images.ca_file}",
            f"registry with password {images.guarded_inside} in the cluster, {images.guarded_outside} here",
            f"object store {store.inside} in the cluster, {store.outside} here",
            f"its keys {store.access_key} {store.secret_key}",
            f"Prometheus {self.prometheus}",
        ]

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` in the node's namespaces."""
        return self.node.command(self.record.keeper.number, argv)

    def forward(self, host: str, port: int) -> int:
        """A port of 127.0.0.1 that leads to this address as the node sees it: a pod, a Service, the node.

        Every connection to it is a new connection inside, so kube-proxy chooses anew. Asked again, the same port.
        """
        return forward.open_port(self.folder, host, port)

    def service_address(self, namespace: str, name: str, port: int | None = None) -> str:
        """`127.0.0.1:PORT` leading to the Service (its first port unless given)."""
        path = "{.spec.clusterIP} {.spec.ports[0].port}"
        printed = self.kubectl("-n", namespace, "get", "service", name, "-o", f"jsonpath={path}")
        address, first = printed.split()
        return f"127.0.0.1:{self.forward(address, port or int(first))}"

    def led_to(self, namespace: str, name: str) -> set[str]:
        """The `address:port`s to which the node's proxy leads new connections of the Service at this moment."""
        return proxy.endpoints_of(self.exec(["iptables-save", "-t", "nat"]).stdout, namespace, name)

    def load_image(self, image: Path, name: str) -> str:
        """The registry serves the OCI archive or layout folder as `name` (REPOSITORY:TAG); its digest."""
        repository, _, tag = name.partition(":")
        return oci.store(image, registry.storage(self.folder), repository, tag or "latest")

    def wait_for_metrics(self, *, seconds: float = READY_PATIENCE) -> None:
        """The metrics API answers for the node (`kubectl top`, autoscaling)."""
        kubectl.wait(
            self.kubeconfig, "get", "--raw", f"/apis/metrics.k8s.io/v1beta1/nodes/{NAME}", seconds=seconds
        )

    def down(self) -> None:
        """No process, mount, network link, control group or file of the lab is left."""
        self.record.keeper.end(group=False)
        self.node.remove()
        lab.remove(self.folder)


def up(name: str, folder: Path) -> NodeLab:
    """A node of this name runs and is Ready, its registry has the base images, its names resolve."""
    _check_machine(folder)
    debian.ensure(*PROGRAMS)
    for tool in TOOLS:
        binaries.path_of(tool)
    images = {"pause:1": base_images.pause(), "python-base:v1": base_images.python_base()}
    with progress.step(f"starting the node '{name}'"):
        plane = ControlPlane(folder, Ports(), advertise=ADDRESS, bind="0.0.0.0", node=NAME)
        plane.write_files([*registry.certificates(), *node_runtime.certificates()])
        for image, layout in images.items():
            oci.store(layout, registry.storage(folder), *image.split(":"))
        started = _start(name, plane)
        _put_objects(started)
        lab.write_record(folder, started.record)
    return started


def _check_machine(folder: Path) -> None:
    if os.geteuid() != 0:
        raise LabError(
            "a node needs root (namespaces, mounts); use sudo, or the control-plane flavour without root"
        )
    if shutil.disk_usage(folder).free < DISK_NEEDED:
        raise LabError(
            f"{folder} has less than {DISK_NEEDED >> 30} GiB free; make room or set SEATRIAL_LAB_DIR"
        )


def _start(name: str, plane: ControlPlane) -> NodeLab:
    folder, ready = plane.folder, plane.api_ready
    machine = Node(name, folder)
    processes = [
        forward.process(folder),
        *registry.processes(folder),
        *plane.processes(),
        *node_runtime.processes(folder, api_ready=ready),
        *node_services.processes(folder, api_ready=ready),
    ]
    gates = [
        f"unix:{folder / forward.SOCKET}",
        f"tcp:{ADDRESS}:{registry.OPEN_PORT}",
        f"tcp:{ADDRESS}:{s3.PORT}",
        f"http://{ADDRESS}:{node_services.PROMETHEUS_PORT}/-/ready",
    ]
    pid = machine.start(plan.Plan(folder, processes, machine.prepare(), gates).write())
    # known before it is ready, so that a start that fails is cleaned up
    lab.write_record(folder, lab.Record(name, "node", pid, {}))
    plan.wait_until_ready(folder, pid)
    outside = {what: forward.open_port(folder, ADDRESS, port) for what, port in OUTSIDE.items()}
    record = lab.Record(name, "node", pid, outside)
    _write_kubeconfig(plane, outside["api"])
    return NodeLab(folder, record)


def _write_kubeconfig(plane: ControlPlane, port: int) -> None:
    inside = (plane.folder / "admin.conf").read_text()
    file = plane.folder / "kubeconfig"
    file.write_text(inside.replace(plane.api_url, f"https://127.0.0.1:{port}"))
    file.chmod(0o600)


def _put_objects(started: NodeLab) -> None:
    config = started.kubeconfig
    kubectl.wait(config, "get", "namespace", "kube-system", "-o", "name", seconds=READY_PATIENCE)
    kubectl.apply(config, node_services.objects())
    kubectl.wait(config, "get", "node", NAME, "-o", "name", seconds=READY_PATIENCE)
    started.kubectl("wait", "--for=condition=Ready", f"node/{NAME}", f"--timeout={READY_PATIENCE:.0f}s")
    kubectl.wait(config, "get", "serviceaccount", "default", "-o", "name", seconds=READY_PATIENCE)
    dns.await_name(
        started.forward(control_plane.DNS_SERVICE_ADDRESS, 53), OWN_NAMES[0], seconds=READY_PATIENCE
    )


def remove_mount_points() -> None:
    """The empty folders that were made on this machine to be mounted over are gone, unless a node runs."""
    if node_groups():  # removing a folder would unmount it in the node that uses it
        return
    for folder in FIXED_FOLDERS:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
