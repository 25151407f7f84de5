"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler: their keys, files and command lines."""

import base64
import json
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import binaries
from tests.cluster.errors import LabError
from tests.cluster.plan import Process

SERVICE_NETWORK = "10.96.0.0/16"
POD_NETWORK = "10.244.0.0/20"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_SERVICE_ADDRESS = "10.96.0.10"
API_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
USERS = {  # name of the kubeconfig: user and groups
    "admin": ("lab:admin", ("system:masters",)),
    "controller-manager": ("system:kube-controller-manager", ()),
    "scheduler": ("system:kube-scheduler", ()),
    "proxy": ("system:kube-proxy", ()),
}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the servers listen."""

    api: int = 6443
    etcd: int = 2379
    etcd_peer: int = 2380
    controller_manager: int = 10257
    scheduler: int = 10259


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One control plane. `advertise` is the address that the Service `kubernetes` leads to."""

    folder: Path
    ports: Ports
    advertise: str
    bind: str
    node: str = ""  # the name of the one real node, when there is one

    @property
    def api_url(self) -> str:
        return f"https://127.0.0.1:{self.ports.api}"

    @property
    def api_ready(self) -> str:
        return f"{self.api_url}/readyz"

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def certificates(self) -> list[dict[str, Any]]:
        """What the pki program is to write, for this control plane alone."""
        names = ["localhost", "127.0.0.1", self.advertise, API_SERVICE_ADDRESS, *API_NAMES]
        return [
            {"name": "ca", "kind": "ca", "commonName": "seatrial-lab"},
            # another CA: whoever holds a certificate of this one may speak for any user
            {"name": "front-ca", "kind": "ca", "commonName": "seatrial-lab-front"},
            {"name": "front", "kind": "leaf", "issuer": "front-ca", "commonName": "front-proxy"},
            {
                "name": "apiserver",
                "kind": "leaf",
                "issuer": "ca",
                "commonName": "kube-apiserver",
                "names": names,
            },
            {
                "name": "apiserver-client",
                "kind": "leaf",
                "issuer": "ca",
                "commonName": "kube-apiserver",
                "organization": ["system:masters"],
            },
            {"name": "accounts", "kind": "key"},
        ]

    def write_files(self, extra: Sequence[dict[str, Any]] = ()) -> None:
        """Certificates, tokens and one kubeconfig for each user stand in the folder."""
        write_certificates(self.folder, [*self.certificates(), *extra])
        users = dict(USERS)
        if self.node:
            users["kubelet"] = (f"system:node:{self.node}", ("system:nodes",))
        lines = []
        for name, (user, groups) in users.items():
            token = secrets.token_hex(16)
            lines.append(f'{token},{user},{name},"{",".join(groups)}"')
            self.write_kubeconfig(name, token, self.api_url)
        (self.folder / "tokens.csv").write_text("\n".join(lines) + "\n")

    def write_kubeconfig(self, name: str, token: str, server: str) -> Path:
        """`name`.conf stands in the folder and needs no other file."""
        authority = base64.b64encode((self.folder / "ca.crt").read_bytes()).decode()
        context = {"cluster": "lab", "user": name}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "lab", "cluster": {"server": server, "certificate-authority-data": authority}}
            ],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": context}],
            "current-context": "lab",
        }
        file = self.folder / f"{name}.conf"
        file.write_text(json.dumps(config, indent=1))  # JSON is YAML too
        file.chmod(0o600)
        return file

    def processes(self) -> list[Process]:
        """The four, in the order of their start."""
        kube = str(binaries.path_of("kube"))
        etcd_open = f"tcp:127.0.0.1:{self.ports.etcd}"
        return [
            Process("etcd", [kube, "etcd", *self._etcd()]),
            Process("kube-apiserver", [kube, "kube-apiserver", *self._apiserver()], after=[etcd_open]),
            Process(
                "kube-controller-manager",
                [kube, "kube-controller-manager", *self._controller_manager()],
                after=[self.api_ready],
            ),
            Process("kube-scheduler", [kube, "kube-scheduler", *self._scheduler()]),
        ]

    def _etcd(self) -> list[str]:
        client = f"http://127.0.0.1:{self.ports.etcd}"
        peer = f"http://127.0.0.1:{self.ports.etcd_peer}"
        return [
            "--name=lab",
            f"--data-dir={self.file('etcd')}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=lab={peer}",
            "--unsafe-no-fsync",  # its data does not outlive the lab
            "--quota-backend-bytes=4294967296",
            "--log-level=warn",
        ]

    def _apiserver(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self.ports.etcd}",
            f"--bind-address={self.bind}",
            f"--secure-port={self.ports.api}",
            f"--advertise-address={self.advertise}",
            f"--tls-cert-file={self.file('apiserver.crt')}",
            f"--tls-private-key-file={self.file('apiserver.key')}",
            f"--cert-dir={self.folder}",
            f"--client-ca-file={self.file('ca.crt')}",
            f"--token-auth-file={self.file('tokens.csv')}",
            "--authorization-mode=Node,RBAC",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            f"--service-account-key-file={self.file('accounts.pub')}",
            f"--service-account-signing-key-file={self.file('accounts.key')}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--allow-privileged=true",
            "--max-requests-inflight=3000",
            "--max-mutating-requests-inflight=1500",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-certificate-authority={self.file('ca.crt')}",
            f"--kubelet-client-certificate={self.file('apiserver-client.crt')}",
            f"--kubelet-client-key={self.file('apiserver-client.key')}",
            *self._aggregation(),
            *([] if self.node else ["--endpoint-reconciler-type=none"]),
        ]

    def _aggregation(self) -> list[str]:
        """How an aggregated API server (metrics-server) knows whom it answers."""
        return [
            f"--requestheader-client-ca-file={self.file('front-ca.crt')}",
            "--requestheader-allowed-names=front-proxy",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={self.file('front.crt')}",
            f"--proxy-client-key-file={self.file('front.key')}",
        ]

    def _controller_manager(self) -> list[str]:
        return [
            f"--kubeconfig={self.file('controller-manager.conf')}",
            f"--service-account-private-key-file={self.file('accounts.key')}",
            f"--root-ca-file={self.file('ca.crt')}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.ports.controller_manager}",
            f"--cert-dir={self.file('controller-manager')}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--horizontal-pod-autoscaler-sync-period=5s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=20s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
        ]

    def _scheduler(self) -> list[str]:
        return [
            f"--kubeconfig={self.file('scheduler.conf')}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.ports.scheduler}",
            f"--cert-dir={self.file('scheduler')}",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ]


def write_certificates(folder: Path, wishes: Sequence[dict[str, Any]]) -> None:
    """Each wish's NAME.crt and NAME.key stand in the folder."""
    done = subprocess.run(
        [str(binaries.path_of("pki")), str(folder)],
        input=json.dumps(list(wishes)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LabError(f"the lab's certificates could not be written: {done.stderr}")
