"""What `oci://` may name: refused at apply is what a build can never fetch, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model_runtime.registry.references import Reference
from seatrial.api import validation
from tests.unit.api.bodies import parsed, refusal_of

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
    """The spec lets it through; whatever else is refused about it."""
    try:
        parsed({"model": {"uri": f"oci://{name}"}})
    except validation.InvalidSpec as refused:
        return "name an artifact" not in str(refused)
    return True


@pytest.mark.parametrize("name", LEGAL)
def test_a_name_that_registries_know_is_accepted(name: str) -> None:
    assert accepted(name)
    assert Reference.parse(name)


@pytest.mark.parametrize("name", ILLEGAL)
def test_a_name_that_no_registry_knows_is_refused_at_apply(name: str) -> None:
    said = refusal_of({"model": {"uri": f"oci://{name}"}})
    assert "uri must name an artifact as oci://registry/repository" in said
    with pytest.raises(ValueError, match=r"no image name|no digest of the form"):
        Reference.parse(name)


@given(name=st.text(alphabet="aA0.:/@[]-_", min_size=1, max_size=24))
@example(name="a:1/b")
@example(name="a.b:1/c:d")
def test_nothing_is_refused_at_apply_that_a_build_can_name(name: str) -> None:
    try:
        Reference.parse(name)
    except ValueError:
        return
    assert accepted(name)


def test_other_sources_may_have_any_path() -> None:
    parsed({"model": {"uri": "s3://models/Churn:7:8/"}})
