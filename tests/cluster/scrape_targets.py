"""Tells Prometheus which pods to scrape: those annotated prometheus.io/scrape.

Started as `python scrape_targets.py KUBECONFIG FILE`. Debian's Prometheus is built without discovery by Kubernetes,
so the targets are written into a file that it watches. Nothing but the standard library, as in keeper.py.
"""

import base64
import json
import ssl
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

EVERY = 2.0  # seconds
ANNOTATION = "prometheus.io/"
TIMEOUT = 10.0  # seconds


def targets_of(pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The target groups for running pods that want to be scraped, with their labels."""
    return [target for pod in pods if (target := _target_of(pod))]


def _target_of(pod: dict[str, Any]) -> dict[str, Any] | None:
    meta, address = pod["metadata"], pod["status"].get("podIP")
    wishes = meta.get("annotations", {})
    if wishes.get(f"{ANNOTATION}scrape") != "true" or not address or pod["status"].get("phase") != "Running":
        return None
    labels = {_label(name): value for name, value in meta.get("labels", {}).items()}
    labels |= {"namespace": meta["namespace"], "pod": meta["name"]}
    labels["__metrics_path__"] = wishes.get(f"{ANNOTATION}path", "/metrics")
    return {"targets": [f"{address}:{wishes.get(f'{ANNOTATION}port', '80')}"], "labels": labels}


def _label(name: str) -> str:
    """A label's name as Prometheus allows it."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def pods_of(kubeconfig: dict[str, Any]) -> list[dict[str, Any]]:
    """All pods of the cluster."""
    cluster, token = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]["token"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    request = urllib.request.Request(
        f"{cluster['server']}/api/v1/pods?resourceVersion=0", headers={"Authorization": f"Bearer {token}"}
    )
    context = ssl.create_default_context(cadata=authority)
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=context) as answer:
        return list(json.load(answer)["items"])


def main() -> None:
    """The file follows the pods."""
    kubeconfig, file = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    while True:
        try:
            text = json.dumps(targets_of(pods_of(kubeconfig)))
            if not file.exists() or file.read_text() != text:
                file.with_suffix(".new").write_text(text)
                file.with_suffix(".new").replace(file)
        except OSError as error:
            print(f"the pods cannot be listed: {error}", flush=True)
        time.sleep(EVERY)


if __name__ == "__main__":
    main()
