"""An example that lies beside the one file which the address names is fetched with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from model_runtime import sources
from model_runtime.builder import model_digest
from tests.unit.runtime.sources.servers import bucket, fetch_request, fetched_files, serving
from tests.unit.runtime.sources.test_object_store_volume_and_registry import secret_for

BESIDE = ("example.json", "input_example.json")


def test_the_example_beside_one_object_is_fetched_with_it(tmp_path: Path) -> None:
    objects = {"churn/model.skops": b"model", "churn/example.json": b"[]", "churn/other": b"x"}
    with serving(bucket(objects)) as site:
        secret_for(tmp_path, site.address)
        request = replace(fetch_request(tmp_path, "s3://models/churn/model.skops"), companions=BESIDE)
        fetched = sources.fetch(request)

    assert fetched_files(tmp_path) == {"model.skops": b"model", "example.json": b"[]"}
    assert fetched.single_file


def test_the_example_beside_one_file_of_a_config_map_is_fetched_with_it(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    for name in ("model.skops", "example.json", "other"):
        (tmp_path / "volume" / name).write_text(name)
    request = replace(fetch_request(tmp_path, "configmap://churn/model.skops"), companions=BESIDE)
    fetched = sources.fetch(request)

    assert set(fetched_files(tmp_path)) == {"model.skops", "example.json"}
    assert fetched.single_file


def test_the_digest_of_one_file_is_its_own_whatever_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_text("model")
    alone = model_digest.digest_of(tmp_path, single_file=True, companions=BESIDE)
    (tmp_path / "example.json").write_text("[]")

    assert model_digest.digest_of(tmp_path, single_file=True, companions=BESIDE) == alone
