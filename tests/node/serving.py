"""One ModelDeployment on the node: apply it, wait for it, ask it."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.stage import install, load, models
from tests.stage.install import Stage

Status = dict[str, Any]
RUN: Final = uuid.uuid4().hex[:8]
REVISION: Final = "seatrial.dev/revision"
ADMINISTRATOR: Final = "lab:admin"
"""Who the lab's kubeconfig says we are."""
NOTHING: Final[Status] = {
    "stable": {},
    "canary": {},
    "build": {},
    "conditions": [],
    "replicas": 0,
    "readyReplicas": 0,
}
"""What a status says where it says nothing."""


class Served:
    """An object of this name in the stage's namespace."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage, self.name = stage, name

    def spec(self, version: int | str, *, replicas: int = 1, **sections: Any) -> dict[str, Any]:
        """Digits of this version (or any address), quickly rolled out unless `sections` say otherwise."""
        uri = version if isinstance(version, str) else f"s3://{install.BUCKET}/digits/{version}/"
        base = {
            "model": {"uri": uri, "credentials": {"secretName": install.CREDENTIALS}},
            "serving": {"resources": {"requests": {"cpu": "20m", "memory": "64Mi"}}},
            "scaling": {"replicas": replicas},
            "rollout": {
                "steps": [{"weight": 50, "hold": "2s"}],
                "scaleDownDelay": "2s",
                "progressDeadline": "2m",
            },
        }
        return {**base, **sections}

    def apply(self, spec: dict[str, Any]) -> None:
        """The object asks for `spec`."""
        self.stage.apply(self.name, spec)

    def delete(self) -> None:
        """The object and its pods are gone."""
        self.stage.kubectl("delete", "mdep", self.name, "--wait=true", "--timeout=120s")
        selector = f"seatrial.dev/deployment={self.name}"
        self.stage.kubectl("wait", "--for=delete", "pods", "-l", selector, "--timeout=120s")

    def status(self) -> Status:
        """The status as it is now, with the generation that is asked for."""
        body = json.loads(self.stage.kubectl("get", "mdep", self.name, "-o", "json"))
        status: Status = body.get("status") or {}
        return {**NOTHING, **status, "generation": body["metadata"]["generation"]}

    def until(self, holds: Callable[[Status], Any], *, seconds: float = 120) -> Status:
        """The first status of the present spec for which `holds`; fails with the last one."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.status()
            if status.get("observedGeneration") == status["generation"] and holds(status):
                return status
            assert time.monotonic() < deadline, f"{self.name}: {status.get('phase')}: {status.get('message')}"
            time.sleep(0.2)

    def healthy(self, *, seconds: float = 180) -> Status:
        """The status once what is asked for serves, and is reached."""
        status = self.until(lambda s: s["phase"] == "Healthy", seconds=seconds)
        load.reached(self.address)
        return status

    def waits_with(self, reason: str, *, seconds: float = 120) -> Status:
        """The status once a condition has this reason."""
        return self.until(lambda s: reason in {c["reason"] for c in s["conditions"]}, seconds=seconds)

    def led_as_said(self, *, seconds: float = 120) -> Status:
        """The status once the node's proxy, which is the last to hear, leads to the tracks in the shares it says."""
        deadline = time.monotonic() + seconds
        while True:
            status, share = self.status(), self._led_to_canary()
            said = status["canary"].get("actualWeight")
            if said is not None and abs(said - share) < 1:
                return status
            assert time.monotonic() < deadline, (
                f"{self.name}: says {said} %, the proxy leads {share:.1f} % there"
            )
            time.sleep(0.2)

    def _led_to_canary(self) -> float:
        """The canary's pods, in percent of those that the node's proxy leads to."""
        canary = self.status()["canary"].get("revision")
        revisions = {p["status"].get("podIP"): p["metadata"]["labels"][REVISION] for p in self.pods()}
        led = self.stage.lab.led_to(self.stage.namespace, self.name)
        tracks = [revisions.get(address.partition(":")[0]) for address in led]
        return 100.0 * tracks.count(canary) / len(tracks) if tracks else 0.0

    def decide(self, action: str, **more: Any) -> None:
        """The lab's administrator has decided so about the canary, and it was taken."""
        spec = {
            "deployment": self.name,
            "revision": self.status()["canary"]["revision"],
            "action": action,
            "decidedBy": ADMINISTRATOR,
            **more,
        }
        head = {"generateName": f"{self.name}-", "namespace": self.stage.namespace}
        body = {
            "apiVersion": "seatrial.dev/v1alpha1",
            "kind": "RolloutDecision",
            "metadata": head,
            "spec": spec,
        }
        made = self.stage.kubectl("create", "-o", "name", "-f", "-", stdin=json.dumps(body)).strip()
        self.stage.kubectl("wait", made, "--for=jsonpath={.status.phase}=Taken", "--timeout=60s")

    @property
    def address(self) -> str:
        """The Service as a process outside the node reaches it."""
        return self.stage.lab.service_address(self.stage.namespace, self.name)

    def ask(
        self, body: bytes | None = None, *, path: str = "/predict", method: str = "POST"
    ) -> tuple[Any, dict[str, str]]:
        """The answer's JSON and headers."""
        sent = None if method == "GET" else models.request_body() if body is None else body
        request = urllib.request.Request(
            f"http://{self.address}{path}",
            data=sent,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer), {k.lower(): v for k, v in answer.headers.items()}

    def pods(self) -> list[dict[str, Any]]:
        """The server's pods."""
        listed = self.stage.kubectl("get", "pods", "-l", f"seatrial.dev/server={self.name}", "-o", "json")
        pods: list[dict[str, Any]] = json.loads(listed)["items"]
        return pods


def fresh(name: str) -> str:
    """For `spec.build.refresh`: an image that this run of the tests builds for this object alone."""
    return f"{name}-{RUN}"


@contextmanager
def applied(stage: Stage, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Served]]:
    """Objects of these names and sections are asked for all at once, and gone in the end."""
    all_of_them = {name: Served(stage, name) for name in wanted}
    for name, sections in wanted.items():
        build = {"refresh": fresh(name), **sections.get("build", {})}
        all_of_them[name].apply(all_of_them[name].spec(1, **{**sections, "build": build}))
    try:
        yield all_of_them
    finally:
        stage.kubectl("delete", "mdep", *wanted, "--ignore-not-found", "--wait=true", "--timeout=90s")


def shares(address: str, *, count: int, at_once: int = 8) -> Counter[str]:
    """Who answered `count` requests, each on a new connection."""
    return asyncio.run(_shares(address, count, at_once))


async def _shares(address: str, count: int, at_once: int) -> Counter[str]:
    host, _, port = address.partition(":")
    head = f"GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()
    seen: Counter[str] = Counter()
    left = iter(range(count))

    async def asker() -> None:
        for _ in left:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(head)
            answer = (await reader.read()).decode("latin-1").lower()
            writer.close()
            seen[answer.partition("x-seatrial-revision: ")[2].partition("\r\n")[0]] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(asker())
    return seen
