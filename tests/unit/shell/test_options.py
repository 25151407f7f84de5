"""The command line: its options, defaults and error messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial import options
from seatrial.api import settings


def test_the_defaults_are_one_operator_for_all_namespaces() -> None:
    chosen = options.parse([])
    assert (chosen.namespaces, chosen.lease_namespace, chosen.settings) == ((), "", settings.Settings())
    assert (chosen.qps, chosen.burst, chosen.json_logs) == (300.0, 600, True)


def test_every_option_is_read(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("registry: {repository: r.shop/models}\n")
    arguments = [
        *(
            "--kubeconfig",
            "k",
            "--context",
            "c",
            "--namespace",
            "n",
            "--namespace",
            "m",
            "--settings",
            str(file),
        ),
        *("--lease-namespace", "ln", "--lease-name", "l", "--metrics-port", "1", "--probe-port", "2"),
        *("--workers", "3", "--qps", "4.5", "--burst", "5", "--log-level", "debug", "--plain-logs"),
    ]
    chosen = options.parse(arguments)
    assert chosen.settings.registry.repository == "r.shop/models"
    assert (chosen.kubeconfig, chosen.context, chosen.namespaces) == ("k", "c", ("n", "m"))
    assert (chosen.lease_namespace, chosen.lease_name) == ("ln", "l")
    assert (chosen.metrics_port, chosen.probe_port, chosen.workers) == (1, 2, 3)
    assert (chosen.qps, chosen.burst, chosen.log_level, chosen.json_logs) == (4.5, 5, "debug", False)


def test_two_processes_in_one_pod_have_different_identities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "seatrial-0")
    one, other = options.parse([]).identity, options.parse([]).identity
    assert one != other
    assert one.startswith("seatrial-0_")


@pytest.mark.parametrize(
    "arguments",
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
        ["--namespace", "a,b"],
        ["--namespace", ""],
    ],
    ids=" ".join,
)
def test_an_invalid_option_is_rejected_by_name(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parse(arguments)
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    ["registry: [", "registry: 7\n", "no: {such: thing}\n", None],
    ids=["yaml", "type", "key", "absent"],
)
def test_unreadable_settings_are_reported_without_a_traceback(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        options.parse(["--settings", str(file)])
    assert ended.value.code == 2
    assert f"--settings: {file}" in capsys.readouterr().err


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("\n")
    assert options.load_settings(str(tmp_path / "settings.yaml")) == settings.Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("registry: 7", "settings.registry: expected an object, got 7"),
        ("plain_http: true", 'unknown field "settings.plain_http"; known fields: runtimes,'),
    ],
)
def test_an_invalid_setting_is_named_as_in_the_file(
    tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(SystemExit):
        options.parse(["--settings", str(file)])
    stderr = capsys.readouterr().err
    assert message in stderr
    assert "pydantic" not in stderr
