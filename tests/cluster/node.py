"""The node as a machine: namespaces of its own, what is mounted and configured in them, how to enter them."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import cache, control_plane, plan
from tests.cluster.cgroups import Groups

ADDRESS = "10.245.0.2"
NAME = "lab-node"
OWN_NAMES = ("registry.lab", "s3.lab", "prometheus.lab")  # they lead to ADDRESS, in the node and in pods
# folders whose names are fixed in the programs that use them; the node has copies of its own
FIXED_FOLDERS = (Path("/var/lib/kubelet"), Path("/var/lib/cni"))
# kubelet sets these for the whole machine; it is shown files instead
MACHINE_WIDE = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.route_localnet=1",
    "net.ipv4.conf.all.send_redirects=0",
    "net.ipv4.conf.default.send_redirects=0",
    "net.ipv4.icmp_ratelimit=0",  # else a Service that refuses answers once a second
    "net.ipv4.ip_local_port_range=10000 65000",
    "net.ipv4.tcp_tw_reuse=1",  # load tests open many connections to one address
)


@dataclass(frozen=True, slots=True)
class Node:
    """The namespaces of one lab; `folder` is the lab's."""

    name: str
    folder: Path

    @property
    def groups(self) -> Groups:
        # labs of one name may run in several lab folders
        return Groups(f"seatrial-{self.name}-{cache.key_of(str(self.folder))[:6]}")

    def prepare(self) -> list[Sequence[str]]:
        """The commands that make it a machine, run by its pid 1."""
        self._write_files()
        return [
            # cut off from the machine's mounts, and shared below, as kubelet needs it
            ["mount", "--make-rprivate", "/"],
            ["mount", "--make-rshared", "/"],
            ["mount", "-t", "proc", "proc", "/proc"],
            *self._machine_files(),
            *self._folders(),
            ["umount", "-R", "/sys/fs/cgroup"],
            ["mount", "-t", "sysfs", "sysfs", "/sys"],  # the network devices of this namespace
            *self.groups.mounts(),
            ["hostname", NAME],
            *[["sysctl", "-qw", setting] for setting in SYSCTLS],
            *network(),
        ]

    def start(self, file: Path) -> plan.Pid:
        """The keeper of the plan runs as pid 1 of new namespaces; its pid as seen from outside."""
        self.groups.create()
        kinds = ["--net", "--mount", "--pid", "--uts", "--ipc", "--cgroup"]
        command = ["unshare", *kinds, "--fork", "--kill-child=KILL", "--propagation", "private", "--"]
        keeper = [sys.executable, "-I", str(plan.KEEPER), str(file)]
        with (self.folder / "logs" / "keeper.log").open("w") as log:
            outer = subprocess.Popen(
                self._joined([*command, *keeper]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
            )
        child = _child_of(outer)
        self.groups.put_aside(outer.pid)
        outer.returncode = 0  # not this process's to wait for: it stays when we go
        return plan.Pid.of(child)

    def command(self, pid: int, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` in the namespaces, from the folder where the caller is."""
        enter = ["nsenter", "-t", str(pid), "-m", "-n", "-p", "-u", "-i", "-C", f"--wd={Path.cwd()}", "--"]
        return self._joined([*enter, *argv])

    def remove(self) -> None:
        """The groups and the mount points are gone; all processes must have ended."""
        self.groups.remove()

    def _joined(self, argv: Sequence[str]) -> list[str]:
        """The command line by which `argv` starts in the node's control groups."""
        joining = "; ".join(f"echo $$ > {root}/{_leaf(root)}cgroup.procs" for root in self.groups.roots())
        return ["sh", "-ec", f'{joining}; exec "$@"', "sh", *argv]

    def _write_files(self) -> None:
        names = " ".join(OWN_NAMES)
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} {NAME} {names}\n")
        (self.folder / "resolv.conf").write_text(
            f"nameserver {ADDRESS}\nsearch svc.cluster.local cluster.local\n"
        )
        for name in MACHINE_WIDE:
            file = self.folder / "sysctl" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(Path("/proc/sys", name).read_text())

    def _machine_files(self) -> list[Sequence[str]]:
        files = {self.folder / "sysctl" / name: Path("/proc/sys", name) for name in MACHINE_WIDE}
        resolver = Path("/etc/resolv.conf").resolve()
        commands: list[Sequence[str]] = [["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]]
        commands.append(["mkdir", "-p", "/run/lock", "/run/netns", "/run/cni-ipam"])
        if resolver.is_relative_to("/run"):  # a link to what another service wrote; /run is empty here
            commands += [["mkdir", "-p", str(resolver.parent)], ["touch", str(resolver)]]
        files |= {self.folder / "hosts": Path("/etc/hosts"), self.folder / "resolv.conf": resolver}
        commands += [["mount", "--bind", str(ours), str(theirs)] for ours, theirs in files.items()]
        return commands

    def _folders(self) -> list[Sequence[str]]:
        commands: list[Sequence[str]] = []
        for fixed in FIXED_FOLDERS:
            ours = f"{self.folder}/node{fixed}"
            commands += [["mkdir", "-p", ours, str(fixed)], ["mount", "--bind", ours, str(fixed)]]
        commands.append(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/log"])
        return commands


def network() -> list[Sequence[str]]:
    """Commands that give the node an address and routes for Services, and no way out."""
    return [
        ["ip", "link", "set", "lo", "up"],
        ["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0-sink"],
        ["ip", "link", "set", "eth0-sink", "up"],
        ["ip", "link", "set", "eth0", "up"],
        ["ip", "address", "add", f"{ADDRESS}/24", "dev", "eth0"],
        # a packet to a Service needs a route before its address is translated
        ["ip", "route", "add", control_plane.SERVICE_NETWORK, "dev", "eth0"],
        # all else fails at once instead of timing out
        ["ip", "route", "add", "unreachable", "default", "metric", "4278198272"],
    ]


def _leaf(root: Path) -> str:
    # on v2 the root gives up its processes once it has been delegated
    return "init/" if (root / "init").is_dir() else ""


def _child_of(outer: subprocess.Popen[bytes]) -> int:
    """The first process in the namespaces: the shell becomes unshare, which forks once."""
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    while outer.poll() is None:
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.002)
    return outer.pid  # it has ended; whoever waits for the start says why
