"""A port that was given out is given to nobody else, and there are ports on every machine."""

import json
import socket
from pathlib import Path

import pytest

from tests.cluster import cache, ports
from tests.cluster.errors import LabError


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache.root()


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> range:
    """There are three ports in the world."""
    first = ports.free(1)[0]
    monkeypatch.setattr(ports, "FIRST", first)
    monkeypatch.setattr(ports, "LAST", first + 3)
    (cache.root() / "ports.json").unlink()
    return range(first, first + 3)


def test_ports_asked_for_together_differ() -> None:
    assert len(set(ports.free(50))) == 50


def test_ports_asked_for_one_after_the_other_differ(three: range) -> None:
    assert {ports.free(1)[0] for _ in three} == set(three)


def test_when_all_are_claimed_it_is_said_so(three: range) -> None:
    ports.free(3)
    with pytest.raises(LabError, match="no free ports on loopback"):
        ports.free(1)


def test_more_than_there_are_is_refused_and_claims_nothing(three: range) -> None:
    with pytest.raises(LabError):
        ports.free(4)
    assert len(ports.free(3)) == 3


def test_a_port_where_somebody_listens_is_not_given(three: range) -> None:
    with socket.create_server(("127.0.0.1", three[1])):
        assert set(ports.free(2)) == {three[0], three[2]}


def test_a_listener_listens_where_it_says() -> None:
    with ports.listener() as listening, socket.create_connection(listening.getsockname(), timeout=5):
        assert listening.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("age", "kept"),
    [
        pytest.param(0.0, True, id="just now"),
        pytest.param(ports.CLAIMED - 1, True, id="a while ago"),
        pytest.param(ports.CLAIMED, False, id="long ago"),
        pytest.param(-5.0, False, id="in the future: the clock was put back"),
    ],
)
def test_a_claim_holds_for_a_while(age: float, kept: bool) -> None:
    assert bool(ports.still_claimed({"21000": 1000.0 - age}, now=1000.0)) is kept


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_a_record_of_claims_that_cannot_be_read_is_begun_anew(cache_of_its_own: Path, text: str) -> None:
    (cache_of_its_own / "ports.json").write_text(text)
    (port,) = ports.free(1)
    assert list(json.loads((cache_of_its_own / "ports.json").read_text())) == [str(port)]


@pytest.mark.parametrize(
    ("first_outgoing", "last"),
    [
        pytest.param(32768, ports.LAST, id="as Linux is delivered"),
        pytest.param(25000, 25000, id="a range that begins among ours"),
        pytest.param(21000, 21000, id="just enough are left"),
        pytest.param(20999, ports.LAST, id="too few are left"),
        pytest.param(20000, ports.LAST, id="nothing is left"),
        pytest.param(1024, ports.LAST, id="nearly all ports"),
    ],
)
def test_ports_of_outgoing_connections_are_left_alone_where_there_are_others(
    first_outgoing: int, last: int
) -> None:
    assert list(ports.candidates(first_outgoing)) == list(range(ports.FIRST, last))


def test_a_machine_that_does_not_say_its_range_has_ports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ports, "RANGE", tmp_path / "absent")
    assert ports.free(1)
