"""Sources that change while they are read, or differ from what their address says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from model_runtime import sources
from model_runtime.failures import (
    BuildBroken,
    BuildFailure,
    SourceForbidden,
    SourceNotFound,
    SourceUnavailable,
)
from model_runtime.sources import address, limits, mounted_volume
from model_runtime.sources.progress import Progress
from tests.unit.runtime.builder.harness import Job, web_server
from tests.unit.runtime.sources.servers import Handler, bucket, fetch_request, fetched_files, serving


def secret(folder: Path, **keys: str) -> None:
    (folder / "credentials").mkdir(exist_ok=True)
    for key, value in keys.items():
        (folder / "credentials" / key).write_text(value)


# web servers


@pytest.mark.parametrize("token", ["hid\nden", "hid\rden", "hidden\x00x", "hiddén", "hid\tden"])
def test_a_token_that_no_header_can_carry_is_reported_without_quoting_it(tmp_path: Path, token: str) -> None:
    secret(tmp_path, token=token)
    with (
        serving(lambda handler: handler.answer(200, b"m")) as site,
        pytest.raises(SourceForbidden, match=r"spec\.model\.credentials") as failure,
    ):
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m"))

    assert site.requests == []
    assert "hid" not in failure.value.message


def test_a_part_of_a_file_is_not_the_whole_file(tmp_path: Path) -> None:
    def parts(handler: Handler) -> None:
        start = int(handler.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        end = min(start + 4, 10)
        handler.answer(
            206, b"0123456789"[start:end], etag='"v1"', content_range=f"bytes {start}-{end - 1}/10"
        )

    with serving(parts) as site:
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m"))

    assert fetched_files(tmp_path) == {"m": b"0123456789"}


def test_two_versions_are_never_mixed_when_the_server_ignores_if_range(tmp_path: Path) -> None:
    answers: list[Callable[[Handler], None]] = [
        lambda handler: _half(handler, b"old" * 10, '"v1"'),
        lambda handler: handler.answer(206, b"new" * 5, etag='"v2"', content_range="bytes 15-29/30"),
        lambda handler: handler.answer(200, b"new" * 10, etag='"v2"'),
    ]

    def in_turn(handler: Handler) -> None:
        answers.pop(0)(handler)

    with serving(in_turn) as site:
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m"))

    assert fetched_files(tmp_path) == {"m": b"new" * 10}


def _half(handler: Handler, content: bytes, version: str) -> None:
    handler.answer(200, content[: len(content) // 2], etag=version, content_length=str(len(content)))
    handler.break_off()


def test_a_redirect_loop_means_an_unavailable_source(tmp_path: Path) -> None:
    endless = serving(lambda handler: handler.answer(302, location="/m"))
    with endless as site, pytest.raises(SourceUnavailable, match="cannot be read"):
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m"))


def test_a_redirect_to_an_invalid_port_means_an_unavailable_source(tmp_path: Path) -> None:
    astray = serving(lambda handler: handler.answer(302, location="http://127.0.0.1:99999/m"))
    with astray as site, pytest.raises(SourceUnavailable, match="cannot be read"):
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m"))


@pytest.mark.parametrize(
    "uri", ["http://h:port/m", "http://jo:hid/den@h/m", "http://[::x/m", "http://h:99999999/m"]
)
def test_an_invalid_address_is_reported_without_secrets(tmp_path: Path, uri: str) -> None:
    with pytest.raises(BuildFailure) as failure:
        sources.fetch(fetch_request(tmp_path, uri))

    assert failure.value.reason == "BuildFailed"
    assert "spec.model.uri" in failure.value.message
    assert "hid" not in failure.value.message


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://jo:hid/den@h/m", "http://…"),
        ("https://[bad/m", "https://…"),
        ("https://h:8443/m?hidden", "https://h:8443/m"),
        ("https://hidden@h/m#hidden", "https://h/m"),
    ],
)
def test_a_possible_password_is_never_shown(uri: str, shown: str) -> None:
    assert address.redacted(uri) == shown


# stores


@pytest.mark.parametrize("key", ["a b/ü ö.bin", "模型/m.bin", "a+b/c&d=e.bin", "x'y.bin", "100%.bin"])
def test_objects_may_have_names_with_spaces_and_any_letters(tmp_path: Path, key: str) -> None:
    with serving(bucket({key: b"m"})) as site:
        secret(tmp_path, endpoint=site.address)
        sources.fetch(fetch_request(tmp_path, f"s3://models/{key}"))

    assert fetched_files(tmp_path) == {key.rpartition("/")[2]: b"m"}


def _changing(handler: Handler, head: dict[str, str], got: tuple[bytes, str]) -> None:
    if handler.command == "HEAD":
        return handler.answer(200, last_modified="Sat, 01 Nov 2025 00:00:00 GMT", **head)
    return handler.answer(200, got[0], etag=got[1], last_modified="Sat, 01 Nov 2025 00:00:00 GMT")


@pytest.mark.parametrize(
    ("content", "etag"),
    [
        pytest.param(b"other", '"e2"', id="another version"),
        pytest.param(b"longer than it was", '"e1"', id="longer"),
        pytest.param(b"x", '"e1"', id="shorter"),
    ],
)
def test_an_object_that_is_replaced_during_the_download_is_reported(
    tmp_path: Path, content: bytes, etag: str
) -> None:
    head = {"etag": '"e1"', "content_length": "5"}
    with serving(lambda handler: _changing(handler, head, (content, etag))) as site:
        secret(tmp_path, endpoint=site.address)
        with pytest.raises(SourceUnavailable, match="changed while it was read"):
            sources.fetch(fetch_request(tmp_path, "s3://models/m"))


def test_an_unchanged_object_is_accepted(tmp_path: Path) -> None:
    head = {"etag": '"e1"', "content_length": "5"}
    with serving(lambda handler: _changing(handler, head, (b"model", '"e1"'))) as site:
        secret(tmp_path, endpoint=site.address)
        assert sources.fetch(fetch_request(tmp_path, "s3://models/m")).details["etag"] == "e1"


@pytest.mark.parametrize("endpoint", ["no address", "https://", "ftp://h", "h:9000", "http://h:9000/a b"])
def test_an_invalid_endpoint_is_reported_with_the_secret_to_correct(tmp_path: Path, endpoint: str) -> None:
    secret(tmp_path, endpoint=endpoint)
    with pytest.raises(SourceUnavailable, match=r"the endpoint in the Secret in spec\.model\.credentials"):
        sources.fetch(fetch_request(tmp_path, "s3://models/m"))


def test_an_address_without_a_bucket_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BuildBroken, match="names no valid bucket"):
        sources.fetch(fetch_request(tmp_path, "s3:///m"))


# volumes


def volume(folder: Path) -> Path:
    (folder / "volume").mkdir(exist_ok=True)
    return folder / "volume"


@pytest.mark.parametrize("uri", ["pvc://data/", "pvc://data/link"])
def test_a_link_to_a_pipe_is_rejected_without_reading_it(tmp_path: Path, uri: str) -> None:
    os.mkfifo(volume(tmp_path) / "pipe")
    (tmp_path / "volume" / "link").symlink_to("pipe")

    with pytest.raises(BuildBroken, match="neither a file nor a folder"):
        sources.fetch(fetch_request(tmp_path, uri))


def test_a_pipe_is_rejected_without_reading_it(tmp_path: Path) -> None:
    os.mkfifo(volume(tmp_path) / "pipe")

    with pytest.raises(BuildBroken, match="neither a file nor a folder"):
        sources.fetch(fetch_request(tmp_path, "pvc://data/pipe"))


@pytest.mark.parametrize("uri", ["pvc://data/", "pvc://data/a"])
def test_a_loop_of_links_is_reported(tmp_path: Path, uri: str) -> None:
    (volume(tmp_path) / "a").symlink_to("b")
    (tmp_path / "volume" / "b").symlink_to("a")

    with pytest.raises((BuildBroken, SourceNotFound)):
        sources.fetch(fetch_request(tmp_path, uri))


@pytest.mark.parametrize(("size", "content"), [(3, b"grown"), (9, b"shrunk"), (0, b"x")])
def test_a_file_that_changes_during_the_copy_is_reported(tmp_path: Path, size: int, content: bytes) -> None:
    (tmp_path / "m").write_bytes(content)

    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        mounted_volume._copy(tmp_path / "m", tmp_path / "copy", size, Progress(None))
    assert (tmp_path / "copy").stat().st_size <= size


def test_an_endless_device_in_a_volume_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        mounted_volume._copy(Path("/dev/zero"), tmp_path / "copy", 10, Progress(None))


def test_a_whole_disk_of_files_ends_at_the_limit(tmp_path: Path) -> None:
    for number in range(101):
        (volume(tmp_path) / str(number)).write_text("")

    with pytest.raises(BuildBroken, match="more than 100 files"):
        sources.fetch(fetch_request(tmp_path, "pvc://data/"))
    assert fetched_files(tmp_path) == {}, "counted before anything is copied"


def test_nested_folders_end_at_the_maximum_depth(tmp_path: Path) -> None:
    deep = volume(tmp_path)
    for _level in range(300):
        deep = deep / "dd"
        deep.mkdir()

    with pytest.raises(BuildBroken, match="too deep"):
        sources.fetch(fetch_request(tmp_path, "pvc://data/"))


@pytest.mark.parametrize("name", ["a model.bin", "größe.bin", "模型.bin", "--help", "$(x)", "a;b&c"])
def test_files_may_have_names_with_spaces_and_any_letters(tmp_path: Path, name: str) -> None:
    (volume(tmp_path) / name).write_text("m")
    sources.fetch(fetch_request(tmp_path, f"pvc://data/{name}"))

    assert fetched_files(tmp_path) == {name: b"m"}


def test_a_name_that_is_not_unicode_is_rejected(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(volume(tmp_path)), b"m\xff.bin")  # noqa: PTH118 - bytes
    with open(path, "wb") as file:  # noqa: PTH123 - bytes
        file.write(b"m")

    with pytest.raises(BuildBroken, match="unprintable") as failure:
        sources.fetch(fetch_request(tmp_path, "pvc://data/"))
    failure.value.message.encode()


@pytest.mark.slow
def test_a_model_with_spaces_and_any_letters_in_its_name_is_built(job: Job, iris_skops: Path) -> None:
    folder = job.folder / "served"
    folder.mkdir()
    (folder / "größe 模型.skops").write_bytes((iris_skops / "model.skops").read_bytes())
    with web_server(folder) as where:
        ended = job.asks(uri=f"{where}/gr%C3%B6%C3%9Fe%20%E6%A8%A1%E5%9E%8B.skops").run()

    assert ended.succeeded, job.log


def test_a_part_of_a_path_is_limited_to_255_bytes() -> None:
    assert limits.path_of("ä" * 127, Path("/m"))
    with pytest.raises(BuildBroken):
        limits.path_of("ä" * 128, Path("/m"))


@pytest.mark.parametrize("path", ["../m", "a/../../m", "a//b", "a" * 300])
def test_an_impossible_path_is_reported_as_an_error_of_the_address(tmp_path: Path, path: str) -> None:
    volume(tmp_path)
    with pytest.raises(BuildBroken, match=r"^spec\.model\.uri names .*correct it"):
        sources.fetch(fetch_request(tmp_path, f"pvc://data/{path}"))
