"""First deployments, builds, and configuration."""

from __future__ import annotations

from model_runtime import contract
from seatrial.api.objects import Body
from tests.golden import pods, situations
from tests.golden.play import V1, Play

SETTINGS_MAP = {"envFrom": [{"configMapRef": {"name": "churn-settings"}}]}


def _settings(text: str) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "churn-settings", "namespace": "shop", "resourceVersion": "7"},
        "data": {"LOG_LEVEL": text},
    }


@situations.situation
def first_deploy_of_an_image() -> Play:
    return Play().apply(model={"image": V1}, scaling={"replicas": 3})


@situations.situation
def first_deploy_to_build() -> Play:
    return Play().apply(model=situations.URI)


@situations.situation
def first_deploy_while_its_pods_start() -> Play:
    return Play().apply(model={"image": V1}, scaling={"replicas": 3}).later(10)


@situations.situation
def first_deploy_that_crashes() -> Play:
    return Play().apply(model={"image": V1}, scaling={"replicas": 3}).later(10).pods("canary", pods.crashing)


@situations.situation
def first_deploy_paused() -> Play:
    return Play().apply(model={"image": V1}, paused=True)


@situations.situation
def zero_replicas() -> Play:
    return Play().apply(model={"image": V1}, scaling={"replicas": 0})


@situations.situation
def build_ended_with_an_image() -> Play:
    return Play().apply(model=situations.URI).later(30).wait(31)


@situations.situation
def build_whose_source_is_missing() -> Play:
    report = contract.BuildReport(
        reason="SourceNotFound", message="s3://models/churn/7/ has no object; upload the model"
    )
    return Play().apply(model=situations.URI).later(10).job_ends(report)


@situations.situation
def build_that_needs_another_runtime() -> Play:
    report = contract.BuildReport(
        reason=contract.RUNTIME_MISMATCH, format="onnx", wanted_runtime="onnx", message="format onnx"
    )
    return Play().apply(model=situations.URI).later(10).job_ends(report)


@situations.situation
def build_that_failed_for_good_while_stable_serves() -> Play:
    report = contract.BuildReport(
        reason="ModelPickleRefused",
        message="model.pkl runs code when it is loaded; save it with skops, or set spec.model.allowPickle",
    )
    return situations.serving().wait(3600).apply(model=situations.URI).later(10).job_ends(report)


@situations.situation
def autoscaled_first_deploy() -> Play:
    return Play().apply(model={"image": V1}, scaling={"minReplicas": 2, "maxReplicas": 10}).later(14).wait(1)


@situations.situation
def configuration_is_copied() -> Play:
    return Play().having(_settings("info")).apply(model={"image": V1}, serving=SETTINGS_MAP)


@situations.situation
def configuration_has_changed() -> Play:
    play = Play().having(_settings("info")).apply(model={"image": V1}, serving=SETTINGS_MAP).rest()
    return play.wait(600).having(_settings("debug")).later(1)


@situations.situation
def stable_is_sick_at_rest() -> Play:
    return situations.serving().wait(3600).pods("stable", pods.crashing)


def everything_but_a_build() -> Play:
    """Return a first deployment whose children are of every kind but a Job."""
    scaling = {"minReplicas": 2, "maxReplicas": 10}
    return Play().having(_settings("info")).apply(model={"image": V1}, serving=SETTINGS_MAP, scaling=scaling)
