"""The table of versions is true: the Go modules ask for what it says."""

import re
from pathlib import Path

import pytest

from tests.cluster import binaries, versions
from tests.cluster.errors import LabError


def go_mod(module: str) -> str:
    return (binaries.MODULES / module / "go.mod").read_text()


@pytest.mark.parametrize("name", [name for name, tool in versions.GO_TOOLS.items() if tool.dependency])
def test_a_go_module_asks_for_the_version_of_the_table(name: str) -> None:
    tool = versions.GO_TOOLS[name]
    assert re.search(rf"\s{re.escape(tool.dependency)} {re.escape(tool.version)}\b", go_mod(tool.module))


@pytest.mark.parametrize("module", sorted({tool.module for tool in versions.GO_TOOLS.values()}))
def test_no_module_asks_for_a_newer_go_than_the_table(module: str) -> None:
    (asked,) = re.findall(r"^go (\S+)$", go_mod(module), re.MULTILINE)
    assert tuple(map(int, asked.split("."))) <= versions.GO_MINIMUM


@pytest.mark.parametrize("module", sorted({tool.module for tool in versions.GO_TOOLS.values()}))
def test_every_module_pins_its_checksums(module: str) -> None:
    needs = "require" in go_mod(module)
    assert bool((binaries.MODULES / module / "go.sum").read_text()) == needs


def test_all_staging_modules_have_one_version() -> None:
    minor, patch = versions.KUBERNETES.split(".")[1:]
    replaced = re.findall(r"=> k8s\.io/\S+ (\S+)", go_mod("kube"))
    assert set(replaced) == {f"v0.{minor}.{patch}"}


def test_the_stamp_says_the_version_that_is_compiled() -> None:
    stamps = dict(versions.GO_TOOLS["kube"].stamps)
    assert stamps["k8s.io/component-base/version.gitVersion"] == f"v{versions.KUBERNETES}"


def test_an_unknown_tool_names_the_known_ones() -> None:
    with pytest.raises(LabError, match=r"unknown tool 'hlem'; known: .*helm"):
        binaries.path_of("hlem")


def test_every_program_of_a_node_has_a_package() -> None:
    from tests.cluster import node_lab

    assert set(node_lab.PROGRAMS) <= set(versions.DEBIAN)


def test_the_go_sources_of_the_lab_are_where_the_table_says() -> None:
    own = [tool for tool in versions.GO_TOOLS.values() if not tool.dependency]
    assert all(Path(binaries.MODULES, tool.module, tool.package, "main.go").exists() for tool in own)
