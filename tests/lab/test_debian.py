"""Programs of Debian: found, or installed once, without starting a service of this machine."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import debian
from tests.cluster.errors import LabError


class Machine:
    """A machine with these programs; apt brings those of `brings`."""

    def __init__(self, *programs: str, brings: tuple[str, ...] = (), code: int = 0) -> None:
        self.programs = set(programs)
        self.brings = brings
        self.code = code
        self.commands: list[list[str]] = []
        self.forbidden_meanwhile = False

    def has(self, program: str) -> bool:
        return program in self.programs

    def run(self, argv: list[str], **_how: Any) -> "subprocess.CompletedProcess[str]":
        self.commands.append(argv)
        if "install" in argv:
            self.forbidden_meanwhile = debian.POLICY.exists()
            self.programs |= set(self.brings)
        return subprocess.CompletedProcess(argv, self.code, "", "E: Unable to locate package x")


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Machine], Machine]:
    """This test runs as root on such a machine, which has apt."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(debian, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda program, **_: f"/usr/bin/{program}")

    def put(machine: Machine) -> Machine:
        monkeypatch.setattr(debian, "_found", machine.has)
        monkeypatch.setattr(debian.subprocess, "run", machine.run)
        return machine

    return put


def test_what_is_there_is_not_installed(on: Callable[[Machine], Machine]) -> None:
    machine = on(Machine("runc", "skopeo"))
    debian.ensure("runc", "skopeo")
    assert machine.commands == []


def test_what_is_missing_is_installed_after_the_lists_are_read_anew(
    on: Callable[[Machine], Machine],
) -> None:
    machine = on(Machine("runc", brings=("skopeo", "ip")))
    debian.ensure("runc", "skopeo", "ip")
    update, install = machine.commands
    assert update[-2:] == ["update", "-q"]
    assert install[-2:] == ["iproute2", "skopeo"]
    assert "--no-install-recommends" in install
    assert all(f"DPkg::Lock::Timeout={debian.LOCK_PATIENCE}" in argv for argv in machine.commands)


def test_services_stay_down_while_packages_are_installed_and_may_start_afterwards(
    on: Callable[[Machine], Machine],
) -> None:
    machine = on(Machine(brings=("containerd",)))
    debian.ensure("containerd")
    assert machine.forbidden_meanwhile
    assert not debian.POLICY.exists()


def test_the_machines_own_policy_stays(on: Callable[[Machine], Machine]) -> None:
    debian_policy = "#!/bin/sh\nexit 0\n"
    on(Machine(brings=("containerd",)))
    debian.POLICY.write_text(debian_policy)
    debian.ensure("containerd")
    assert debian.POLICY.read_text() == debian_policy


def test_a_policy_that_a_killed_run_has_left_goes(on: Callable[[Machine], Machine]) -> None:
    on(Machine(brings=("containerd",)))
    debian.POLICY.write_text(debian.FORBID)
    debian.ensure("containerd")
    assert not debian.POLICY.exists()


def test_services_may_start_again_after_an_installation_that_failed(on: Callable[[Machine], Machine]) -> None:
    on(Machine(code=100))
    with pytest.raises(LabError, match=r"(?s)install .*skopeo` failed; apt says:.*Unable to locate package"):
        debian.ensure("skopeo")
    assert not debian.POLICY.exists()


def test_a_package_without_its_program_is_said_so(on: Callable[[Machine], Machine]) -> None:
    on(Machine(brings=()))
    with pytest.raises(LabError, match="installed skopeo, but not the programs; is this Debian 12"):
        debian.ensure("skopeo")


def test_a_run_that_waited_for_another_one_installs_nothing_again(
    on: Callable[[Machine], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = on(Machine())
    looks = iter([False, True, True])
    monkeypatch.setattr(debian, "_found", lambda _: next(looks))
    debian.ensure("skopeo")
    assert machine.commands == []


def test_without_apt_the_packages_are_named(
    on: Callable[[Machine], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    on(Machine())
    monkeypatch.setattr("shutil.which", lambda _program, **_how: None)
    with pytest.raises(LabError, match=r"no apt-get here; install what these packages have: \['procps'\]"):
        debian.ensure("sysctl")


@pytest.mark.parametrize(
    ("programs", "packages"),
    [
        pytest.param(["ip", "runc"], ["iproute2", "runc"], id="sorted"),
        pytest.param(["nsenter", "nsenter"], ["util-linux"], id="once"),
        pytest.param(["/usr/lib/cni/bridge"], ["containernetworking-plugins"], id="a program by its path"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_a_program_is_in_a_package(
    on: Callable[[Machine], Machine], programs: list[str], packages: list[str]
) -> None:
    on(Machine())
    assert debian.packages_of(programs) == packages
