"""Names in `oci://` URIs: those that a build cannot fetch are rejected at apply, and no others."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model_runtime.registry.references import Reference
from seatrial.api import validation
from tests.unit.api.bodies import error_of, parsed

DIGEST = "sha256:" + "a" * 64
LEGAL = [
    "registry.shop/models/churn",
    "registry.shop/models/churn:7",
    f"registry.shop/models/churn@{DIGEST}",
    f"registry.shop/models/churn:7@{DIGEST}",
    "registry.shop/models/churn@sha512:" + "a" * 128,
    "Registry.Shop:5000/churn:V7_a.b-c",
    "localhost/churn",
    "localhost:5000/churn",
    "[::1]:5000/churn",
    "127.0.0.1:5000/a__b/c--d/e.f:1",
    "library:5000",
    "team/churn:7",
    "churn",
    "churn:" + "7" * 128,
]
ILLEGAL = [
    pytest.param("registry.shop/Models/churn:7", id="a capital in the repository"),
    pytest.param("Team/churn:7", id="a capital in a repository without a registry"),
    pytest.param("registry.shop/churn:7:8", id="two tags"),
    pytest.param("registry.shop/:7", id="no repository"),
    pytest.param("registry.shop/churn:", id="no tag"),
    pytest.param("registry.shop/churn/", id="a slash at the end"),
    pytest.param("registry.shop//churn", id="two slashes"),
    pytest.param("registry.shop/churn@sha256:ab", id="half a digest"),
    pytest.param("registry.shop/churn:7?a=b", id="a query"),
    pytest.param("registry.shop/-churn", id="a dash in front"),
    pytest.param("churn:" + "7" * 129, id="a tag that is too long"),
    pytest.param("registry.shop:port/churn", id="a port of letters"),
]


def accepted(name: str) -> bool:
    """Return whether the rule about artifact names accepts the name."""
    try:
        parsed({"model": {"uri": f"oci://{name}"}})
    except validation.InvalidSpec as error:
        return "name an artifact" not in str(error)
    return True


@pytest.mark.parametrize("name", LEGAL)
def test_a_valid_artifact_name_is_accepted(name: str) -> None:
    assert accepted(name)
    assert Reference.parse(name)


@pytest.mark.parametrize("name", ILLEGAL)
def test_an_invalid_artifact_name_is_rejected_at_apply(name: str) -> None:
    message = error_of({"model": {"uri": f"oci://{name}"}})
    assert "uri must name an artifact as oci://registry/repository" in message
    with pytest.raises(ValueError, match=r"no image name|no digest of the form"):
        Reference.parse(name)


@given(name=st.text(alphabet="aA0.:/@[]-_", min_size=1, max_size=24))
@example(name="a:1/b")
@example(name="a.b:1/c:d")
def test_every_artifact_name_that_a_build_can_parse_is_accepted(name: str) -> None:
    try:
        Reference.parse(name)
    except ValueError:
        return
    assert accepted(name)


def test_the_path_of_other_sources_is_not_restricted() -> None:
    parsed({"model": {"uri": "s3://models/Churn:7:8/"}})
