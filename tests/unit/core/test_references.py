"""The ConfigMaps and Secrets that a spec refers to, and pods that read copies of them."""

from __future__ import annotations

from typing import Any

from seatrial.api import spec, validation
from seatrial.core import references
from seatrial.core.references import Reference, ReferenceKind
from tests.builders import DIGEST, SETTINGS


def parsed(**raw: Any) -> spec.Spec:
    """Return the parsed spec; its model is an image unless `raw` says otherwise."""
    return validation.validate(spec.Spec, {"model": {"image": DIGEST}, **raw})


def pod_references(**serving: Any) -> tuple[Reference, ...]:
    """Return what the pods of a spec refer to."""
    return references.pod_references(parsed(serving=serving).serving)


def test_every_field_of_the_pod_that_refers_to_an_object_is_found() -> None:
    key = {"name": "a", "key": "k"}
    required = pod_references(
        envFrom=[{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "s"}}],
        env=[{"name": "X", "valueFrom": {"configMapKeyRef": key}}],
        pod={
            "volumes": [
                {"name": "v", "secret": {"secretName": "t"}},
                {"name": "p", "projected": {"sources": [{"configMap": {"name": "b"}}]}},
            ]
        },
    )
    assert [str(reference) for reference in required] == [
        "ConfigMap a",
        "ConfigMap b",
        "Secret s",
        "Secret t",
    ]


def test_a_reference_is_required_when_one_of_two_fields_requires_it() -> None:
    required = pod_references(
        envFrom=[{"configMapRef": {"name": "a", "optional": True}}, {"configMapRef": {"name": "a"}}]
    )
    assert required == (Reference(ReferenceKind.CONFIG_MAP, "a", optional=False),)


def test_an_image_that_the_spec_names_needs_no_objects_for_a_build() -> None:
    assert references.build_references(parsed(build={"registry": {"pushSecretName": "push"}}), SETTINGS) == ()


def test_a_build_needs_the_secrets_of_source_and_registry_and_the_ca_certificates() -> None:
    model = {"uri": "s3://a/b", "credentials": {"secretName": "s3"}}
    registry = {"pushSecretName": "push", "pullSecretName": "pull", "caConfigMapName": "ca"}
    wanted = parsed(model=model, build={"registry": registry})
    assert [str(r) for r in references.build_references(wanted, SETTINGS)] == [
        "ConfigMap ca",
        "Secret pull",
        "Secret push",
        "Secret s3",
    ]


def test_a_build_from_a_config_map_needs_the_config_map() -> None:
    wanted = parsed(model={"uri": "configmap://files/model.skops"})
    assert references.build_references(wanted, SETTINGS) == (Reference(ReferenceKind.CONFIG_MAP, "files"),)


def test_pods_read_copies_of_config_maps_and_secrets_themselves() -> None:
    body = {
        "envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "a"}}],
        "volumes": [{"projected": {"sources": [{"configMap": {"name": "a", "optional": True}}]}}],
        "name": "a",
    }
    assert references.with_copies(body, {"a": "a-0"}) == {
        "envFrom": [{"configMapRef": {"name": "a-0"}}, {"secretRef": {"name": "a"}}],
        "volumes": [{"projected": {"sources": [{"configMap": {"name": "a-0", "optional": True}}]}}],
        "name": "a",
    }


def test_invalid_volumes_are_left_unchanged() -> None:
    body = {"volumes": [{"configMap": "a"}, {"configMap": {"name": ["a"]}}, {"projected": {"sources": None}}]}
    assert references.with_copies(body, {"a": "a-0"}) == body
