"""Names of child objects are DNS labels, also for the longest name of a ModelDeployment."""

import re

import pytest

from seatrial.api import names

LONGEST = "a" * names.NAME_MAX_LENGTH
REVISION = "0123456789"


@pytest.mark.parametrize(
    "child",
    [
        pytest.param(f"{LONGEST}-{REVISION}", id="Deployment"),
        pytest.param(f"{LONGEST}-{REVISION}-99", id="ConfigMap copy"),
        pytest.param(f"{LONGEST}-build-{REVISION}-9999", id="build Job"),
        pytest.param(f"{LONGEST}-canary", id="Service"),
    ],
)
def test_the_child_of_an_object_with_the_longest_name_has_a_valid_name(child: str) -> None:
    assert len(child) <= 63
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", child)


@pytest.mark.parametrize("label", [value for name, value in vars(names).items() if name.startswith("LABEL_")])
def test_every_label_has_a_prefix(label: str) -> None:
    prefix, _, name = label.partition("/")
    assert prefix in {names.GROUP, "app.kubernetes.io"}
    assert 0 < len(name) <= 63
