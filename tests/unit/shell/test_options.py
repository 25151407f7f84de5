"""The command line: what it chooses, and a sentence for what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial import options
from seatrial.api import settings


def test_nothing_said_is_one_operator_for_all_namespaces() -> None:
    chosen = options.parse([])
    assert (chosen.namespace, chosen.lease_namespace, chosen.settings) == ("", "", settings.Settings())
    assert (chosen.qps, chosen.burst, chosen.json_logs) == (300.0, 600, True)


def test_everything_said_is_chosen(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("registry: {repository: r.shop/models}\n")
    given = [
        *("--kubeconfig", "k", "--context", "c", "--namespace", "n", "--settings", str(file)),
        *("--lease-namespace", "ln", "--lease-name", "l", "--metrics-port", "1", "--probe-port", "2"),
        *("--workers", "3", "--qps", "4.5", "--burst", "5", "--log-level", "debug", "--plain-logs"),
    ]
    chosen = options.parse(given)
    assert chosen.settings.registry.repository == "r.shop/models"
    assert (chosen.kubeconfig, chosen.context, chosen.namespace) == ("k", "c", "n")
    assert (chosen.lease_namespace, chosen.lease_name) == ("ln", "l")
    assert (chosen.metrics_port, chosen.probe_port, chosen.workers) == (1, 2, 3)
    assert (chosen.qps, chosen.burst, chosen.log_level, chosen.json_logs) == (4.5, 5, "debug", False)


def test_two_processes_of_one_pod_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "seatrial-0")
    one, other = options.parse([]).identity, options.parse([]).identity
    assert one != other
    assert one.startswith("seatrial-0_")


@pytest.mark.parametrize(
    "given",
    [
        ["--qps", "0"],
        ["--qps", "-1"],
        ["--qps", "nan"],
        ["--qps", "inf"],
        ["--qps", "fast"],
        ["--burst", "0"],
        ["--workers", "0"],
        ["--workers", "2.5"],
        ["--metrics-port", "70000"],
        ["--probe-port", "-1"],
        ["--log-level", "loud"],
        ["--namespaces", "a,b"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_with_its_name(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parse(given)
    assert ended.value.code == 2
    assert given[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    ["registry: [", "registry: 7\n", "no: {such: thing}\n", None],
    ids=["yaml", "type", "key", "absent"],
)
def test_settings_that_cannot_be_read_are_a_sentence_and_no_trace(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        options.parse(["--settings", str(file)])
    assert ended.value.code == 2
    assert f"--settings: {file}" in capsys.readouterr().err


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("\n")
    assert options.load_settings(str(tmp_path / "settings.yaml")) == settings.Settings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("registry: 7", "settings.registry: must be an object; got 7"),
        ("plain_http: true", 'unknown field "settings.plain_http"; known here: runtimes,'),
    ],
)
def test_a_wrong_setting_is_named_in_the_words_of_the_file(
    tmp_path: Path, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(SystemExit):
        options.parse(["--settings", str(file)])
    said = capsys.readouterr().err
    assert sentence in said
    assert "pydantic" not in said
