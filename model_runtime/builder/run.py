"""The phases of a build in order. Whatever happens, it ends with a report.

look up the tag ──exists, no digest is pinned────────────────────► report (cached)
  └ fetch → hash → unpack → detect ┬ trial (own process) ┬ layers → push → report
                                   └ Bento ──────────────┘
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from model_runtime import contract, sources
from model_runtime.builder import (
    bento,
    existing_image,
    image_content,
    logs,
    model_digest,
    report,
    trial_runner,
)
from model_runtime.builder.folders import Folders
from model_runtime.builder.logs import LogTail
from model_runtime.builder.trial_runner import TrialResult
from model_runtime.contract import BuildReport, BuildRequest, ModelCard
from model_runtime.destinations import Destinations
from model_runtime.failures import BuildBroken, RegistryUnavailable, RuntimeMismatch
from model_runtime.formats import RUNTIME_OF, Detected, detect, examples, pickled
from model_runtime.registry import tls
from model_runtime.registry.client import Manifest, RegistryClient
from model_runtime.registry.credentials import Keyring
from model_runtime.registry.image_builder import Additions, ImageBuilder
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import Transport
from model_runtime.sources import FetchRequest, FetchResult, address, archives, limits

log = logging.getLogger("seatrial.build")


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run the build and write its report to the termination message; return 0 when the image is in the registry."""
    tail = LogTail()
    logs.configure(tail)
    folders = Folders.from_environment(environment)
    phases = report.Phases()
    try:
        with phases.phase("total"):
            request = _request(environment)
            folders.prepare()
            with closing(Build(request, folders, phases)) as build:
                result = build.run()
    except BaseException as error:
        result = report.of_failure(error, work=folders.work, seconds=phases.seconds, log_tail=tail.text)
    report.write(result, folders.termination)
    return 0 if result.succeeded else 1


def _request(environment: Mapping[str, str]) -> BuildRequest:
    try:
        return BuildRequest.from_json(environment.get(contract.BUILD_REQUEST_VARIABLE, ""))
    except (ValueError, TypeError) as error:
        raise BuildBroken(
            f"the build request cannot be read ({error}): operator and runtime image have different versions."
        ) from error


