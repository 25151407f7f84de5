"""http and https: one file, whole or not at all."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from model_runtime import sources
from model_runtime.builder import report
from model_runtime.failures import BuildBroken, SourceForbidden, SourceNotFound, SourceUnavailable
from model_runtime.sources import limits
from tests.unit.runtime.sources.servers import Handler, fetch_request, fetched_files, serving

CONTENT = bytes(range(256)) * 400
HALF = len(CONTENT) // 2


def whole(handler: Handler) -> None:
    handler.answer(200, CONTENT, etag='"v1"')


def test_a_file_is_fetched_with_its_version(tmp_path: Path) -> None:
    with serving(whole) as site:
        fetched = sources.fetch(fetch_request(tmp_path, f"{site.address}/a/my%20model.bin?x=1"))

    assert fetched_files(tmp_path) == {"my model.bin": CONTENT}
    assert fetched.single_file
    assert (fetched.details["etag"], fetched.details["size"]) == ("v1", str(len(CONTENT)))


def flaky(*first: Callable[[Handler], None]) -> Callable[[Handler], None]:
    """Each of these once, then the whole file."""
    left = list(first)

    def answers(handler: Handler) -> None:
        (left.pop(0) if left else resumable)(handler)

    return answers


def resumable(handler: Handler) -> None:
    asked = handler.headers.get("range", "")
    if asked and handler.headers.get("if-range") == '"v1"':
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        return handler.answer(
            206, CONTENT[start:], content_range=f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        )
    return whole(handler)


def breaks_off(handler: Handler) -> None:
    handler.answer(200, CONTENT[:HALF], etag='"v1"', content_length=str(len(CONTENT)))
    handler.break_off()


def breaks_off_without_version(handler: Handler) -> None:
    handler.answer(200, b"other" * 9, content_length=str(len(CONTENT)))
    handler.break_off()


def breaks_off_as_another_version(handler: Handler) -> None:
    handler.answer(200, b"other" * 9, etag='"v0"', content_length=str(len(CONTENT)))
    handler.break_off()


def busy(handler: Handler) -> None:
    handler.answer(503, retry_after="0")


def lies(handler: Handler) -> None:
    handler.answer(206, b"x", content_range="bytes 7-8/9")


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(flaky(busy, busy), id="that is busy at first"),
        pytest.param(flaky(breaks_off), id="that breaks off"),
        pytest.param(flaky(breaks_off, breaks_off), id="that breaks off twice"),
        pytest.param(flaky(breaks_off_without_version), id="that breaks off and names no version"),
        pytest.param(flaky(breaks_off_as_another_version), id="whose file is replaced meanwhile"),
        pytest.param(flaky(lies), id="that answers what was not asked"),
    ],
)
def test_a_file_is_complete_when_the_server(tmp_path: Path, answers: Callable[[Handler], None]) -> None:
    with serving(answers) as site:
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin"))

    assert fetched_files(tmp_path) == {"m.bin": CONTENT}


def shares(total: str, **headers: str) -> Callable[[Handler], None]:
    """Return a server that sends its first half as a part of this total."""
    return lambda handler: handler.answer(
        206, CONTENT[:HALF], content_range=f"bytes 0-{HALF - 1}/{total}", **headers
    )


@pytest.mark.parametrize("version", [{}, {"etag": '"v1"'}], ids=["without a version", "with one"])
@pytest.mark.parametrize("total", ["*", str(len(CONTENT))])
def test_an_unrequested_part_is_not_the_whole_file(
    tmp_path: Path, total: str, version: dict[str, str]
) -> None:
    with serving(flaky(shares(total, **version))) as site:
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin"))
    assert fetched_files(tmp_path) == {"m.bin": CONTENT}

    with (
        serving(shares("*", **version)) as site,
        pytest.raises(SourceUnavailable, match="a part of the file"),
    ):
        sources.fetch(fetch_request(tmp_path / "again", f"{site.address}/m.bin"))


def test_a_part_without_a_total_is_checked_against_the_earlier_size(tmp_path: Path) -> None:
    def a_bit(handler: Handler) -> None:
        start = int(handler.headers.get("range", "").removeprefix("bytes=").rstrip("-"))
        handler.answer(206, CONTENT[start : start + 9], content_range=f"bytes {start}-{start + 8}/*")

    with serving(flaky(breaks_off, a_bit)) as site:
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin"))

    assert fetched_files(tmp_path) == {"m.bin": CONTENT}


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "zstd", "deflate", "gzip, gzip"])
def test_a_compressed_response_is_rejected(tmp_path: Path, encoding: str) -> None:
    packs = serving(lambda handler: handler.answer(200, b"packed", content_encoding=encoding))
    with packs as site, pytest.raises(SourceUnavailable, match=r"compresses it .*turn its compression off"):
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin"))


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("m.tar.gz", "gzip"), ("m.tgz", "x-gzip"), ("m.tar.xz", "xz"), ("m.bin", "identity"), ("m.bin", "")],
)
def test_a_content_encoding_that_is_the_files_own_format_is_accepted(
    tmp_path: Path, name: str, encoding: str
) -> None:
    with serving(lambda handler: handler.answer(200, b"packed", content_encoding=encoding)) as site:
        sources.fetch(fetch_request(tmp_path, f"{site.address}/{name}"))

    assert fetched_files(tmp_path) == {name: b"packed"}


@pytest.mark.parametrize("name", ["a" * 300, "a%0Ab", "..%2Fm", "a%5Cb"])
def test_an_address_with_an_invalid_file_name_is_reported(tmp_path: Path, name: str) -> None:
    with (
        serving(whole) as site,
        pytest.raises(BuildBroken, match=r"^spec\.model\.uri names .*correct it, or rename"),
    ):
        sources.fetch(fetch_request(tmp_path, f"{site.address}/{name}"))


def test_an_interrupted_download_is_resumed(tmp_path: Path) -> None:
    with serving(flaky(breaks_off)) as site:
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin"))

    assert {key.lower(): value for key, value in site.requests[1][2].items()}["range"] == f"bytes={HALF}-"


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (404, SourceNotFound),
        (410, SourceNotFound),
        (401, SourceForbidden),
        (403, SourceForbidden),
        (418, SourceUnavailable),
        (500, SourceUnavailable),
    ],
)
def test_an_error_status_has_its_reason(tmp_path: Path, status: int, failure: type[Exception]) -> None:
    with serving(lambda handler: handler.answer(status)) as site, pytest.raises(failure, match=str(status)):
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin"))


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("secret", "said"),
    [
        pytest.param(
            None,
            {
                401: "it requires credentials, and none are named: name ",
                403: "if the address is signed, its signature may have expired; else name ",
            },
            id="no Secret",
        ),
        pytest.param(
            {"AWS_ACCESS_KEY_ID": "id"},
            "it requires credentials, and the Secret in spec.model.credentials has neither username nor token",
            id="a Secret for something else",
        ),
        pytest.param(
            {"username": "jo", "password": "pw"},
            "check username and password in the Secret in spec.model.credentials, and what that user may read",
            id="a user",
        ),
        pytest.param(
            {"token": "abc"},
            "check token in the Secret in spec.model.credentials, and what it may read",
            id="a token",
        ),
    ],
)
def test_access_denied_describes_the_secret_as_it_is(
    tmp_path: Path, secret: dict[str, str] | None, said: str | dict[int, str], status: int
) -> None:
    wanted = "a Secret with username and password, or with token, in spec.model.credentials.secretName"
    said = f"{said[status]}{wanted}" if isinstance(said, dict) else said
    if secret is not None:
        (tmp_path / "credentials").mkdir()
    for key, value in (secret or {}).items():
        (tmp_path / "credentials" / key).write_text(value)
    with serving(lambda handler: handler.answer(status)) as site, pytest.raises(SourceForbidden) as failed:
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin"))

    assert failed.value.message == f"{site.address}/m.bin denies access with {status}: {said}."
    told = report.of_failure(failed.value, work=tmp_path, seconds={}).message
    assert told == failed.value.message, "our own sentence is not taken for a secret"


def test_an_error_of_a_proxy_is_not_reported_as_the_servers(tmp_path: Path) -> None:
    with serving(lambda handler: handler.answer(407)) as site, pytest.raises(SourceForbidden) as failed:
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin"))

    assert failed.value.message.endswith(
        "with 407: a proxy requires credentials; configure it to let builds pass."
    )


@pytest.mark.parametrize(
    ("secret", "header"),
    [
        ({"token": "abc\n"}, "Bearer abc"),
        ({"username": "jo", "password": "pw"}, "Basic " + base64.b64encode(b"jo:pw").decode()),
    ],
)
def test_credentials_are_sent_as_in_the_secret(tmp_path: Path, secret: dict[str, str], header: str) -> None:
    (tmp_path / "credentials").mkdir()
    for key, value in secret.items():
        (tmp_path / "credentials" / key).write_text(value)
    with serving(whole) as site:
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin"))

    assert {key.lower(): value for key, value in site.requests[0][2].items()}["authorization"] == header


def test_credentials_are_not_sent_to_another_host(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "token").write_text("abc")
    with serving(whole) as other:
        elsewhere = other.address.replace("127.0.0.1", "localhost")
        with serving(lambda handler: handler.answer(302, location=f"{elsewhere}/m.bin")) as site:
            sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin"))

    assert "authorization" not in {key.lower() for key in other.asked[0][2]}


@pytest.mark.parametrize("name", ["..%2Fescaped", "a%0Ab", "%2e%2e", "a%5Cb"])
def test_an_invalid_name_is_rejected(tmp_path: Path, name: str) -> None:
    with serving(whole) as site, pytest.raises((BuildBroken, SourceNotFound)):
        sources.fetch(fetch_request(tmp_path, f"{site.address}/{name}"))
    assert fetched_files(tmp_path) == {}


def test_a_file_that_is_too_large_is_reported_before_the_disk_is_full(tmp_path: Path) -> None:
    small = limits.Limits(10, 1000, tmp_path)
    with serving(whole) as site, pytest.raises(BuildBroken, match=r"no space.*spec\.build\.resources"):
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m.bin", limits=small))


def test_an_unresolvable_server_name_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as failed:
        sources.fetch(fetch_request(tmp_path, "http://nowhere.invalid/m.skops"))

    said = "http://nowhere.invalid/m.skops cannot be read: the name of its server cannot be resolved"
    assert failed.value.message.startswith(said)
