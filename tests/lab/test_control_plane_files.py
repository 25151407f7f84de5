"""What is written for a control plane before anything of it starts: users, addresses, command lines."""

import base64
import csv
import ipaddress
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import (
    control_plane,
    kwok,
    node,
    node_lab,
    node_runtime,
    node_services,
    registry,
    versions,
)
from tests.cluster.control_plane import ControlPlane, Ports


@pytest.fixture(autouse=True)
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled, no certificate made."""
    monkeypatch.setattr("tests.cluster.binaries.path_of", lambda name: Path("/bin", name))

    def write(folder: Path, wishes: list[dict[str, Any]]) -> None:
        for wish in wishes:
            (folder / f"{wish['name']}.crt").write_text(f"certificate of {wish['name']}")

    monkeypatch.setattr(control_plane, "write_certificates", write)


def plane(folder: Path, *, real: bool = False) -> ControlPlane:
    return ControlPlane(
        folder, Ports(api=21000), advertise="192.0.2.1", bind="127.0.0.1", node="n" if real else ""
    )


def tokens(folder: Path) -> dict[str, tuple[str, str]]:
    """Token → user and groups."""
    with (folder / "tokens.csv").open() as file:
        return {token: (user, groups) for token, user, _, groups in csv.reader(file)}


def arguments(made: ControlPlane, name: str) -> list[str]:
    (found,) = [process.argv for process in made.processes() if process.name == name]
    return list(found)


def test_every_kubeconfig_has_the_token_of_its_user_and_no_other_file(tmp_path: Path) -> None:
    plane(tmp_path).write_files()
    for name, (user, groups) in control_plane.USERS.items():
        config = json.loads((tmp_path / f"{name}.conf").read_text())
        assert tokens(tmp_path)[config["users"][0]["user"]["token"]] == (user, ",".join(groups))
        authority = config["clusters"][0]["cluster"]["certificate-authority-data"]
        assert base64.b64decode(authority) == b"certificate of ca"
        assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:21000"
        assert (tmp_path / f"{name}.conf").stat().st_mode & 0o077 == 0


def test_no_two_users_and_no_two_labs_have_one_token(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        plane(tmp_path / name).write_files()
    both = [*tokens(tmp_path / "a"), *tokens(tmp_path / "b")]
    assert len(set(both)) == len(both) == 2 * len(control_plane.USERS)


@pytest.mark.parametrize("real", [False, True])
def test_kubelet_is_a_user_where_there_is_a_node(tmp_path: Path, real: bool) -> None:
    plane(tmp_path, real=real).write_files()
    assert (("system:node:n", "system:nodes") in tokens(tmp_path).values()) is real
    assert (tmp_path / "kubelet.conf").exists() is real


def test_the_servers_certificate_is_good_for_every_way_to_it(tmp_path: Path) -> None:
    (found,) = [wish for wish in plane(tmp_path).certificates() if wish["name"] == "apiserver"]
    assert {"127.0.0.1", "localhost", "192.0.2.1", "10.96.0.1", "kubernetes.default.svc"} <= set(
        found["names"]
    )


def test_who_speaks_for_others_is_vouched_for_by_an_authority_of_its_own(tmp_path: Path) -> None:
    issuers = {wish["name"]: wish.get("issuer") for wish in plane(tmp_path).certificates()}
    assert issuers["front"] == "front-ca"
    assert "front-ca" not in [issuer for name, issuer in issuers.items() if name != "front"]


def test_each_of_the_four_starts_after_what_it_needs(tmp_path: Path) -> None:
    made = plane(tmp_path)
    assert [process.name for process in made.processes()] == [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ]
    assert [list(process.after) for process in made.processes()] == [
        [],
        ["tcp:127.0.0.1:2379"],
        ["https://127.0.0.1:21000/readyz"],
        [],
    ]


def test_two_control_planes_on_one_machine_share_no_port(tmp_path: Path) -> None:
    made = ControlPlane(tmp_path, Ports(1, 2, 3, 4, 5), advertise="192.0.2.1", bind="127.0.0.1")
    said = " ".join(word for process in made.processes() for word in process.argv)
    for default in Ports.__dataclass_fields__.values():
        assert f":{default.default}" not in said
        assert f"={default.default}" not in said


@pytest.mark.parametrize("real", [False, True])
def test_the_service_kubernetes_has_an_endpoint_where_pods_are_real(tmp_path: Path, real: bool) -> None:
    words = arguments(plane(tmp_path, real=real), "kube-apiserver")
    assert ("--endpoint-reconciler-type=none" in words) is not real


def test_pods_and_services_have_networks_of_their_own() -> None:
    networks = [
        ipaddress.ip_network(text) for text in (control_plane.SERVICE_NETWORK, control_plane.POD_NETWORK)
    ]
    assert not networks[0].overlaps(networks[1])
    for address in (control_plane.API_SERVICE_ADDRESS, control_plane.DNS_SERVICE_ADDRESS):
        assert ipaddress.ip_address(address) in networks[0]
    assert all(ipaddress.ip_address(node.ADDRESS) not in network for network in networks)


def test_played_nodes_have_room_and_names_of_their_own() -> None:
    items = json.loads(kwok.nodes())["items"]
    assert len({item["metadata"]["name"] for item in items}) == len(items) == kwok.NODES
    assert all(item["status"]["allocatable"] == item["status"]["capacity"] for item in items)


class TestNode:
    def test_it_has_no_way_out(self) -> None:
        routes = [command for command in node.network() if command[:3] == ["ip", "route", "add"]]
        assert [route[3:5] for route in routes] == [
            [control_plane.SERVICE_NETWORK, "dev"],
            ["unreachable", "default"],
        ]

    def test_it_is_cut_off_from_the_machines_mounts_before_it_mounts_anything(self, tmp_path: Path) -> None:
        first, *_ = node.Node("x", tmp_path).prepare()
        assert list(first) == ["mount", "--make-rprivate", "/"]

    def test_kubelet_is_shown_files_instead_of_the_machines_settings(self, tmp_path: Path) -> None:
        commands = [list(command) for command in node.Node("x", tmp_path).prepare()]
        for name in node.MACHINE_WIDE:
            ours, theirs = tmp_path / "sysctl" / name, Path("/proc/sys", name)
            assert ours.read_text() == theirs.read_text()
            assert ["mount", "--bind", str(ours), str(theirs)] in commands

    def test_nothing_that_is_set_for_the_node_is_set_for_the_machine(self) -> None:
        assert all(setting.startswith("net.") for setting in node.SYSCTLS), "only these belong to a namespace"

    def test_its_names_lead_to_itself(self, tmp_path: Path) -> None:
        node.Node("x", tmp_path).prepare()
        hosts = (tmp_path / "hosts").read_text().splitlines()
        assert hosts[1].split() == [node.ADDRESS, node.NAME, *node.OWN_NAMES]
        assert (tmp_path / "resolv.conf").read_text().startswith(f"nameserver {node.ADDRESS}\n")

    def test_every_process_of_a_node_has_a_name_of_its_own(self, tmp_path: Path) -> None:
        names = [process.name for process in self.processes(tmp_path)]
        assert len(set(names)) == len(names) > 10, "logs are called after them"

    def test_no_process_but_the_labs_own_needs_a_virtual_environment(self, tmp_path: Path) -> None:
        for process in self.processes(tmp_path):
            if process.name == "scrape-targets":
                assert "-I" in process.argv, "as little of this Python as can be"
            else:
                assert ".venv" not in process.argv[0]

    def test_what_is_started_by_name_is_installed_before(self, tmp_path: Path) -> None:
        programs = {process.argv[0] for process in self.processes(tmp_path) if "/" not in process.argv[0]}
        assert programs <= set(node_lab.PROGRAMS)
        assert set(node_lab.PROGRAMS) <= set(versions.DEBIAN)

    def processes(self, folder: Path) -> list[Any]:
        return [
            *registry.processes(folder),
            *plane(folder, real=True).processes(),
            *node_runtime.processes(folder, api_ready="https://127.0.0.1:6443/readyz"),
            *node_services.processes(folder, api_ready="https://127.0.0.1:6443/readyz"),
        ]

    def test_the_guarded_registry_alone_asks_for_a_password_and_both_share_what_is_stored(
        self, tmp_path: Path
    ) -> None:
        registry.processes(tmp_path)
        open_one, guarded = (
            json.loads((tmp_path / f"{n}.json").read_text()) for n in ("registry", "registry-guarded")
        )
        assert "auth" not in open_one
        assert guarded["auth"]["htpasswd"]["path"] == str(tmp_path / "htpasswd")
        assert open_one["storage"] == guarded["storage"]
        assert open_one["http"]["addr"] != guarded["http"]["addr"]

    @pytest.mark.parametrize("host", [registry.INSIDE, registry.GUARDED_INSIDE])
    def test_containerd_trusts_both_registries_by_the_labs_authority(self, tmp_path: Path, host: str) -> None:
        registry.write_trust(tmp_path)
        trust = tomllib.loads((tmp_path / "registries" / host / "hosts.toml").read_text())
        assert trust["server"] == f"https://{host}"
        assert trust["host"][f"https://{host}"]["ca"] == str(tmp_path / "ca.crt")

    def test_services_without_pods_lead_to_the_node(self) -> None:
        items = json.loads(node_services.objects())["items"]
        slices = [item for item in items if item["kind"] == "EndpointSlice"]
        services = {item["metadata"]["name"]: item for item in items if item["kind"] == "Service"}
        assert {s["metadata"]["labels"]["kubernetes.io/service-name"] for s in slices} == set(services)
        assert all(s["endpoints"][0]["addresses"] == [node.ADDRESS] for s in slices)
        assert services["kube-dns"]["spec"]["clusterIP"] == control_plane.DNS_SERVICE_ADDRESS

    def test_everything_that_is_forwarded_has_a_port_of_its_own(self) -> None:
        assert len(set(node_lab.OUTSIDE.values())) == len(node_lab.OUTSIDE)
