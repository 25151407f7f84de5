"""Any text as a reference, a challenge, a Secret or a CA bundle is parsed or rejected with a reason."""

from __future__ import annotations

import base64
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_runtime.registry import tls
from model_runtime.registry.auth import Challenge, challenge_of
from model_runtime.registry.credentials import Keyring, Login
from model_runtime.registry.references import Reference

DIGEST = "sha256:" + "a" * 64
_word = st.from_regex(r"[a-z0-9]{1,5}([._-][a-z0-9]{1,3})?", fullmatch=True)
_hosts = st.sampled_from(["r.io", "r.io:5000", "localhost", "127.0.0.1:80", "[::1]:5000", "R-1.Example.COM"])
_tags = st.just("") | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}", fullmatch=True)


@given(
    host=_hosts,
    parts=st.lists(_word, min_size=1, max_size=4),
    tag=_tags,
    digest=st.sampled_from(["", DIGEST]),
)
def test_a_reference_round_trips(host: str, parts: list[str], tag: str, digest: str) -> None:
    path = "/".join(parts)
    text = f"{host}/{path}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    found = Reference.parse(text)

    assert (found.host, found.path, found.tag, found.digest) == (host, path, tag, digest)
    assert Reference.parse(str(found)) in (
        found,
        Reference(host, path, "", digest),
        Reference(host, path, "latest"),
    )


@given(text=st.text(max_size=60) | st.text(alphabet="ab.:/@[]-_A0", max_size=30))
def test_any_text_is_a_safe_reference_or_rejected(text: str) -> None:
    try:
        found = Reference.parse(text)
    except ValueError:
        return
    assert found.path.isascii()
    assert not set(found.host + found.path + found.version) & set(" ?#\\%\n")
    assert ".." not in found.path.split("/")


@pytest.mark.parametrize(
    "text",
    [
        "r.io/a@",
        "r.io/a:",
        "r.io/a:@" + DIGEST,
        "r.io/a:tág",
        f"r.io/a@{DIGEST}\n",
        f"r.io/a@{DIGEST}@{DIGEST}",
        "r.io/a@sha256:" + "A" * 64,
        "r.io/a@md5:" + "a" * 32,
        "jo:pw@r.io/a",
        "r.io?x/a",
        "r.io#x/a",
        "r io.x/a",
        "r.io\\.evil.io/a",
        "-r.io/a",
        "r.io:/a",
        "r.io:99999/a",
        "r.io:5000000/a",
        "[::1/a.b:5",
        "r.io/a//b",
        "r.io/a/../b",
        "r.io/a-",
        "r.io/a%2fb",
        "r.io/" + "a" * 2000,
    ],
)
def test_an_unsafe_reference_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an image name|no digest"):
        Reference.parse(text)


# questions

_value = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(
    realm=_value, service=_value, scope=_value, order=st.permutations(["realm", "service", "scope", "error"])
)
def test_a_challenge_round_trips(realm: str, service: str, scope: str, order: list[str]) -> None:
    values = {"realm": realm, "service": service, "scope": scope, "error": "invalid_token"}
    header = "Bearer " + ",".join(f"{key}={quoted(values[key])}" for key in order)

    assert challenge_of(header) == Challenge("bearer", realm, service, scope)


@given(first=_value, second=_value)
def test_bearer_is_preferred_in_any_position(first: str, second: str) -> None:
    basic, bearer = f"Basic realm={quoted(first)}", f"Bearer realm={quoted(second)}"

    expected = Challenge("bearer", second)
    assert challenge_of(f"{basic}, {bearer}") == challenge_of(f"{bearer}, {basic}") == expected


@given(header=st.text(max_size=200) | st.text(alphabet='Bearlsic "\\=,\x00', max_size=200))
def test_any_header_is_a_challenge_or_none(header: str) -> None:
    found = challenge_of(header)

    assert found is None or found.scheme in ("basic", "bearer")


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ('Digest realm="Basic, Bearer realm=evil"', None),
        (
            'Bearer realm="https://a/t?x=1, Basic realm=evil"',
            Challenge("bearer", "https://a/t?x=1, Basic realm=evil"),
        ),
        ("BEARER Realm=https://a/t", Challenge("bearer", "https://a/t")),
        ('Bearer realm = "r" , service = "s"', Challenge("bearer", "r", "s")),
        ('Bearer realm="r', Challenge("bearer", "r")),
        ('Negotiate abc==, Basic realm="r"', Challenge("basic", "r")),
        ("Basic", Challenge("basic")),
        ("Basically realm=x", None),
    ],
)
def test_quoted_text_is_not_a_scheme(header: str, challenge: Challenge | None) -> None:
    assert challenge_of(header) == challenge


@pytest.mark.parametrize(
    "header", ["a" * 10**6, '"' * 10**6, "a=" * 10**6, 'Bearer realm="' + "\\" * 10**6, "," * 10**6]
)
def test_an_endless_challenge_is_parsed_in_bounded_time(header: str) -> None:
    import time

    began = time.process_time()
    challenge_of(header)
    assert time.process_time() - began < 2


# Secrets and bundles

_json: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 7, "", "x", "eDp5", "%"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["auths", "r.io", "auth", "username", "password", "identitytoken"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(document=_json)
def test_any_docker_config_has_logins_or_none(tmp_path: Path, document: Any) -> None:
    (tmp_path / ".dockerconfigjson").write_text(json.dumps(document))
    found = Keyring.from_folders([tmp_path], host="r.io").login_for(Reference.parse("r.io/a"))

    assert found is None or found.username or found.identity_token


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b'{"auths": null}', b'{"auths": [1]}'])
def test_a_secret_without_a_docker_config_has_no_login(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)

    assert Keyring.from_folders([tmp_path], host="r.io").logins == {}


@given(
    username=st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"]), min_size=1),
    password=st.text(),
)
def test_a_login_is_sent_as_it_was_written(username: str, password: str) -> None:
    shown = Login(username, password).basic

    assert base64.b64decode(shown.removeprefix("Basic ")).decode() == f"{username}:{password}"


def _certificate() -> str:
    """Return a certificate that the system trusts."""
    known = ssl.create_default_context().get_ca_certs(binary_form=True)
    if not known:
        pytest.skip("LOUD: this machine believes in no authority")
    return ssl.DER_cert_to_PEM_cert(known[0])


def test_a_ca_bundle_may_have_comments_in_any_encoding(tmp_path: Path) -> None:
    pem = _certificate()
    (tmp_path / "ca.crt").write_text(f"# Größte Autorität\n{pem}\n# 認証局\n{pem}")

    assert tls.ca_certificates(tmp_path).count("BEGIN CERTIFICATE") == 2
    assert tls.ssl_context(tmp_path).get_ca_certs(binary_form=True)


@pytest.mark.parametrize("inside", ["ä", "!!!", ""])
def test_a_ca_bundle_with_a_damaged_certificate_is_reported(tmp_path: Path, inside: str) -> None:
    (tmp_path / "ca.crt").write_text(f"-----BEGIN CERTIFICATE-----\n{inside}\n-----END CERTIFICATE-----\n")

    with pytest.raises(ValueError, match="CA bundle cannot be read"):
        tls.ssl_context(tmp_path)


def test_a_truncated_ca_bundle_is_reported(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text(_certificate()[:200])

    with pytest.raises(ValueError, match="CA bundle cannot be read"):
        tls.ssl_context(tmp_path)
