"""Bad models, keys and registries: the status says why and what to do, and what the world can heal heals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.node import formats, objects
from tests.node.serving import Served, Status, applied
from tests.stage import install, models
from tests.stage.install import Stage

pytestmark = [pytest.mark.node, pytest.mark.slow]

PATIENCE = 400.0
PAUSE_LEFT = 15.0
"""Seconds; the pauses between attempts are 10, 20, 40, … up to 300."""
KEYS = {"credentials": {"secretName": install.CREDENTIALS}}
AUTHORITY = {"caConfigMapName": install.AUTHORITY}

REFUSED = {
    "wrong-digest": ("SourceDigestMismatch", "digest"),
    "no-model": ("ModelFormatUnknown", "Known formats"),
    "a-pickle": ("ModelPickleRefused", "allowPickle: true"),
    "cut-short": ("ModelLoadFailed", "upload it again"),
    "other-version": ("ModelLoadFailed", "spec.build.runtime"),
    "too-slow": ("BuildTimeout", "spec.build.timeout"),
    "too-little-memory": ("BuildOutOfMemory", "spec.build.resources.limits.memory"),
    "no-such-runtime": ("RuntimeUnknown", "spec.build.runtime"),
}
"""Name → the reason for which it is refused for good, and words that say what to do."""

WAITING = {
    "no-source": ("SourceNotFound", "check the bucket"),
    "wrong-keys": ("SourceForbidden", "credentials"),
    "no-login": ("RegistryUnauthorized", "name a dockerconfigjson Secret"),
    "wrong-login": ("RegistryUnauthorized", "pushSecretName"),
    "no-registry": ("RegistryUnavailable", "registry.lab:5999"),
    "no-host": ("RegistryUnavailable", "nowhere.lab"),
}
"""Name → the reason for which it is tried again, and words that say what to do."""

LACKING = {"no-secret": "Secret later-login", "no-config-map": "ConfigMap later-files"}
"""Name → the object beside it that does not exist yet."""


def guarded(stage: Stage, secret: str) -> dict[str, Any]:
    """The registry that asks for a password, with this Secret to push and to pull."""
    repository = f"{stage.lab.registry.guarded_inside}/models"
    return {"repository": repository, "pushSecretName": secret, "pullSecretName": secret, **AUTHORITY}


@pytest.fixture(scope="module")
def sections(warm: Stage) -> dict[str, dict[str, Any]]:
    """Name → what differs from a good spec; the files are in the store."""
    skops = models.skops_file(models.first())
    stored = {
        "no-model": warm.put_model("bad/text/notes.txt", b"not a model at all"),
        "a-pickle": warm.put_model("bad/pickle/model.joblib", formats.pickle_file(models.first())),
        "cut-short": warm.put_model("bad/cut/model.skops", models.cut_short(models.first())),
        "other-version": warm.put_model("bad/old/model.skops", formats.of_another_sklearn(skops, "0.24.2")),
        "no-source": f"s3://{install.BUCKET}/bad/absent/",
    }
    store = warm.lab.s3
    wrong = {"AWS_ENDPOINT_URL": store.inside, "AWS_REGION": store.region}
    objects.secret(
        warm, "wrong-keys", {**wrong, "AWS_ACCESS_KEY_ID": store.access_key, "AWS_SECRET_ACCESS_KEY": "wrong"}
    )
    objects.login(warm, "wrong-login", password="wrong")
    warm.lab.s3.delete(install.BUCKET, "bad/absent/model.skops")
    warm.kubectl("delete", "secret/later-login", "configmap/later-files", "--ignore-not-found")
    digits = f"s3://{install.BUCKET}/digits/1/"
    return {
        **{name: {"model": {"uri": uri, **KEYS}} for name, uri in stored.items()},
        "wrong-digest": {"model": {"uri": digits, "digest": f"sha256:{'0' * 64}", **KEYS}},
        # starts well within its time, and could not end within many times that
        "too-slow": {"build": {"timeout": "12s", "resources": {"limits": {"cpu": "50m"}}}},
        "too-little-memory": {"build": {"resources": {"limits": {"memory": "24Mi"}}}},
        "no-such-runtime": {"build": {"runtime": "sklearn-0.24"}},
        "wrong-keys": {"model": {"uri": digits, "credentials": {"secretName": "wrong-keys"}}},
        "no-login": {"build": {"registry": guarded(warm, "")}},
        "wrong-login": {"build": {"registry": guarded(warm, "wrong-login")}},
        "no-secret": {"build": {"registry": guarded(warm, "later-login")}},
        "no-config-map": {"model": {"uri": "configmap://later-files/model.skops"}},
        "no-registry": {"build": {"registry": {"repository": "registry.lab:5999/models", **AUTHORITY}}},
        "no-host": {"build": {"registry": {"repository": "nowhere.lab:5000/models", **AUTHORITY}}},
    }


@pytest.fixture(scope="module")
def bad(warm: Stage, sections: dict[str, dict[str, Any]]) -> Iterator[dict[str, Served]]:
    """All bad objects at once."""
    with applied(warm, sections) as served:
        yield served


def _details(status: dict[str, Any]) -> str:
    """Return all that the status says: its message is only as much of it as fits a line."""
    return "".join(c["message"] for c in status["conditions"] if c["type"] == "Ready")


def test_every_bad_object_is_looked_at(sections: dict[str, dict[str, Any]]) -> None:
    assert set(sections) == {*REFUSED, *WAITING, *LACKING}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_heal_is_refused_with_its_reason_and_what_to_do(
    name: str, bad: dict[str, Served]
) -> None:
    reason, words = REFUSED[name]
    status = bad[name].waits_with(reason, seconds=PATIENCE)
    print(f"{name}: {status['message']}")
    assert status["phase"] == "Failed"
    assert condition(status, "Stalled") == ("True", reason)
    assert condition(status, "Serving")[0] == "False"
    assert words in _details(status)
    assert [entry["reason"] for entry in status["rejected"]] == [reason]


@pytest.mark.parametrize("name", WAITING)
def test_what_can_heal_waits_with_its_reason_and_is_tried_again(name: str, bad: dict[str, Served]) -> None:
    reason, words = WAITING[name]
    status = bad[name].waits_with(reason, seconds=PATIENCE)
    print(f"{name}: {status['message']}")
    assert status["phase"] == "Building"
    assert condition(status, "Stalled")[0] != "True"
    assert words in _details(status)
    assert not status.get("rejected")


def test_what_the_build_mounts_is_waited_for_by_name_and_used_once_it_is_there(
    warm: Stage, bad: dict[str, Served]
) -> None:
    for name, lacking in LACKING.items():
        status = bad[name].until(_waits_for(lacking), seconds=PATIENCE)
        assert not status["build"].get("job")
    objects.login(warm, "later-login", password=warm.lab.registry.password)
    objects.files(warm, "later-files", {"model.skops": models.skops_file(models.first())})
    for name in LACKING:
        bad[name].healthy(seconds=PATIENCE)


def test_a_source_that_appears_is_served(warm: Stage, bad: dict[str, Served]) -> None:
    bad["no-source"].waits_with("SourceNotFound", seconds=PATIENCE)
    warm.put_model("bad/absent/model.skops", models.skops_file(models.first()))
    bad["no-source"].healthy(seconds=PATIENCE)
    bad["no-source"].ask()


def test_corrected_keys_are_used_at_once(warm: Stage, bad: dict[str, Served]) -> None:
    failed = _failed_again(bad["wrong-keys"])
    objects.secret(warm, "wrong-keys", {"AWS_SECRET_ACCESS_KEY": warm.lab.s3.secret_key})
    _tried_before_its_time(bad["wrong-keys"], failed)
    bad["wrong-keys"].healthy(seconds=PATIENCE)


def test_a_corrected_login_to_the_registry_is_used_at_once(warm: Stage, bad: dict[str, Served]) -> None:
    failed = _failed_again(bad["wrong-login"])
    objects.login(warm, "wrong-login", password=warm.lab.registry.password)
    _tried_before_its_time(bad["wrong-login"], failed)
    bad["wrong-login"].healthy(seconds=PATIENCE)
    bad["wrong-login"].ask()


def _failed_again(served: Served) -> Status:
    """The status after an attempt, with so much left of the pause after it that nobody takes us for its end."""
    return served.until(
        lambda s: s["build"].get("phase") == "Failed" and _pause_of(s) > PAUSE_LEFT, seconds=PATIENCE
    )


def _pause_of(status: Status) -> float:
    """Seconds until the next attempt."""
    due = datetime.fromisoformat(status["nextTransitionTime"])
    return (due - datetime.now(UTC)).total_seconds()


def _tried_before_its_time(served: Served, failed: Status) -> None:
    tried = served.until(lambda s: s["build"]["attempt"] > failed["build"]["attempt"])
    assert tried["build"]["startedAt"] < failed["nextTransitionTime"]


def test_a_broken_update_leaves_the_old_model_serving(warm: Stage) -> None:
    with applied(warm, {"steady": {}}) as served:
        steady = served["steady"]
        before = steady.healthy()
        uri = warm.put_model("bad/cut/model.skops", models.cut_short(models.first()))
        steady.apply(steady.spec(uri))
        status = steady.until(lambda s: s["phase"] == "Rejected", seconds=PATIENCE)
        answer, headers = steady.ask()
    assert answer["predictions"]
    assert headers["x-seatrial-revision"] == before["stable"]["revision"] == status["stable"]["revision"]
    assert condition(status, "Serving")[0] == "True"
    assert condition(status, "Updated")[0] == "False"
    assert condition(status, "Stalled") == ("True", "ModelLoadFailed")


def _waits_for(reference: str) -> Callable[[Status], bool]:
    """Return whether the status names this reference as missing."""
    return lambda status: status.get("missingReferences") == [reference]


def condition(status: Status, kind: str) -> tuple[str, str]:
    """The condition's status and reason."""
    return next(((c["status"], c["reason"]) for c in status["conditions"] if c["type"] == kind), ("", ""))
