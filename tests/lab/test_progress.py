"""Long steps say what they do, for how long as a rule, and that they are still at it."""

import re
import time

import pytest

from tests.cluster import progress


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    said = capsys.readouterr()
    assert said.out == "", "standard output is for what a shell evaluates"
    return said.err.splitlines()


def test_a_step_says_its_name_its_rule_and_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.step("compiling kube", about=320):
        pass
    begun, ended = lines(capsys)
    assert begun == "· compiling kube (about 320 s)"
    assert re.fullmatch(r"· compiling kube: \d+\.\d s", ended)


def test_a_step_without_a_rule_says_none(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.step("starting"):
        pass
    assert lines(capsys)[0] == "· starting"


def test_a_step_that_fails_does_not_say_that_it_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="no room"), progress.step("building"):
        raise RuntimeError("no room")
    assert lines(capsys) == ["· building"]


def test_a_long_step_gives_signs_of_life_until_it_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT", 0.01)
    said: list[str] = []
    with progress.step("building"):
        deadline = time.monotonic() + 30
        while not any("…" in line for line in said) and time.monotonic() < deadline:
            said += lines(capsys)
            time.sleep(0.01)
    after = lines(capsys)
    assert any(re.fullmatch(r"· building … \d+ s", line) for line in said)
    assert re.fullmatch(r"· building: \d+\.\d s", after[-1]), "nothing is said after its end"
