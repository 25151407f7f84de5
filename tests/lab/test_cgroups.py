"""Where the groups of a node are on machines of either version, and what is said where they cannot be."""

from pathlib import Path

import pytest

from tests.cluster import cgroups, node
from tests.cluster.cgroups import Groups
from tests.cluster.errors import LabError

ALL = "cpuset cpu io memory hugetlb pids rdma misc"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def first(root: Path) -> Path:
    """A machine of version 1 on which cpu and cpuacct share a hierarchy, as distributions have it."""
    for name in ("cpu,cpuacct", "memory", "pids", "systemd", "cpuset", "hugetlb"):
        (root / name).mkdir()
    (root / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (root / "cpuset" / "cpuset.mems").write_text("0\n")
    for name in ("cpu", "cpuacct"):
        (root / name).symlink_to("cpu,cpuacct")
    return root


@pytest.fixture
def second(root: Path) -> Path:
    """A machine of version 2; its files say nothing by themselves, unlike the kernel's."""
    (root / "cgroup.controllers").write_text(ALL)
    return root


def delegated(root: Path, controllers: str) -> None:
    """What the kernel puts into the node's outermost group once it is made."""
    (root / "seatrial-x").mkdir()
    (root / "seatrial-x" / "cgroup.controllers").write_text(controllers)


def test_on_version_1_there_is_a_group_in_every_hierarchy_once(first: Path) -> None:
    names = [top.parent.name for top in Groups("seatrial-x").tops()]
    assert sorted(names) == ["cpu,cpuacct", "cpuset", "memory", "pids", "systemd"]


def test_on_version_1_the_node_sees_the_group_itself(first: Path) -> None:
    groups = Groups("seatrial-x")
    assert groups.roots() == groups.tops()
    assert not groups.unified


def test_a_new_cpuset_may_use_what_the_one_above_may(first: Path) -> None:
    Groups("seatrial-x").create()
    made = first / "cpuset" / "seatrial-x"
    assert (made / "cpuset.cpus").read_text() == "0-1\n"
    assert (made / "cpuset.mems").read_text() == "0\n"
    assert (made / "cgroup.clone_children").read_text() == "1"


def test_controllers_that_share_a_hierarchy_are_mounted_together_and_found_alone(first: Path) -> None:
    commands = [list(command) for command in Groups("seatrial-x").mounts()]
    together = str(first / "cpu,cpuacct")
    assert ["mount", "-t", "cgroup", "-o", "cpu,cpuacct", "cgroup", together] in commands
    assert ["ln", "-s", "cpu,cpuacct", str(first / "cpu")] in commands
    assert ["ln", "-s", "cpu,cpuacct", str(first / "cpuacct")] in commands


def test_the_hierarchy_without_a_controller_is_mounted_by_its_name(first: Path) -> None:
    place = str(first / "systemd")
    assert ["mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", place] in Groups("x").mounts()


def test_on_version_2_there_is_one_group_and_the_node_has_one_within(second: Path) -> None:
    groups = Groups("seatrial-x")
    assert groups.unified
    assert groups.tops() == [second / "seatrial-x"]
    assert groups.roots() == [second / "seatrial-x" / "node"]


def test_on_version_2_controllers_are_handed_down_and_who_holds_the_namespaces_is_put_aside(
    second: Path,
) -> None:
    delegated(second, ALL)
    groups = Groups("seatrial-x")
    groups.create()
    groups.create()  # again, as after a start that broke off
    assert (second / "cgroup.subtree_control").read_text()
    assert (second / "seatrial-x" / "cgroup.subtree_control").read_text()
    assert (second / "seatrial-x" / "node").is_dir()
    groups.put_aside(42)
    assert (second / "seatrial-x" / "outer" / "cgroup.procs").read_text() == "42"


def test_on_version_2_the_node_mounts_its_own_tree_and_hands_controllers_to_pods(second: Path) -> None:
    mount, delegate = Groups("seatrial-x").mounts()
    assert list(mount) == ["mount", "-t", "cgroup2", "cgroup2", str(second)]
    assert delegate[:2] == ["sh", "-ec"]
    assert set(cgroups.NEEDED_V2) <= set(cgroups.WANTED_V2)


def test_put_aside_does_nothing_on_version_1(first: Path) -> None:
    Groups("seatrial-x").put_aside(42)
    assert list(first.rglob("cgroup.procs")) == []


@pytest.mark.parametrize(
    ("controllers", "lacking"),
    [
        pytest.param(ALL, [], id="all"),
        pytest.param("cpu memory pids\n", [], id="those that are needed"),
        pytest.param("cpuset memory pids", ["cpu"], id="cpuset is not cpu"),
        pytest.param("memory pids", ["cpu"], id="as a user's session on systemd"),
        pytest.param("", ["cpu", "memory", "pids"], id="none"),
    ],
)
def test_controllers_without_which_no_pod_is_limited_are_named(controllers: str, lacking: list[str]) -> None:
    assert cgroups.missing(controllers) == lacking


def test_a_machine_that_hands_no_controllers_down_is_refused_with_what_to_do(second: Path) -> None:
    delegated(second, "cpuset io")
    with pytest.raises(LabError, match=r"gives its cgroups no cpu, memory, pids; start the container with"):
        Groups("seatrial-x").create()


def test_a_machine_whose_groups_cannot_be_written_is_refused_with_the_systems_words(first: Path) -> None:
    (first / "memory" / "seatrial-x").write_text("a file is in the way")
    with pytest.raises(LabError, match=r"cgroups cannot be made \(.*seatrial-x"):
        Groups("seatrial-x").create()


def test_a_node_outweighs_the_rest_of_a_busy_machine(second: Path) -> None:
    delegated(second, ALL)
    (second / "seatrial-x" / "cpu.weight").write_text("100")
    Groups("seatrial-x").create()
    assert int((second / "seatrial-x" / "cpu.weight").read_text()) > 100


def test_groups_are_removed_from_the_innermost_on(second: Path) -> None:
    top = second / "seatrial-x"
    (top / "node" / "kubepods" / "pod-1").mkdir(parents=True)
    (top / "outer").mkdir()
    Groups("seatrial-x").remove()
    assert not top.exists()


def test_groups_that_do_not_exist_are_removed_already(first: Path) -> None:
    Groups("seatrial-x").remove()


def test_groups_in_which_something_lives_are_named(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "PATIENCE", 0.0)
    busy = first / "pids" / "seatrial-x"
    busy.mkdir()
    (busy / "alive").write_text("")  # what a directory cannot be removed for
    with pytest.raises(LabError, match=f"cgroups with living processes: {busy}"):
        Groups("seatrial-x").remove()


def test_the_groups_of_all_nodes_are_found_on_either_version(first: Path) -> None:
    (first / "memory" / "seatrial-a").mkdir()
    (first / "seatrial-b").mkdir()
    (first / "memory" / "docker").mkdir()
    assert {group.name for group in cgroups.node_groups()} == {"seatrial-a", "seatrial-b"}


def test_labs_of_one_name_in_two_folders_have_groups_of_their_own(tmp_path: Path) -> None:
    one, other = (node.Node("lab", tmp_path / place / "lab").groups for place in ("a", "b"))
    assert one.name != other.name
    assert node.Node("lab", tmp_path / "a" / "lab").groups.name == one.name
    assert one.name.startswith("seatrial-lab-")
