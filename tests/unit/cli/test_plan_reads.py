"""What `seatrial plan` can be given, and the sentence for everything that it cannot be given."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.api import generate, names
from seatrial.cli import inputs
from tests.golden.play import V1, V2, Play
from tests.unit.cli.commands import NOW, SETTINGS, a_deployment, file_of, piped, printed, refused, stored

EXAMPLES = sorted((generate.REPOSITORY / "crds" / "examples").glob("*.yaml"))
OURS = [path for path in EXAMPLES if f"kind: {names.KIND}\n" in path.read_text()]
LEGAL = [path for path in OURS if not path.name.startswith("illegal-")]
ILLEGAL = [path for path in OURS if path.name.startswith("illegal-")]


def plan(*more: str | Path) -> tuple[str | Path, ...]:
    return ("plan", "--now", NOW, "--settings", SETTINGS, *more)


def revision_in(text: str) -> str:
    """The revision of a first deploy."""
    found = re.search(r"create Deployment \S+-([0-9a-f]{10}) ", text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", LEGAL, ids=lambda path: path.stem)
def test_every_example_has_a_plan_that_ends_well(path: Path) -> None:
    text = printed("plan", "-f", path, "--now", NOW)
    paused = "paused: true" in path.read_text()
    assert ("ends Paused" if paused else "ends Healthy\n") in text
    assert "Warning" not in text
    assert text == printed("plan", "-f", path, "--now", NOW)


@pytest.mark.parametrize("path", ILLEGAL, ids=lambda path: path.stem)
def test_every_illegal_example_is_refused_with_the_sentence_of_the_api(path: Path) -> None:
    sentence = path.read_text().splitlines()[0].removeprefix("# refused: ")
    told = refused("plan", "-f", path)
    assert sentence in told
    assert told.startswith(f"seatrial: the API server would refuse {names.KIND} ")


@pytest.mark.parametrize("path", [p for p in EXAMPLES if "decision" in p.name], ids=lambda path: path.stem)
def test_a_decision_alone_is_no_plan(path: Path) -> None:
    assert refused("plan", "-f", path).endswith("needs a ModelDeployment; it has RolloutDecision\n")


NESTED = "[" * 3000


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(b"", "needs a ModelDeployment; it has nothing", id="empty"),
        pytest.param(b"\xff\xfe", "cannot be read: it is no text in UTF-8", id="bytes"),
        pytest.param(b"churn", "every object needs kind and metadata.name", id="a word"),
        pytest.param(b"kind: [", "is not YAML", id="half a list"),
        pytest.param(
            b"kind: Pod\nmetadata: {name: a}\nkind: Job", "kind is there twice", id="one thing said twice"
        ),
        pytest.param(b"a: !!python/object/apply:os.getcwd []", "is not YAML", id="a call"),
        pytest.param(NESTED.encode(), "is nested too deeply", id="too deep"),
        pytest.param(b"&a [*a]", "is nested too deeply", id="a list in itself"),
        pytest.param(b"a: " + b"9" * 6000, "has a value that cannot be read", id="an endless number"),
        pytest.param(
            b"kind: Pod\nmetadata: [a]", "every object needs kind and metadata.name", id="a head of a"
        ),
        pytest.param(b"kind: Pod\nmetadata: {}", "every object needs kind and metadata.name", id="no name"),
        pytest.param(b"metadata: {name: a}", "every object needs kind and metadata.name", id="no kind"),
        pytest.param(
            b"kind: Pod\nmetadata: {name: a, labels: 5}",
            "Pod a: labels must be an object; got 5",
            id="labels",
        ),
        pytest.param(
            b"kind: Pod\nmetadata: {name: a}\nspec: []", "Pod a: spec must be an object", id="a spec"
        ),
        pytest.param(
            b"kind: ModelDeployment\nmetadata: {name: a}",
            "ModelDeployment a: apiVersion must be seatrial.dev/v1alpha1; it is missing",
            id="no version",
        ),
        pytest.param(
            b"apiVersion: seatrial.dev/v2\nkind: ModelDeployment\nmetadata: {name: a}",
            "apiVersion must be seatrial.dev/v1alpha1; it is seatrial.dev/v2",
            id="another version",
        ),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: bytes, sentence: str) -> None:
    (tmp_path / "given.yaml").write_bytes(text)
    told = refused("plan", "-f", tmp_path / "given.yaml")
    assert f"{tmp_path}/given.yaml: " in told
    assert sentence in told


@pytest.mark.parametrize("option", ["-f", "--against", "--settings"])
@pytest.mark.parametrize(
    ("name", "why"), [("nowhere.yaml", "No such file"), (".", "Is a directory")], ids=["missing", "a folder"]
)
def test_a_file_that_is_none(tmp_path: Path, option: str, name: str, why: str) -> None:
    good = file_of(tmp_path, a_deployment(), name="good.yaml")
    assert f"{tmp_path / name}: cannot be read: {why}" in refused("plan", "-f", good, option, tmp_path / name)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("- a", "settings: must be an object; got a list of 1", id="a list"),
        pytest.param(
            "runtime: {}", 'unknown field "settings.runtime"; known here: runtimes,', id="a typing error"
        ),
        pytest.param("plainHttp: perhaps", "settings.plainHttp: must be true or false", id="perhaps"),
        pytest.param("{", "is not YAML", id="half an object"),
        pytest.param(NESTED, "is not YAML", id="too deep"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, text: str, sentence: str) -> None:
    settings = file_of(tmp_path, text, name="settings.yaml")
    told = refused("plan", "-f", file_of(tmp_path, a_deployment()), "--settings", settings)
    assert f"{settings}: " in told
    assert sentence in told


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--now", "0001-01-01T00:00:00Z", "must be between 1970 and 3000"),
        ("--now", "3000-01-01T00:00:00Z", "must be between 1970 and 3000"),
        ("--build-seconds", "-1", "must be between 0 and 1000000; got -1"),
        ("--build-seconds", "9" * 20, "must be between 0 and 1000000"),
        ("--ready-after", "-5s", "must be a duration"),
        ("--ready-after", "", "must be a duration"),
    ],
)
def test_an_option_beyond_all_bounds(tmp_path: Path, option: str, value: str, sentence: str) -> None:
    told = refused("plan", "-f", file_of(tmp_path, a_deployment()), f"{option}={value}")
    assert told.startswith(f"seatrial: {option}: {sentence}")


def test_the_longest_rollout_stays_in_the_calendar(tmp_path: Path) -> None:
    steps = [{"weight": n + 1, "hold": "999999h"} for n in range(20)]
    story = (
        Play().apply(model={"image": V1}, rollout={"steps": steps}).rest().apply(model={"image": V2}).story()
    )
    arguments = stored(tmp_path, story)
    arguments[arguments.index("--now") + 1] = "2999-12-31T23:59:59Z"
    text = printed(*arguments, "--ready-after", "9m")
    assert "20 steps, at least 833332d," in text
    assert "ends Healthy" in text


def test_the_standard_input_is_a_file_as_well() -> None:
    done = piped(LEGAL[0].read_text(), "plan", "-f", "-", "--now", NOW)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == printed("plan", "-f", LEGAL[0], "--now", NOW)


def test_a_standard_input_that_cannot_be_used_is_named() -> None:
    done = piped("kind: [", "plan", "-f", "-")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("seatrial: standard input: is not YAML")


def test_a_key_that_is_merged_may_be_said_again() -> None:
    text = "kind: Pod\nmetadata: &head {name: a, labels: {}}\nspec: {<<: *head, name: b}\n"
    assert inputs.documents(text, "x")[0]["spec"] == {"name": "b", "labels": {}}


def test_a_terminal_that_cannot_show_everything_shows_the_rest() -> None:
    done = piped("", "plan", "-f", LEGAL[0], "--now", NOW, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "? create Job" in done.stdout


def test_a_reader_that_has_seen_enough_is_no_trouble() -> None:
    shell = f"{sys.executable} -m seatrial.cli.main plan -f {LEGAL[0]} | true"
    root = generate.REPOSITORY
    environment = {"PYTHONPATH": f"{root / 'operator'}:{root}", "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-c", shell], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_several_objects_are_planned_one_after_the_other(tmp_path: Path) -> None:
    given = file_of(tmp_path, a_deployment("one"), a_deployment("two", scaling={"replicas": 2}))
    text = printed(*plan("-f", given))
    alone = [
        printed(*plan("-f", file_of(tmp_path, body, name="alone.yaml")))
        for body in yaml.safe_load_all(given.read_text())
    ]
    assert text == "\n".join(alone)
    assert [line for line in text.splitlines() if line.startswith("ModelDeployment")] == [
        f"ModelDeployment shop/one, from {NOW}",
        f"ModelDeployment shop/two, from {NOW}",
    ]


def test_several_files_are_one(tmp_path: Path) -> None:
    one = file_of(tmp_path, a_deployment("one"), name="one.yaml")
    two = file_of(tmp_path, a_deployment("two"), name="two.yaml")
    both = file_of(tmp_path, a_deployment("one"), a_deployment("two"), name="both.yaml")
    assert printed(*plan("-f", one, "-f", two)) == printed(*plan("-f", both))


def test_the_first_passes_of_several_objects_are_documents(tmp_path: Path) -> None:
    given = file_of(tmp_path, a_deployment("one"), a_deployment("two"))
    plans = list(yaml.safe_load_all(printed(*plan("-f", given, "-o", "yaml"))))
    made = [
        {action["create"]["metadata"]["labels"][names.LABEL_DEPLOYMENT] for action in p["actions"]}
        for p in plans
    ]
    assert made == [{"one"}, {"two"}]


SETTINGS_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "churn-settings", "namespace": "shop"},
    "data": {"LEVEL": "info"},
}
READS = {"envFrom": [{"configMapRef": {"name": "churn-settings"}}]}


def test_what_is_applied_along_is_there(tmp_path: Path) -> None:
    reads = a_deployment(serving=READS)
    alone = printed(*plan("-f", file_of(tmp_path, reads)))
    along = printed(*plan("-f", file_of(tmp_path, SETTINGS_MAP, reads)))
    assert "Assumed: ConfigMap churn-settings is there and empty" in alone
    assert "churn-settings" not in along
    assert revision_in(alone) != revision_in(along)


def test_what_may_be_missing_is_taken_to_be_missing(tmp_path: Path) -> None:
    reads = {"envFrom": [{"configMapRef": {"name": "churn-settings", "optional": True}}]}
    text = printed(*plan("-f", file_of(tmp_path, a_deployment(serving=reads))))
    assert "Assumed: ConfigMap churn-settings is not there, as it is optional; with its content" in text


def test_a_changed_configmap_beside_an_unchanged_object_is_a_rollout(tmp_path: Path) -> None:
    play = Play().having(SETTINGS_MAP).apply(model={"image": V1}, serving=READS).rest()
    arguments = stored(tmp_path, play.story())
    assert "create Deployment" not in printed(*arguments)
    same = file_of(tmp_path, SETTINGS_MAP, name="same.yaml")
    assert printed(*arguments, "-f", same) == printed(*arguments)
    changed = file_of(tmp_path, {**SETTINGS_MAP, "data": {"LEVEL": "debug"}}, name="changed.yaml")
    assert "create Deployment" in printed(*arguments, "-f", changed)


def test_a_secret_says_the_same_in_plain_text_and_coded(tmp_path: Path) -> None:
    reads = a_deployment(serving={"envFrom": [{"secretRef": {"name": "keys"}}]})
    head: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys", "namespace": "shop"},
    }
    texts = [
        printed(*plan("-f", file_of(tmp_path, {**head, **data}, reads)))
        for data in ({"data": {"K": "YQ=="}}, {"stringData": {"K": "a"}}, {"stringData": {"K": "b"}})
    ]
    revisions = [revision_in(text) for text in texts]
    assert revisions[0] == revisions[1] != revisions[2]
    assert not [text for text in texts if "YQ==" in text]


def test_what_is_applied_into_another_namespace_is_not_there(tmp_path: Path) -> None:
    elsewhere = {**SETTINGS_MAP, "metadata": {"name": "churn-settings", "namespace": "other"}}
    text = printed(*plan("-f", file_of(tmp_path, elsewhere, a_deployment(serving=READS))))
    assert "Assumed: ConfigMap churn-settings is there and empty" in text


@pytest.mark.parametrize(
    ("head", "option", "key"),
    [
        pytest.param({}, [], "default/churn", id="nobody says it"),
        pytest.param({}, ["-n", "shop"], "shop/churn", id="the option says it"),
        pytest.param({"namespace": "shop"}, ["-n", "shop"], "shop/churn", id="both say it"),
        pytest.param({"namespace": "shop"}, [], "shop/churn", id="the object says it"),
    ],
)
def test_the_namespace(tmp_path: Path, head: dict[str, str], option: list[str], key: str) -> None:
    body = {**a_deployment(), "metadata": {"name": "churn", **head}}
    assert printed(*plan("-f", file_of(tmp_path, body), *option)).startswith(f"ModelDeployment {key},")


def test_two_namespaces_are_refused(tmp_path: Path) -> None:
    told = refused(*plan("-f", file_of(tmp_path, a_deployment()), "-n", "other"))
    assert told == "seatrial: ModelDeployment churn is for namespace 'shop', not for -n 'other'\n"


def test_a_snapshot_of_another_namespace_says_which(tmp_path: Path) -> None:
    arguments = stored(tmp_path, Play().apply(model={"image": V1}).rest().story())
    body = {**a_deployment(), "metadata": {"name": "churn"}}
    arguments[arguments.index("-f") + 1] = file_of(tmp_path, body)
    assert "the snapshot has ModelDeployment churn in namespace shop" in refused(*arguments)
    assert printed(*arguments, "-n", "shop").startswith("ModelDeployment shop/churn,")


STRANGERS: list[dict[str, Any]] = [
    {"kind": "Job", "metadata": {"name": "nightly"}},
    {"kind": "Deployment", "metadata": {"name": "web"}},
    {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}},
    {"kind": "Service", "metadata": {"name": "web"}},
    {
        "kind": "Pod",
        "metadata": {"name": "web-1", "labels": {names.LABEL_SERVER: "web", names.LABEL_DEPLOYMENT: "web"}},
    },
    {"kind": "ModelDeployment", "metadata": {"name": "web"}},
    {
        "kind": "Pod",
        "metadata": {"name": "churn-1", "namespace": "other", "labels": {names.LABEL_SERVER: "churn"}},
    },
]


def test_strangers_in_a_snapshot_change_nothing(tmp_path: Path) -> None:
    story = (
        Play().apply(model={"image": V1}, scaling={"replicas": 2}).rest().apply(model={"image": V2}).story()
    )
    arguments = stored(tmp_path, story)
    text = printed(*arguments)
    snapshot = tmp_path / "observed.yaml"
    snapshot.write_text(snapshot.read_text() + yaml.safe_dump(STRANGERS))
    assert printed(*arguments) == text


def test_a_name_that_somebody_else_has_is_a_warning(tmp_path: Path) -> None:
    play = Play().apply(model={"image": V1}).rest()
    stranger = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "churn", "namespace": "shop"}}
    play.edited("Service", lambda _: stranger).losing_status()
    text = printed(*stored(tmp_path, play.story()))
    assert "Warning: Service churn is there and has not the labels of this object" in text


def test_a_decision_from_the_command_beside_it_is_taken(tmp_path: Path) -> None:
    play = (
        Play().apply(model={"image": V1}, scaling={"replicas": 3}).rest().apply(model={"image": V2}).later(45)
    )
    revision = play.revision("rollout")
    words = ["decide", "abort", "churn", "--revision", revision, "--attempt", "1", "--by", "jo"]
    done = piped(printed(*words), *stored(tmp_path, play.story()), "-f", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert "answer RolloutDecision churn-new: Taken: " in done.stdout
    assert "ends Degraded" in done.stdout


def test_a_decision_about_another_revision_is_refused_in_the_plan(tmp_path: Path) -> None:
    play = Play().apply(model={"image": V1}).rest()
    words = [
        "decide",
        "abort",
        "churn",
        "--revision",
        "0123456789",
        "--attempt",
        "1",
        "--by",
        "jo",
        "-n",
        "shop",
    ]
    text = printed(*stored(tmp_path, play.story()), "-f", file_of(tmp_path, printed(*words)))
    assert "answer RolloutDecision churn-new: Refused" in text
    assert "Warning: at 12:00:45Z DecisionRefused: Abort of 0123456789 by jo" in text
