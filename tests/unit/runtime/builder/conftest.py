from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from model_runtime.contract import BuildReport, BuildRequest
from model_runtime.registry.references import Reference
from tests.unit.runtime.builder.harness import Job
from tests.unit.runtime.builder.models import iris_skops, trained
from tests.unit.runtime.registry.fixtures import MakeClient, client_of, docker_registry, proxy, push_image

__all__ = ["client_of", "docker_registry", "iris_skops", "proxy", "trained"]


@pytest.fixture(scope="session")
def job_in(docker_registry: str, client_of: MakeClient, iris_skops: Path) -> Callable[[Path], Job]:
    """Makes builds of the iris model from a volume."""
    push_image(client_of(docker_registry), Reference.parse(f"{docker_registry}/runtimes/sklearn:1"))

    def made(folder: Path) -> Job:
        (folder / "volume").symlink_to(iris_skops)
        request = BuildRequest(
            namespace="shop",
            name="churn",
            build_id="0a1b2c3d4e",
            uri="pvc://models/model.skops",
            runtime_image=f"{docker_registry}/runtimes/sklearn:1",
            repository=f"{docker_registry}/models/{folder.name}".lower().rstrip("_"),
            pull_repository="127.0.0.1:5000/models",
            runtime="sklearn",
            plain_http=True,
            source_date=1_700_000_000,
        )
        return Job(folder, request)

    return made


@pytest.fixture
def job(job_in: Callable[[Path], Job], tmp_path: Path) -> Job:
    """Return a build for one test."""
    return job_in(tmp_path)


@pytest.fixture(scope="session")
def built(job_in: Callable[[Path], Job], tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, BuildReport]:
    """Return a finished build."""
    job = job_in(tmp_path_factory.mktemp("built"))
    return job, job.run()
