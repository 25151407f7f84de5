"""What the server relies on in BentoML beyond its public API: one test for each assumption.

A test that fails here after an upgrade of BentoML names what `bento_internals` has to change.
"""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.source import ROOT, files

INTERNALS = ("_bentoml_impl", "_bentoml_sdk", "bentoml._internal")
ADAPTER = "model_runtime/server/bento_internals.py"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # BentoML's imports cause them


def test_only_the_adapter_imports_internals() -> None:
    found = {
        file.name
        for file in files("model_runtime")
        if any(
            name == internal or name.startswith(f"{internal}.")
            for name in file.imports()
            for internal in INTERNALS
        )
    }
    assert found == {ADAPTER}


def test_no_private_attribute_of_bentoml_is_used_outside_the_adapter() -> None:
    for file in files("model_runtime"):
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                private = node.value.id == "bentoml" and node.attr.startswith("_")
                assert not private, f"{file.name}:{node.lineno}"


def test_a_service_creates_its_application_with_the_factory() -> None:
    from _bentoml_impl.server.app import ServiceAppFactory
    from _bentoml_sdk.service.factory import Service

    assert "ServiceAppFactory(self, is_main=is_main)" in inspect.getsource(Service.to_asgi)
    assert callable(Service.inject_config)
    assert list(inspect.signature(ServiceAppFactory.__init__).parameters)[:3] == [
        "self",
        "service",
        "is_main",
    ]


def test_the_factory_lists_the_metrics_middleware_under_its_class_name() -> None:
    from _bentoml_impl.server.app import ServiceAppFactory

    from model_runtime.server.bento_internals import METRICS_MIDDLEWARE
    from model_runtime.server.bento_service import ModelServer

    assert isinstance(ServiceAppFactory.middlewares, property)
    ModelServer.inject_config()
    middlewares = ServiceAppFactory(ModelServer, is_main=True).middlewares
    assert METRICS_MIDDLEWARE in [entry.cls.__name__ for entry in middlewares]


def test_the_factory_lists_added_middlewares_under_their_class_names() -> None:
    from _bentoml_impl.server.app import ServiceAppFactory

    from model_runtime.server.bento_service import ModelServer
    from model_runtime.server.routes import FastPath

    ModelServer.inject_config()
    middlewares = ServiceAppFactory(ModelServer, is_main=True).middlewares
    assert FastPath in [entry.cls for entry in middlewares]


def test_only_the_kept_middlewares_remain() -> None:
    from model_runtime.server.bento_internals import METRICS_MIDDLEWARE
    from model_runtime.server.bento_service import ModelServer
    from model_runtime.server.routes import FastPath

    application = ModelServer.to_asgi(is_main=True)
    names = [entry.cls.__name__ for entry in application.user_middleware]
    assert names == [METRICS_MIDDLEWARE, FastPath.__name__]


def test_the_decorator_accepts_a_class_of_services() -> None:
    from model_runtime.server.bento_internals import LeanService
    from model_runtime.server.bento_service import ModelServer

    assert isinstance(ModelServer, LeanService)


def test_the_schema_method_makes_the_document_of_its_path() -> None:
    from _bentoml_impl.server.app import ServiceAppFactory

    assert "self.service.schema()" in inspect.getsource(ServiceAppFactory.schema_view)


def test_the_openapi_property_makes_the_document_of_its_path() -> None:
    from _bentoml_impl.server.app import ServiceAppFactory
    from _bentoml_sdk.service.factory import Service

    assert isinstance(Service.openapi_spec, property)
    assert "self.service.openapi_spec" in inspect.getsource(ServiceAppFactory.openapi_spec_view)
    assert "asdict" in inspect.getsource(ServiceAppFactory.openapi_spec_view)


def test_the_container_provides_the_metrics_client() -> None:
    from bentoml._internal.configuration.containers import BentoMLContainer

    from model_runtime.server.bento_internals import use_in_process_metrics

    use_in_process_metrics()
    client = BentoMLContainer.metrics_client.get()
    assert client.multiproc is False
    assert callable(client.generate_latest)


def test_the_server_context_has_the_labels_of_the_metrics() -> None:
    from bentoml._internal.context import server_context

    for name in ("service_type", "service_name", "bento_name", "bento_version"):
        assert hasattr(server_context, name), name


def test_a_service_without_a_bento_has_none() -> None:
    from model_runtime.server.bento_service import ModelServer

    assert ModelServer.bento is None
    assert ModelServer.name == "model"


def test_the_loader_accepts_a_folder_and_the_service_knows_its_bento() -> None:
    from _bentoml_impl.loader import load

    parameters = inspect.signature(load).parameters
    assert next(iter(parameters)) == "bento_identifier"
    assert "standalone_load" in parameters


def test_a_build_finds_uv_in_the_path(tmp_path: Path) -> None:
    """Otherwise it would install uv from the internet: `builder.bento` puts a stub first in PATH."""
    from bentoml._internal.configuration import get_uv_command

    (tmp_path / "uv").write_text("#!/bin/sh\nexit 64\n")
    (tmp_path / "uv").chmod(0o755)
    script = f"from {get_uv_command.__module__} import get_uv_command; print(get_uv_command()[0])"
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(ROOT), "BENTOML_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == tmp_path / "uv"
