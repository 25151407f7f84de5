"""Object stores: folders that are objects, keys that are none, large objects, and sentences about what is wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from model_runtime import sources
from model_runtime.builder import report
from model_runtime.failures import BuildBroken, BuildFailure, SourceForbidden, SourceNotFound
from model_runtime.failures import SourceUnavailable as Unavailable
from model_runtime.sources import credentials, object_store, object_store_errors
from tests.unit.runtime.registry.fixtures import free_port
from tests.unit.runtime.sources.servers import Handler, bucket, fetch_request, fetched_files, serving

LONG_AGO = "Sat, 01 Nov 2025 00:00:00 GMT"


def secret(folder: Path, address: str, **more: str) -> None:
    (folder / "credentials").mkdir(exist_ok=True)
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_ENDPOINT_URL": address, **more}
    for key, value in keys.items():
        (folder / "credentials" / key).write_text(value)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "RETRIES", {**object_store.RETRIES, "max_retries": 1})


# folders


@pytest.mark.parametrize(
    "markers",
    [
        pytest.param(["churn/7/"], id="for the folder itself"),
        pytest.param(["churn/7/deep/"], id="for a folder in it"),
        pytest.param(["churn/7/", "churn/7/deep/", "churn/7/deep/er/"], id="for all folders"),
        pytest.param(["churn/7/empty/"], id="for a folder without files"),
    ],
)
def test_a_folder_object_of_a_console_is_not_a_file(tmp_path: Path, markers: list[str]) -> None:
    files = {"churn/7/m.onnx": b"model", "churn/7/deep/er/x": b"1", "churn/7/nothing": b""}
    with serving(bucket({**files, **dict.fromkeys(markers, b"")})) as site:
        secret(tmp_path, site.address)
        sources.fetch(fetch_request(tmp_path, "s3://models/churn/7/"))

    assert fetched_files(tmp_path) == {"m.onnx": b"model", "deep/er/x": b"1", "nothing": b""}


@pytest.mark.parametrize("uri", ["s3://models/churn/7/", "s3://models/churn/7", "s3://models/churn/"])
def test_a_folder_with_only_folders_has_no_files(tmp_path: Path, uri: str) -> None:
    with serving(bucket({"churn/7/": b""})) as site:
        secret(tmp_path, site.address)
        with pytest.raises(SourceNotFound, match=r"has no files|has no objects"):
            sources.fetch(fetch_request(tmp_path, uri))


def test_an_object_that_is_a_file_and_a_folder_is_reported_with_its_key(tmp_path: Path) -> None:
    with serving(bucket({"f/a": b"1", "f/a/b": b"2"})) as site:
        secret(tmp_path, site.address)
        with pytest.raises(BuildBroken, match=r"'f/a/b', which .*Rename one of the two"):
            sources.fetch(fetch_request(tmp_path, "s3://models/f/"))


# keys


@pytest.mark.parametrize("key", ["a//b", "/b", "a//", "../b", "a/../b", "./b", "a/.", "a\nb", "a\x7fb"])
def test_an_invalid_key_is_reported_as_permanent_without_a_request(tmp_path: Path, key: str) -> None:
    with serving(bucket({"b": b"another"})) as site:
        secret(tmp_path, site.address)
        with pytest.raises(BuildBroken, match=r"^spec\.model\.uri s3://models/.*Correct it"):
            sources.fetch(fetch_request(tmp_path, f"s3://models/{key}"))
    assert site.requests == []


@pytest.mark.parametrize("name", ["mo dels", "mo?dels", "", "mo#dels", "_m"])
def test_an_invalid_bucket_is_reported_as_permanent_without_a_request(tmp_path: Path, name: str) -> None:
    with serving(bucket({"f/a": b"1"})) as site:
        secret(tmp_path, site.address)
        with pytest.raises(BuildBroken, match="names no valid bucket"):
            sources.fetch(fetch_request(tmp_path, f"s3://{name}/f/"))
    assert site.requests == []


@pytest.mark.parametrize("key", ["f//m.onnx", "f/a\nb", "f/../m", "f/./m"])
def test_an_object_that_cannot_be_fetched_is_reported_as_permanent_with_its_key(
    tmp_path: Path, key: str
) -> None:
    with serving(bucket({"f/x": b"1", key: b"2"})) as site:
        secret(tmp_path, site.address)
        with pytest.raises(BuildBroken, match="Rename the object") as failure:
            sources.fetch(fetch_request(tmp_path, "s3://models/f/"))
    assert repr(key) in failure.value.message


def test_a_key_with_a_question_mark_is_reported_in_full(tmp_path: Path) -> None:
    with serving(bucket({"what?/m": b"1"})) as site:
        secret(tmp_path, site.address)
        sources.fetch(fetch_request(tmp_path, "s3://models/what?/"))
        with pytest.raises(SourceNotFound, match=r"^s3://models/what\?/n has no objects") as failed:
            sources.fetch(fetch_request(tmp_path, "s3://models/what?/n"))

    assert fetched_files(tmp_path) == {"m": b"1"}
    _has_no_words_of_the_client(failed.value, tmp_path)


# large objects


def test_an_interrupted_object_is_resumed_however_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "READ_TIMEOUT", timedelta(seconds=0.3))
    over = threading.Event()

    def stalls(handler: Handler) -> None:
        start = int(handler.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        same = {"etag": '"e1"', "last_modified": LONG_AGO}
        if start or handler.command == "HEAD":
            part = {"content_range": f"bytes {start}-9/10"} if start else {"content_length": "10"}
            return handler.answer(206 if start else 200, b"0123456789"[start:], **same, **part)
        handler.answer(200, b"01234", content_length="10", **same)
        over.wait(30)
        return handler.break_off()

    with serving(stalls) as site:
        secret(tmp_path, site.address)
        sources.fetch(fetch_request(tmp_path, "s3://models/m"))
        over.set()

    assert fetched_files(tmp_path) == {"m": b"0123456789"}
    assert [seen[2].get("range") for seen in site.requests] == [None, None, "bytes=5-9"]


def test_only_the_job_limits_the_duration_of_a_fetch(tmp_path: Path) -> None:
    made = object_store._store("models", {"aws_region": "x"}, fetch_request(tmp_path, "s3://models/m"))

    assert made.client_options is not None
    assert made.retry_config is not None
    assert str(made.client_options["timeout"]).endswith("days")
    assert made.retry_config["retry_timeout"] >= timedelta(days=1)


# what is wrong


def says(status: int, code: str = "", **headers: str) -> Callable[[Handler], None]:
    content = f"<Error><Code>{code}</Code><Region>eu-west-7</Region></Error>" if code else ""
    return lambda handler: handler.answer(status, content.encode(), **headers)


def breaks_off(handler: Handler) -> None:
    handler.answer(200, b"<List", content_length="999")
    handler.break_off()


def portal(handler: Handler) -> None:
    handler.answer(200, b"<html><br>log in here</html>")


REGION = "set AWS_REGION in the Secret in spec.model.credentials to the bucket's region"
KEYS = r"check the Secret in spec.model.credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
ENDPOINT = "check AWS_ENDPOINT_URL in the Secret in spec.model.credentials"


@pytest.mark.parametrize(
    ("answers", "failure", "said"),
    [
        pytest.param(says(301, "PermanentRedirect"), Unavailable, f"redirect: {REGION}.", id="moved"),
        pytest.param(
            says(400, "AuthorizationHeaderMalformed"),
            Unavailable,
            f"responds with 400 (AuthorizationHeaderMalformed): {REGION}, eu-west-7.",
            id="region",
        ),
        pytest.param(
            says(500, "InternalError"),
            Unavailable,
            "responds with 500 (InternalError) to every attempt",
            id="500",
        ),
        pytest.param(says(429, "SlowDown"), Unavailable, "its rate limit is reached.", id="busy"),
        pytest.param(says(412), Unavailable, "responds with 412.", id="unexpected"),
        pytest.param(portal, Unavailable, f"like an object store: {ENDPOINT}.", id="a page of a portal"),
        pytest.param(says(200), Unavailable, f"like an object store: {ENDPOINT}.", id="nothing"),
        pytest.param(breaks_off, Unavailable, "was interrupted several times.", id="half"),
        pytest.param(says(403), SourceForbidden, f"denies access (403): {KEYS}", id="403"),
        pytest.param(says(400, "ExpiredToken"), SourceForbidden, f"(ExpiredToken): {KEYS}", id="expired"),
        pytest.param(
            says(404, "XAdminUserNotFound"), SourceForbidden, f"(XAdminUserNotFound): {KEYS}", id="nobody"
        ),
        pytest.param(
            says(403, "SignatureDoesNotMatch"), SourceForbidden, f"(SignatureDoesNotMatch): {KEYS}", id="sig"
        ),
        pytest.param(says(404, "NoSuchBucket"), SourceNotFound, "there is no such bucket at", id="bucket"),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_an_error_of_the_store_is_reported_with_cause_and_remedy(
    tmp_path: Path, answers: Callable[[Handler], None], failure: type[BuildFailure], said: str
) -> None:
    with serving(answers) as site:
        secret(tmp_path, site.address)
        with pytest.raises(failure) as failed:
            sources.fetch(fetch_request(tmp_path, "s3://models/f/"))

    host = site.address.removeprefix("http://")
    assert failed.value.message.startswith("s3://models/f/")
    assert said in failed.value.message
    assert failure is SourceForbidden or host in failed.value.message
    _has_no_words_of_the_client(failed.value, tmp_path)


def _has_no_words_of_the_client(failure: BuildFailure, folder: Path) -> None:
    told = report.of_failure(failure, work=folder, seconds={}).message
    assert told == failure.message, "our own sentence is not taken for a secret"
    assert not [word for word in ("Generic", "Error performing", "<", "retry_timeout", "\n") if word in told]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        pytest.param("http://127.0.0.1:{port}", "the connection is refused", id="refused"),
        pytest.param("http://nowhere.invalid:9000", "its name cannot be resolved", id="no such name"),
        pytest.param("https://{site}", "it serves http without TLS", id="no tls"),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_an_unreachable_store_is_reported_with_host_and_cause(
    tmp_path: Path, address: str, said: str
) -> None:
    with serving(bucket({})) as site:
        where = address.format(port=free_port(), site=site.address.removeprefix("http://"))
        secret(tmp_path, where)
        with pytest.raises(Unavailable, match=f"cannot be reached, {said}.*: {ENDPOINT}") as failed:
            sources.fetch(fetch_request(tmp_path, "s3://models/f/"))

    assert where.partition("://")[2] in failed.value.message
    _has_no_words_of_the_client(failed.value, tmp_path)


def test_access_denied_without_a_secret_suggests_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with serving(says(403, "AccessDenied")) as site:
        secret(tmp_path, site.address, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
        with pytest.raises(SourceForbidden, match="name a Secret with AWS_ACCESS_KEY_ID and"):
            sources.fetch(fetch_request(tmp_path, "s3://models/f/"))


@pytest.mark.parametrize("lacks", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_an_incomplete_login_is_reported(tmp_path: Path, lacks: str) -> None:
    secret(tmp_path, "http://127.0.0.1:9", **{lacks: ""})
    with pytest.raises(SourceForbidden, match="must have both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        sources.fetch(fetch_request(tmp_path, "s3://models/f/"))


def test_a_store_that_times_out_is_reported() -> None:
    asked = object_store_errors.StoreRequest("s3://models/f/", "s3.shop", "check")
    said = object_store_errors.failure_of(
        TimeoutError("error sending request ... kind: TimedOut"), asked
    ).message

    assert "s3.shop cannot be reached, it does not respond in time" in said


def test_a_secret_that_is_not_named_is_described_as_such(tmp_path: Path) -> None:
    asked = object_store_errors.StoreRequest(
        "s3://models/f/", "s3.shop", "check", credentials.description(tmp_path / "nowhere")
    )
    said = object_store_errors.failure_of(
        TimeoutError("error sending request ... kind: TimedOut"), asked
    ).message

    assert "check AWS_ENDPOINT_URL in the Secret in spec.model.credentials (none is named), and that" in said
