"""What `python -m tests.cluster` says: lines for a shell, and one sentence for each thing that is missing."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import cluster
from tests.cluster import __main__ as command_line
from tests.cluster import debian, lab, plan


@pytest.fixture(autouse=True)
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEATRIAL_LAB_DIR", str(tmp_path))
    return tmp_path


def running_lab(labs: Path) -> lab.Lab:
    """A lab whose keeper is this very process: good enough to be found."""
    record = lab.Record("one", "control-plane", plan.Pid.of(os.getpid()), {"api": 21000})
    (labs / "one").mkdir()
    lab.write_record(labs / "one", record)
    return lab.Lab(labs / "one", record)


def test_status_of_nothing_is_a_comment_and_not_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["status"]) == 3
    assert capsys.readouterr().out.startswith("# lab 'lab' does not run")


def test_status_can_be_evaluated(labs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running_lab(labs)
    assert command_line.main(["status", "--name", "one"]) == 0
    export, *comments = capsys.readouterr().out.splitlines()
    assert export == f"export KUBECONFIG={labs}/one/kubeconfig"
    assert all(line.startswith("# ") for line in comments)


def test_status_of_a_lab_in_a_folder_with_blanks_can_be_evaluated(
    labs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = labs / "my $labs"
    elsewhere.mkdir()
    monkeypatch.setenv("SEATRIAL_LAB_DIR", str(elsewhere))
    running_lab(elsewhere)
    assert command_line.main(["status", "--name", "one"]) == 0
    script = capsys.readouterr().out + 'printf %s "$KUBECONFIG"'
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == f"{elsewhere}/one/kubeconfig"


def test_a_command_has_the_kubeconfig(labs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    running_lab(labs)
    assert command_line.main(["exec", "--name", "one", "--", "sh", "-c", "echo $KUBECONFIG; exit 7"]) == 7
    assert capfd.readouterr().out.strip().endswith("one/kubeconfig")


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        pytest.param(["exec", "--", "true"], "lab 'lab' does not run", id="exec without a lab"),
        pytest.param(["up", "--name", "../x"], "a lab's name has letters", id="a name that is a path"),
        pytest.param(["tool", "hlem"], "unknown tool 'hlem'; known:", id="an unknown tool"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(argv) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert sentence in said[0]


def test_down_without_a_lab_leaves_nothing(labs: Path) -> None:
    assert command_line.main(["down", "--name", "none"]) == 0
    assert list(labs.iterdir()) == []


def test_another_flavour_of_a_running_lab_is_refused(labs: Path) -> None:
    running_lab(labs)
    with pytest.raises(cluster.LabError, match="runs as control-plane; take another name"):
        cluster.up("one", flavour="node")


def test_a_lab_whose_keeper_has_ended_is_not_found(labs: Path) -> None:
    dead = lab.Record("one", "control-plane", plan.Pid(2**22 + 1, 0), {"api": 21000})
    (labs / "one").mkdir()
    lab.write_record(labs / "one", dead)
    assert cluster.find("one") is None
    assert cluster.running() == []


def test_without_root_missing_packages_come_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "_found", lambda _: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(
        cluster.LabError, match="as root: apt-get install -y --no-install-recommends iptables skopeo"
    ):
        debian.ensure("skopeo", "iptables")
