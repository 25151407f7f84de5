"""The phases of a build in their order; whatever happens, there is a report at the end.

look up the tag ──there──────────────────────────────────────────► report (cached)
  └ fetch → hash → unpack → detect ┬ trial (own process) ┬ layers → push → report
                                   └ Bento ──────────────┘
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from model_runtime import contract, sources
from model_runtime.builder import bento, existing_image, image_content, model_digest, report, trial_runner
from model_runtime.builder.folders import Places
from model_runtime.builder.log_tail import Tail
from model_runtime.builder.redaction import Discreet
from model_runtime.builder.trial_runner import Proof
from model_runtime.contract import BuildReport, BuildRequest, ModelCard
from model_runtime.failures import BuildBroken, RegistryUnavailable, RuntimeMismatch
from model_runtime.formats import RUNTIME_OF, Detected, detect, pickled
from model_runtime.registry import tls
from model_runtime.registry.client import Manifest, Registry
from model_runtime.registry.credentials import Keyring
from model_runtime.registry.image_builder import Additions, Assembly
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import Transport
from model_runtime.sources import address, archives, limits

log = logging.getLogger("seatrial.build")


def main(environment: Mapping[str, str] = os.environ) -> int:
    """The exit code: 0 when the image stands in the registry. The report is in the termination message."""
    tail = Tail()
    _log_to_stdout(tail)
    places = Places.of(environment)
    phases = report.Phases()
    try:
        with phases.phase("total"):
            request = _request(environment)
            places.prepare()
            with closing(Build(request, places, phases)) as build:
                outcome = build.run()
    except BaseException as error:
        outcome = report.of_failure(error, work=places.work, seconds=phases.seconds, log_tail=tail.text)
    report.write(outcome, places.termination)
    return 0 if outcome.succeeded else 1


def _log_to_stdout(tail: Tail) -> None:
    handlers = [logging.StreamHandler(sys.stdout), tail]
    for handler in handlers:
        handler.setFormatter(Discreet("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells whole addresses, with their signatures
    for name in ("seatrial.build", "seatrial.registry"):
        logging.getLogger(name).setLevel(logging.INFO)
        logging.getLogger(name).handlers = list(handlers)
        logging.getLogger(name).propagate = False


def _request(environment: Mapping[str, str]) -> BuildRequest:
    try:
        return BuildRequest.from_json(environment.get(contract.BUILD_REQUEST_VARIABLE, ""))
    except (ValueError, TypeError) as error:
        raise BuildBroken(
            f"the build request cannot be read ({error}): operator and runtime image are of different versions."
        ) from error


@dataclass(slots=True)
class Build:
    """One build under way."""

    request: BuildRequest
    places: Places
    phases: report.Phases
    target: Reference = field(init=False)
    runtime: Reference = field(init=False)
    registry: Registry = field(init=False)

    def __post_init__(self) -> None:
        if self.request.python_packages:
            raise BuildBroken("spec.build.packages.python cannot be installed by this builder.")
        self.target = _reference(f"{self.request.repository}:{self.request.build_id}")
        self.runtime = _reference(self.request.runtime_image)
        self.registry = Registry(self._transport())

    def run(self) -> BuildReport:
        """The report of an image that stands in the registry; a `BuildFailure` otherwise."""
        with self.phases.phase("lookup"):
            standing = existing_image.standing(self.registry, self.target, self.request)
        if standing is not None:
            log.info("%s stands in the registry already; nothing is fetched", self.target)
            return standing
        base = self._runtime_image()
        fetched, digest = self._fetched()
        found = self._detected()
        proof = self._proven(found)
        card = self._card(found, digest)
        with self.phases.phase("layers"):
            image_content.stage(self.places, card, proof)
            shown = address.shown(self.request.uri)
            additions = image_content.additions(self.places, self.request, card, source=shown)
        with self.phases.phase("push"):
            image = self._pushed(base, additions)
        return BuildReport(
            image=image,
            model_digest=digest,
            format=found.format,
            source={"uri": shown, **fetched.resolved},
            seconds=self.phases.seconds,
        )

    def close(self) -> None:
        """No connection is left open."""
        self.registry.transport.close()

    def _fetched(self) -> tuple[sources.Fetched, str]:
        with self.phases.phase("fetch"):
            fetched = sources.fetch(self._order())
        with self.phases.phase("hash"):
            digest = model_digest.digest_of(self.places.model, single=fetched.single)
        log.info("the files have digest %s", digest)
        model_digest.require(digest, pinned=self.request.digest, source=address.shown(self.request.uri))
        self._unpack(single=fetched.single)
        return fetched, digest

    def _unpack(self, *, single: bool) -> None:
        """A single tar gives way to the files in it."""
        files = [path for path in self.places.model.rglob("*") if path.is_file()] if single else []
        if files and archives.is_archive(files[0]):
            moved = files[0].rename(self.places.spool / files[0].name)
            archives.unpack(moved, self.places.model, room=limits.Room(limits.limits_of(self.places.work)))
            moved.unlink()

    def _order(self) -> sources.Order:
        return sources.Order(
            uri=self.request.uri,
            into=self.places.model,
            credentials=self.places.credentials,
            ca=self.places.ca,
            volume=self.places.volume,
            spool=self.places.spool,
            limits=limits.limits_of(self.places.work),
            plain_http=self._plain_hosts(),
        )

    def _detected(self) -> Detected:
        found = detect(self.places.model, wanted=self.request.format)
        log.info("%s is a model of format %s", found.path.relative_to(self.places.model), found.format)
        if found.format == "sklearn" and not self.request.allow_pickle:
            raise pickled.refusal(found.path)
        wanted, have = RUNTIME_OF[found.format], self.request.runtime
        if have and have != wanted and not have.startswith(f"{wanted}-"):
            raise RuntimeMismatch(
                f"the model is {found.format}, which runtime {wanted} serves; this build runs on {have}.",
                wanted,
                found.format,
            )
        return found

    def _proven(self, found: Detected) -> Proof:
        """The model answered, and its Bento stands in the staging folder: one while the other."""
        outcome = self.places.spool / "outcome.json"
        allowed = self.request.allow_pickle
        with trial_runner.begun(found, self.places.model, outcome, allow_pickle=allowed) as trial:
            with self.phases.phase("bento"):
                self._make_bento()
            with self.phases.phase("load"):
                proof = trial.proof()
        log.info("the model is loaded and answers its example")
        return proof

    def _make_bento(self) -> None:
        bento.build(
            self.request.name,
            self.request.build_id,
            date=self.request.source_date,
            context=self.places.spool / "service",
            into=image_content.bento_folder(self.places),
        )

    def _card(self, found: Detected, digest: str) -> ModelCard:
        return ModelCard(
            name=self.request.name,
            build_id=self.request.build_id,
            format=found.format,
            path=found.path.relative_to(self.places.model).as_posix(),
            digest=digest,
            allow_pickle=self.request.allow_pickle,
        )

    def _runtime_image(self) -> Manifest:
        found = self.registry.manifest(self.runtime)
        if found is None:
            raise RegistryUnavailable(
                f"the runtime image {self.runtime} does not exist in its registry: push it there, or correct "
                f"the runtime catalogue in the operator's settings."
            )
        return found

    def _pushed(self, base: Manifest, additions: Additions) -> str:
        assembly = Assembly(self.registry, self.runtime, self.target, self.places.spool)
        digest = assembly.push(base, additions)
        log.info("pushed %s@%s", self.target, digest)
        return existing_image.pulled_as(self.request, digest)

    def _transport(self) -> Transport:
        try:
            trust = tls.context(self.places.ca)
        except ValueError as error:
            raise RegistryUnavailable(f"{error}: correct spec.build.registry.caConfigMapName.") from error
        keyring = Keyring.of([self.places.push, self.places.pull], host=self.target.host)
        return Transport(trust, keyring, plain_http=self._plain_hosts())

    def _plain_hosts(self) -> frozenset[str]:
        return frozenset({self.target.host}) if self.request.plain_http else frozenset()


def _reference(text: str) -> Reference:
    try:
        return Reference.parse(text)
    except ValueError as error:
        raise BuildBroken(f"{error}: correct spec.build.registry or the operator's settings.") from error
