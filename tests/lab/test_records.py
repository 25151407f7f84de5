"""A lab is found again by its record, and never taken for another one's process."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import cluster
from tests.cluster import kubectl, lab, plan
from tests.cluster.errors import LabError
from tests.cluster.lab import Lab, Record
from tests.cluster.plan import Pid

MINE = Pid.of(os.getpid())


@pytest.fixture(autouse=True)
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEATRIAL_LAB_DIR", str(tmp_path))
    return tmp_path


def recorded(labs: Path, name: str, *, keeper: Pid = MINE, ports: dict[str, int] | None = None) -> Lab:
    """The record of a lab, as one that runs has it."""
    record = Record(name, "control-plane", keeper, {"api": 21000} if ports is None else ports)
    (labs / name).mkdir()
    lab.write_record(labs / name, record)
    return Lab(labs / name, record)


def test_a_record_is_read_as_it_was_written(labs: Path) -> None:
    written = recorded(labs, "one")
    assert lab.read_record(written.folder) == written.record
    assert [path.name for path in written.folder.iterdir()] == ["lab.json"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param('{"name": "one"', id="cut off"),
        pytest.param('{"name": "one"}', id="without a keeper"),
        pytest.param("[]", id="another shape"),
        pytest.param(
            '{"name": "one", "flavour": "node", "keeper": {"x": 1}, "ports": {}}', id="another keeper"
        ),
    ],
)
def test_half_a_record_is_none(labs: Path, text: str) -> None:
    (labs / "lab.json").write_text(text)
    assert lab.read_record(labs) is None


def test_a_record_of_before_boots_were_told_apart_is_still_read(labs: Path) -> None:
    old = {"name": "one", "flavour": "control-plane", "keeper": {"number": MINE.number, "born": MINE.born}}
    (labs / "one").mkdir()
    (labs / "one" / "lab.json").write_text(json.dumps({**old, "ports": {"api": 21000}}))
    assert cluster.find("one") is not None


def test_a_lab_that_runs_is_found(labs: Path) -> None:
    assert cluster.find("one") is None
    written = recorded(labs, "one")
    assert cluster.find("one") == written
    assert cluster.running() == [written]


def test_a_lab_that_is_still_starting_is_not_found(labs: Path) -> None:
    recorded(labs, "one", ports={})
    assert cluster.find("one") is None


@pytest.mark.parametrize(
    "keeper",
    [
        pytest.param(dataclasses.replace(MINE, born=MINE.born + 1), id="a later process of its number"),
        pytest.param(
            dataclasses.replace(MINE, boot="another"), id="one of before the last start of the machine"
        ),
    ],
)
def test_a_process_of_its_number_is_not_taken_for_the_keeper(labs: Path, keeper: Pid) -> None:
    left = recorded(labs, "one", keeper=keeper)
    assert cluster.find("one") is None
    cluster.down("one")  # and this process, which has the number, lives
    assert not left.folder.exists()


def test_the_group_of_another_process_is_not_waited_for() -> None:
    with subprocess.Popen(["sleep", "100"], start_new_session=True) as other:
        number = other.pid
        dataclasses.replace(Pid.of(number), born=0).end(group=True)
        assert other.poll() is None
        Pid.of(number).end(group=True)


def test_a_machine_that_does_not_say_its_boot_has_labs_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(plan, "BOOT_ID", tmp_path / "absent")
    assert plan.boot_id() == ""
    assert Pid.of(os.getpid()).lives()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "a.b", "ü/"])
def test_a_name_that_is_no_plain_word_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="a lab's name has letters, digits, '-' and '_'"):
        lab.folder_of(name)


def test_labs_of_runs_that_were_killed_are_ended_and_others_are_not(labs: Path) -> None:
    gone = 2**22 + 7  # no process has so large a number
    dead = Pid(gone, 0)
    for name in (f"test-plane-{gone}", f"test-plane-{os.getpid()}", "test-plane-kept", f"mine-{gone}"):
        recorded(labs, name, keeper=dead)
    cluster.end_orphans("test-plane")
    left = {path.name for path in labs.iterdir()}
    assert left == {f"test-plane-{os.getpid()}", "test-plane-kept", f"mine-{gone}"}


def test_kubectl_keeps_what_it_remembers_of_a_lab_in_the_lab(labs: Path) -> None:
    folder = recorded(labs, "one").folder
    assert kubectl.environment_for(folder / "kubeconfig")["KUBECACHEDIR"] == str(folder / "kubectl")


def test_kubectl_keeps_what_it_remembers_of_a_given_cluster_where_it_always_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECACHEDIR", raising=False)
    assert "KUBECACHEDIR" not in kubectl.environment_for(Path("/home/jo/.kube/config"))


def test_a_command_that_fails_says_its_own_words(labs: Path) -> None:
    one = recorded(labs, "one")
    with pytest.raises(LabError, match="`sh -c echo no room >&2; exit 3` ended with 3: no room"):
        one.exec(["sh", "-c", "echo no room >&2; exit 3"])
    assert one.exec(["sh", "-c", "exit 3"], check=False).returncode == 3
    assert one.exec(["sh", "-c", "echo $KUBECONFIG"]).stdout.strip() == str(one.kubeconfig)
