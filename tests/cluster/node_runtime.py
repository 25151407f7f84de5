"""containerd, kubelet and kube-proxy: what makes pods run on the node."""

import json
from pathlib import Path
from typing import Any

from tests.cluster import binaries, control_plane, node, registry
from tests.cluster.plan import Process

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = f"{registry.INSIDE}/pause:1"
MAX_PODS = 110


def certificates() -> list[dict[str, Any]]:
    """kubelet's serving certificate."""
    names = [node.NAME, node.ADDRESS, "127.0.0.1"]
    return [{"name": "kubelet", "kind": "leaf", "issuer": "ca", "commonName": node.NAME, "names": names}]


def processes(folder: Path, *, api_ready: str) -> list[Process]:
    """The three, with their files written."""
    kube = str(binaries.path_of("kube"))
    containerd = ["containerd", "--config", str(_containerd_file(folder)), "--log-level", "warn"]
    proxy = [kube, "kube-proxy", f"--config={_proxy_file(folder)}"]
    ready = [f"unix:{CONTAINERD_SOCKET}", api_ready]
    return [
        Process("containerd", containerd),
        Process("kubelet", _kubelet(kube, folder), after=ready),
        Process("kube-proxy", proxy),
    ]


def _kubelet(kube: str, folder: Path) -> list[str]:
    return [
        kube,
        "kubelet",
        f"--config={_kubelet_file(folder)}",
        f"--kubeconfig={folder / 'kubelet.conf'}",
        f"--root-dir={folder / 'kubelet'}",
        f"--hostname-override={node.NAME}",
        f"--node-ip={node.ADDRESS}",
        "--housekeeping-interval=5s",  # the age of a pod's CPU figure, which autoscaling waits for
    ]


def _kubelet_file(folder: Path) -> Path:
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(folder / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(folder / "kubelet.crt"),
        "tlsPrivateKeyFile": str(folder / "kubelet.key"),
        "clusterDNS": [control_plane.DNS_SERVICE_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(folder / "resolv.conf"),
        # without CAP_SYS_RESOURCE, as in many sandboxes, neither may be raised
        "oomScoreAdj": 0,
        "maxOpenFiles": 20000,
        "maxPods": MAX_PODS,
        "podLogsDir": str(folder / "pod-logs"),
        "volumePluginDir": str(folder / "kubelet" / "volume-plugins"),
        "nodeStatusUpdateFrequency": "2s",
        "syncFrequency": "10s",
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    }
    return _written(folder / "kubelet.json", config)


def _proxy_file(folder: Path) -> Path:
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(folder / "proxy.conf")},
        "clusterCIDR": control_plane.POD_NETWORK,
        # nf_conntrack_max is read-only outside the first network namespace
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "0.2s", "syncPeriod": "30s"},
        "hostnameOverride": node.NAME,
        "metricsBindAddress": "127.0.0.1:10249",
        "healthzBindAddress": "127.0.0.1:10256",
    }
    return _written(folder / "proxy.json", config)


def _written(file: Path, config: dict[str, Any]) -> Path:
    file.write_text(json.dumps(config, indent=1))  # JSON is YAML too
    return file


def _containerd_file(folder: Path) -> Path:
    _write_cni(folder)
    registry.write_trust(folder)
    file = folder / "containerd.toml"
    file.write_text(CONTAINERD.format(folder=folder, socket=CONTAINERD_SOCKET, pause=PAUSE_IMAGE))
    return file


CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt",
]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  stream_server_address = "127.0.0.1"
  disable_apparmor = true
  restrict_oom_score_adj = true  # lowering it takes CAP_SYS_RESOURCE
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{folder}/registries"
"""


def _write_cni(folder: Path) -> None:
    ranges = [[{"subnet": control_plane.POD_NETWORK}]]
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,  # a pod may reach itself through its Service
        "ipam": {
            "type": "host-local",
            "dataDir": "/run/cni-ipam",
            "ranges": ranges,
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    (folder / "cni").mkdir(exist_ok=True)
    config = {"cniVersion": "1.0.0", "name": "lab", "plugins": [bridge, ports]}
    _written(folder / "cni" / "10-lab.conflist", config)
