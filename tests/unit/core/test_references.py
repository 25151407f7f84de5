"""The ConfigMaps and Secrets of a spec: which they are, and pods that read a copy instead."""

from __future__ import annotations

from typing import Any

from seatrial.api import spec, validation
from seatrial.core import references
from seatrial.core.references import Reference, ReferenceKind
from tests.builders import DIGEST, SETTINGS


def parsed(**raw: Any) -> spec.Spec:
    return validation.validate(spec.Spec, {"model": {"image": DIGEST}, **raw})


def of_pods(**serving: Any) -> tuple[Reference, ...]:
    return references.pod_references(parsed(serving=serving).serving)


def test_every_place_that_names_one_is_found_once() -> None:
    key = {"name": "a", "key": "k"}
    found = of_pods(
        envFrom=[{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "s"}}],
        env=[{"name": "X", "valueFrom": {"configMapKeyRef": key}}],
        pod={
            "volumes": [
                {"name": "v", "secret": {"secretName": "t"}},
                {"name": "p", "projected": {"sources": [{"configMap": {"name": "b"}}]}},
            ]
        },
    )
    assert [str(reference) for reference in found] == ["ConfigMap a", "ConfigMap b", "Secret s", "Secret t"]


def test_what_one_place_needs_is_not_optional_because_another_place_says_so() -> None:
    found = of_pods(
        envFrom=[{"configMapRef": {"name": "a", "optional": True}}, {"configMapRef": {"name": "a"}}]
    )
    assert found == (Reference(ReferenceKind.CONFIG_MAP, "a", optional=False),)


def test_a_given_image_needs_nothing_to_build() -> None:
    assert references.build_references(parsed(build={"registry": {"pushSecretName": "push"}}), SETTINGS) == ()


def test_a_build_needs_its_credentials_its_logins_and_its_certificates() -> None:
    model = {"uri": "s3://a/b", "credentials": {"secretName": "s3"}}
    registry = {"pushSecretName": "push", "pullSecretName": "pull", "caConfigMapName": "ca"}
    wanted = parsed(model=model, build={"registry": registry})
    assert [str(r) for r in references.build_references(wanted, SETTINGS)] == [
        "ConfigMap ca",
        "Secret pull",
        "Secret push",
        "Secret s3",
    ]


def test_a_build_from_a_config_map_needs_it() -> None:
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


def test_what_is_no_object_is_handed_on_as_it_is() -> None:
    body = {"volumes": [{"configMap": "a"}, {"configMap": {"name": ["a"]}}, {"projected": {"sources": None}}]}
    assert references.with_copies(body, {"a": "a-0"}) == body
