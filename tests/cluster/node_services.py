"""What the node offers beside Kubernetes: names, an object store, Prometheus, and the metrics API."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.cluster import binaries, control_plane, node
from tests.cluster.plan import Process
from tests.cluster.s3 import ACCESS_KEY, PORT, SECRET_KEY

PROMETHEUS_PORT = 9090
METRICS_PORT = 4443
SCRAPE_TARGETS = Path(__file__).parent / "scrape_targets.py"
COREFILE = """\
lab cluster.local in-addr.arpa ip6.arpa {{
    bind {address}
    errors
    hosts {{
        {address} {names}
        fallthrough
    }}
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {folder}/admin.conf
        pods insecure
        ttl 5
    }}
}}
. {{
    bind {address}
    template IN ANY . {{
        rcode NXDOMAIN
    }}
}}
"""


def processes(folder: Path, *, api_ready: str) -> list[Process]:
    """All of them, with their files written."""
    return [_object_store(folder), _dns(folder, api_ready), _metrics_server(folder), *_prometheus(folder)]


def _dns(folder: Path, api_ready: str) -> Process:
    file = folder / "Corefile"
    # other names do not exist, said at once: a server that is silent would stall every look-up of a pod
    file.write_text(COREFILE.format(address=node.ADDRESS, names=" ".join(node.OWN_NAMES), folder=folder))
    return Process("coredns", [str(binaries.path_of("coredns")), "-conf", str(file)], after=[api_ready])


def _object_store(folder: Path) -> Process:
    (folder / "s3").mkdir(exist_ok=True)
    program, listen = str(binaries.path_of("versitygw")), f"{node.ADDRESS}:{PORT}"
    argv = [program, "--port", listen, "--quiet", "posix", str(folder / "s3")]
    return Process("s3", argv, env={"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY})


def _metrics_server(folder: Path) -> Process:
    config = folder / "admin.conf"
    argv = [
        str(binaries.path_of("metrics-server")),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--bind-address={node.ADDRESS}",
        f"--secure-port={METRICS_PORT}",
        f"--cert-dir={folder / 'metrics-server'}",
        f"--kubelet-certificate-authority={folder / 'ca.crt'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=10s",
        "--kubelet-request-timeout=8s",
    ]
    return Process("metrics-server", argv)


def _prometheus(folder: Path) -> list[Process]:
    file, targets = folder / "prometheus.json", folder / "targets.json"
    pods = {"job_name": "pods", "file_sd_configs": [{"files": [str(targets)]}]}
    file.write_text(json.dumps({"global": {"scrape_interval": "5s"}, "scrape_configs": [pods]}, indent=1))
    argv = [
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={node.ADDRESS}:{PROMETHEUS_PORT}",
        "--storage.tsdb.retention.time=6h",
        "--web.enable-lifecycle",
        "--log.level=warn",
    ]
    finder = [sys.executable, "-I", str(SCRAPE_TARGETS), str(folder / "admin.conf"), str(targets)]
    return [Process("prometheus", argv), Process("scrape-targets", finder)]


def objects() -> str:
    """Services that lead from pods to these processes, and the metrics API, as one JSON list."""
    dns = [_port("dns", "UDP", 53), _port("dns-tcp", "TCP", 53)]
    metrics = [_port("https", "TCP", 443, target=METRICS_PORT)]
    items = [
        *_host_service("kube-dns", dns, address=control_plane.DNS_SERVICE_ADDRESS),
        *_host_service("metrics-server", metrics),
        _metrics_api(),
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _metrics_api() -> dict[str, Any]:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"namespace": "kube-system", "name": "metrics-server"},
            "insecureSkipTLSVerify": True,  # it makes its certificate itself
        },
    }


def _port(name: str, protocol: str, port: int, *, target: int = 0) -> dict[str, Any]:
    return {"name": name, "protocol": protocol, "port": port, "targetPort": target or port}


def _host_service(name: str, ports: list[dict[str, Any]], *, address: str = "") -> list[dict[str, Any]]:
    """A Service without pods, whose one endpoint is the node."""
    meta = {"namespace": "kube-system", "name": name}
    spec = {"ports": ports} | ({"clusterIP": address} if address else {})
    slice_ports = [{"name": p["name"], "protocol": p["protocol"], "port": p["targetPort"]} for p in ports]
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [node.ADDRESS], "conditions": {"ready": True}}],
            "ports": slice_ports,
        },
    ]