@dataclass(slots=True)
class Build:
    """One build."""

    request: BuildRequest
    folders: Folders
    phases: report.Phases
    target: Reference = field(init=False)
    runtime: Reference = field(init=False)
    registry: RegistryClient = field(init=False)

    def __post_init__(self) -> None:
        if self.request.python_packages:
            raise BuildBroken("spec.build.packages.python is not supported by this builder: remove it.")
        self.target = _reference(f"{self.request.repository}:{self.request.build_id}")
        self.runtime = _reference(self.request.runtime_image)
        self.registry = RegistryClient(self._transport())

    def run(self) -> BuildReport:
        """Push the image and return its report; a `BuildFailure` when that fails."""
        with self.phases.phase("lookup"):
            existing = existing_image.report_of(self.registry, self.target, self.request)
        if existing is not None:
            log.info("%s exists in the registry; nothing is fetched", self.target)
            return existing
        base = self._runtime_image()
        fetched, digest = self._fetch()
        detected = self._detect()
        trial = self._try_model(detected)
        card = self._card(detected, digest)
        uri = address.redacted(self.request.uri)
        with self.phases.phase("layers"):
            image_content.stage(self.folders, card, trial)
            additions = image_content.additions(self.folders, self.request, card, source=uri)
        with self.phases.phase("push"):
            image = self._push(base, additions)
        return BuildReport(
            image=image,
            model_digest=digest,
            format=detected.format,
            source={"uri": uri, **fetched.details},
            seconds=self.phases.seconds,
            warnings=trial.warnings,
        )

    def close(self) -> None:
        """Close all connections."""
        self.registry.transport.close()

    def _fetch(self) -> tuple[FetchResult, str]:
        with self.phases.phase("fetch"):
            fetched = sources.fetch(self._fetch_request())
        with self.phases.phase("hash"):
            digest = model_digest.digest_of(
                self.folders.model, single_file=fetched.single_file, companions=examples.FILES
            )
        log.info("the files have digest %s", digest)
        source = address.redacted(self.request.uri)
        model_digest.require(digest, pinned=self.request.digest, source=source)
        self._unpack(single_file=fetched.single_file)
        return fetched, digest

    def _unpack(self, *, single_file: bool) -> None:
        """Replace a single tar with the files in it."""
        files = [path for path in self.folders.model.rglob("*") if path.is_file()] if single_file else []
        file = model_digest.single(files, examples.FILES) if files else None
        if file is not None and archives.is_archive(file):
            archive = file.rename(self.folders.spool / file.name)
            quota = limits.Quota(self._limits())
            archives.unpack(archive, self.folders.model, quota=quota)
            archive.unlink()

    def _fetch_request(self) -> FetchRequest:
        return FetchRequest(
            uri=self.request.uri,
            folder=self.folders.model,
            credentials=self.folders.credentials,
            ca=self.folders.ca,
            volume=self.folders.volume,
            spool=self.folders.spool,
            limits=self._limits(),
            companions=examples.FILES,
            plain_http=self._plain_http_hosts(),
            destinations=Destinations(private=self.request.private_sources),
        )

    def _limits(self) -> limits.Limits:
        return limits.limits_of(self.folders.work, most=self.request.max_model_bytes)

    def _detect(self) -> Detected:
        detected = detect(self.folders.model, wanted=self.request.format)
        file = detected.path.relative_to(self.folders.model)
        log.info("%s is a model of format %s", file, detected.format)
        if detected.format == "sklearn" and not self.request.allow_pickle:
            raise pickled.refusal(detected.path)
        needed, runtime = RUNTIME_OF[detected.format], self.request.runtime
        if runtime and runtime != needed and not runtime.startswith(f"{needed}-"):
            raise RuntimeMismatch(
                f"the model has format {detected.format}, which runtime {needed} serves; this build runs on {runtime}.",
                needed,
                detected.format,
            )
        return detected

    def _try_model(self, detected: Detected) -> TrialResult:
        """Return the result of the trial; the Bento is built at the same time."""
        outcome = self.folders.spool / "outcome.json"
        allowed = self.request.allow_pickle
        with trial_runner.start(detected, self.folders.model, outcome, allow_pickle=allowed) as trial:
            with self.phases.phase("bento"):
                self._build_bento()
            with self.phases.phase("load"):
                result = trial.result()
        log.info("the model loads and predicts from its example")
        for warning in result.warnings:
            log.warning("%s", warning)
        return result

    def _build_bento(self) -> None:
        bento.build(
            self.request.name,
            self.request.build_id,
            date=self.request.source_date,
            context=self.folders.spool / "service",
            target=image_content.bento_folder(self.folders),
        )

    def _card(self, detected: Detected, digest: str) -> ModelCard:
        return ModelCard(
            name=self.request.name,
            build_id=self.request.build_id,
            format=detected.format,
            path=detected.path.relative_to(self.folders.model).as_posix(),
            digest=digest,
            allow_pickle=self.request.allow_pickle,
        )

    def _runtime_image(self) -> Manifest:
        manifest = self.registry.manifest(self.runtime)
        if manifest is None:
            raise RegistryUnavailable(
                f"the runtime image {self.runtime} does not exist in its registry: push it there, or correct "
                f"the runtime catalogue in the operator's settings."
            )
        return manifest

    def _push(self, base: Manifest, additions: Additions) -> str:
        builder = ImageBuilder(self.registry, self.runtime, self.target, self.folders.spool)
        digest = builder.push(base, additions)
        log.info("pushed %s@%s", self.target, digest)
        return existing_image.pull_name(self.request, digest)

    def _transport(self) -> Transport:
        try:
            context = tls.ssl_context(self.folders.ca)
        except ValueError as error:
            raise RegistryUnavailable(f"{error}: correct spec.build.registry.caConfigMapName.") from error
        keyring = Keyring.from_folders([self.folders.push, self.folders.pull], host=self.target.host)
        return Transport(context, keyring, plain_http=self._plain_http_hosts())

    def _plain_http_hosts(self) -> frozenset[str]:
        return frozenset({self.target.host}) if self.request.plain_http else frozenset()


def _reference(text: str) -> Reference:
    try:
        return Reference.parse(text)
    except ValueError as error:
        raise BuildBroken(f"{error}: correct spec.build.registry or the operator's settings.") from error
