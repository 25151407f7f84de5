"""Volumes and mounts of the server's pods: what is accepted and what is rejected."""

from typing import Any

import pytest

from tests.unit.api.bodies import error_of


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param({"configMap": "c"}, '.configMap: expected an object, got "c"', id="a text"),
        pytest.param({"projected": {"sources": None}}, ".projected.sources: expected a list", id="null"),
        pytest.param({"projected": {"sources": ["c"]}}, ".projected.sources[0]: expected an object", id="c"),
        pytest.param(
            {"projected": {"sources": [{"secret": "s"}]}},
            ".projected.sources[0].secret: expected an object",
            id="a text in a source",
        ),
        pytest.param(
            {"configMap": {"name": "../pods"}},
            ".configMap.name: expected the name of an object in the same namespace",
            id="a path",
        ),
        pytest.param(
            {"projected": {"sources": [{"configMap": {}}, {"serviceAccountToken": {"path": "t"}}]}},
            ".projected.sources[1].serviceAccountToken: must not be set, because server pods get no token",
            id="a token",
        ),
        pytest.param({"secret": {"secretName": ["s"]}}, ".secret.secretName: expected the name", id="a list"),
    ],
)
def test_other_volumes_are_rejected(raw: dict[str, Any], message: str) -> None:
    pod = {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", **raw}]}
    assert f"spec.serving.pod.volumes[1]{message}" in error_of({"serving": {"pod": pod}})


@pytest.mark.parametrize("kind", ["hostPath", "nfs", "image", "x" * 200])
def test_a_volume_of_another_kind_is_an_unknown_field(kind: str) -> None:
    message = error_of({"serving": {"pod": {"volumes": [{"name": "a", kind: {}}]}}})
    assert message.startswith(f'unknown field "spec.serving.pod.volumes[0].{kind[:70]}')
    assert "known fields: name, configMap, csi," in message
    assert len(message) < 350


@pytest.mark.parametrize("kinds", [{}, {"emptyDir": {}, "secret": {"secretName": "s"}}])
def test_a_volume_has_exactly_one_kind(kinds: dict[str, Any]) -> None:
    message = error_of({"serving": {"pod": {"volumes": [{"name": "a", **kinds}]}}})
    assert "spec.serving.pod.volumes[0]: set exactly one of configMap, csi," in message


@pytest.mark.parametrize("mount", [{"name": "a"}, {"name": "a", "mountPath": 7}, {"mountPath": ""}])
def test_a_mount_requires_a_path(mount: dict[str, Any]) -> None:
    message = error_of({"serving": {"pod": {"volumeMounts": [mount]}}})
    assert "spec.serving.pod.volumeMounts[0].mountPath: expected a string of 1 to 1024 characters" in message
