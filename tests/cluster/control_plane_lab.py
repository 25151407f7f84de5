"""The flavour without root: a control plane on loopback, its nodes and pods played by KWOK."""

import subprocess
import sys
from pathlib import Path

from tests.cluster import binaries, kubectl, kwok, lab, plan, ports, progress
from tests.cluster.control_plane import ControlPlane, Ports

ADVERTISE = "192.0.2.1"  # an address of the documentation: no pod here is real, none will call it
TOOLS = ("pki", "kube", "kwok", "kubectl")
NODES_PATIENCE = 30.0  # seconds


def up(name: str, folder: Path) -> lab.Lab:
    """A control plane of this name runs, with all of its nodes ready."""
    for tool in TOOLS:
        binaries.path_of(tool)
    with progress.step(f"starting the control plane '{name}'"):
        plane = ControlPlane(folder, Ports(*ports.free(5)), advertise=ADVERTISE, bind="127.0.0.1")
        plane.write_files()
        (folder / "admin.conf").replace(folder / "kubeconfig")
        started = _start(name, plane)
        kubectl.apply(started.kubeconfig, kwok.nodes())
        _wait_for_nodes(started)
        lab.write_record(folder, started.record)
    return started


def _start(name: str, plane: ControlPlane) -> lab.Lab:
    folder = plane.folder
    processes = [*plane.processes(), kwok.process(folder / "kubeconfig", after=plane.api_ready)]
    file = plan.Plan(folder, processes, ready=[plane.api_ready]).write()
    with (folder / "logs" / "keeper.log").open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, str(plan.KEEPER), str(file)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # one group to end; it outlives the command that started it
            cwd=folder,
        )
    pid = plan.Pid.of(keeper.pid)
    keeper.returncode = 0  # not this process's to wait for: it stays when we go
    # known before it is ready, so that a start that fails is cleaned up
    lab.write_record(folder, lab.Record(name, "control-plane", pid, {}))
    plan.wait_until_ready(folder, pid)
    return lab.Lab(folder, lab.Record(name, "control-plane", pid, {"api": plane.ports.api}))


def _wait_for_nodes(started: lab.Lab) -> None:
    condition = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{end}'
    wait = ("wait", "--for=condition=Ready", "node", "--all", f"--timeout={NODES_PATIENCE:.0f}s")
    started.kubectl(*wait)
    kubectl.wait(started.kubeconfig, "get", "nodes", "-o", f"jsonpath={condition}", seconds=NODES_PATIENCE)
    # the token controller writes it; pods are refused before
    kubectl.wait(started.kubeconfig, "get", "serviceaccount", "default", "-o", "name", seconds=NODES_PATIENCE)
