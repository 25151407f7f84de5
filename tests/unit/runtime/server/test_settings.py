"""What the pod tells the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_runtime import contract
from model_runtime.server import environment, settings


def test_without_variables_the_defaults_apply() -> None:
    wanted = settings.parse_settings([], {})
    assert wanted.port == contract.SERVER_PORT
    assert wanted.image_folder == Path(contract.IMAGE_FOLDER)
    assert (wanted.timeout, wanted.concurrency, wanted.warmup) == (30.0, 64, 5)
    assert (wanted.drain, wanted.connection_age) == (contract.SERVER_DRAIN_SECONDS, 10.0)
    assert wanted.model_folder is None


def test_the_contracts_variables_are_read() -> None:
    wanted = settings.parse_settings(
        ["--port", "0", "--model-folder", "/m"],
        {
            contract.SERVER_NAME_VARIABLE: "churn",
            contract.SERVER_REVISION_VARIABLE: "9f3c",
            contract.SERVER_TIMEOUT_VARIABLE: "1.5",
            contract.SERVER_CONCURRENCY_VARIABLE: "7",
            contract.SERVER_WARMUP_VARIABLE: "0",
        },
    )
    assert (wanted.name, wanted.revision, wanted.port) == ("churn", "9f3c", 0)
    assert (wanted.timeout, wanted.concurrency, wanted.warmup) == (1.5, 7, 0)
    assert wanted.model_folder == Path("/m")


@pytest.mark.parametrize("text", ["many", "-1", "0", "nan", "inf"])
def test_an_invalid_number_is_rejected_with_its_variable(text: str) -> None:
    with pytest.raises(settings.InvalidSetting, match="SEATRIAL_MAX_CONCURRENCY is"):
        settings.parse_settings([], {contract.SERVER_CONCURRENCY_VARIABLE: text})


class TestCores:
    @pytest.mark.parametrize(
        ("quota", "expected"), [("50000 100000", 1), ("max 100000", None), ("odd", None)]
    )
    def test_the_containers_limit_counts(self, tmp_path: Path, quota: str, expected: int | None) -> None:
        (tmp_path / "cpu.max").write_text(quota)
        everything = environment.available_cores(tmp_path / "none", tmp_path / "none")
        assert environment.available_cores(tmp_path / "cpu.max", tmp_path) == (expected or everything)

    def test_the_older_kernel_interface_counts_too(self, tmp_path: Path) -> None:
        (tmp_path / "cpu.cfs_quota_us").write_text("20000\n")
        (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
        assert environment.available_cores(tmp_path / "none", tmp_path) == 1
