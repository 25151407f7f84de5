"""`spec.model`: what is served."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from seatrial.api import base, cel, fields

SCHEMES: Final = ("s3", "http", "https", "pvc", "configmap", "oci")
"""Of `uri`, in this version."""

_URI: Final = rf"^({'|'.join(SCHEMES)})://[^/\s][^\s]*$"
_USERINFO: Final = r"^[a-z0-9]+://[^/]*@"
_DOMAIN: Final = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
_DOTTED: Final = r"[A-Za-z0-9][A-Za-z0-9-]*[.][A-Za-z0-9.-]*[A-Za-z0-9]"
_REGISTRY: Final = rf"({_DOTTED}|{_DOMAIN}:[0-9]{{1,5}}|\[[0-9A-Fa-f:.]+\](:[0-9]{{1,5}})?)"
_PART: Final = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
_VERSION: Final = r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?"
_ARTIFACT: Final = rf"^oci://({_REGISTRY}/)?{_PART}(/{_PART})*{_VERSION}$"
_DIGEST: Final = r"^(sha256:[0-9a-f]{64})?$"
_IMAGE: Final = r"^[^@\s]+@sha256:[0-9a-f]{64}$"


class ModelFormat(StrEnum):
    """How the files of a model are read."""

    SKLEARN = "sklearn"
    SKOPS = "skops"
    XGBOOST = "xgboost"
    ONNX = "onnx"


class Credentials(base.SpecModel):
    """Where the keys to the model's source are."""

    secret_name: fields.NeededName
    """A Secret beside this object. Its keys are the words of the store: for s3 AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_REGION; for http(s) username and password, or token."""


class Model(base.SpecModel):
    """What is served: files that are built into an image, or an image. Exactly one of uri and image."""

    uri: Annotated[str, Field(max_length=1024)] = ""
    """Where the files are, one file or a folder: `s3://bucket/path/`, `https://host/file`, `http://host/file`,
    `pvc://claim/path`, `configmap://name/key` or `oci://registry/repository:tag`. All of it, a query behind `?`
    too, can be seen by everybody who may read Jobs and Pods: secrets belong into credentials."""

    image: Annotated[str, Field(max_length=512)] = ""
    """A container image that answers like a BentoML service on port 3000, with its digest:
    `registry/name@sha256:<64 hex digits>`. Nothing is fetched or built."""

    format: ModelFormat | None = None
    """How the files are read. Default: detected from their names and content."""

    digest: Annotated[str, Field(max_length=71)] = ""
    """A pin, `sha256:<64 hex digits>`: the build fails when the fetched files hash to another digest.
    Default: none."""

    allow_pickle: Annotated[bool, Field(strict=True)] = False
    """Permits formats that run code of their author while they are loaded, such as sklearn's pickles."""

    credentials: Credentials | None = None
    """The keys to the source. Default: none, the source is read anonymously."""

    @base.rule(
        "set exactly one of uri and image",
        cel="(has(self.uri) && self.uri != '') != (has(self.image) && self.image != '')",
    )
    def one_source(self) -> bool:
        """Either files or an image."""
        return bool(self.uri) != bool(self.image)

    @base.rule(
        "uri must begin with one of "
        + ", ".join(f"{scheme}://" for scheme in SCHEMES)
        + " and name a place behind it, without spaces",
        cel=f"!has(self.uri) || self.uri == '' || self.uri.matches({cel.literal(_URI)})",
        field="uri",
    )
    def known_scheme(self) -> bool:
        """The place can be read by this version."""
        return not self.uri or cel.matches(_URI, self.uri)

    @base.rule(
        "uri must not carry a user or a password; name a Secret in credentials.secretName",
        cel=f"!has(self.uri) || !self.uri.matches({cel.literal(_USERINFO)})",
        field="uri",
    )
    def no_password(self) -> bool:
        """Nothing secret stands in the spec."""
        return not cel.matches(_USERINFO, self.uri)

    @base.rule(
        "uri must name an artifact as oci://registry/repository:tag or oci://registry/repository@sha256:<64 hex"
        " digits>, the repository in lower case",
        cel=f"!has(self.uri) || !self.uri.startsWith('oci://') || self.uri.matches({cel.literal(_ARTIFACT)})",
        field="uri",
    )
    def named_artifact(self) -> bool:
        """The name is one that registries know: no other will ever be found."""
        return not self.uri.startswith("oci://") or cel.matches(_ARTIFACT, self.uri)

    @base.rule(
        "image must end in a digest, @sha256: and 64 hex digits; what a tag names can change",
        cel=f"!has(self.image) || self.image == '' || self.image.matches({cel.literal(_IMAGE)})",
        field="image",
    )
    def pinned_image(self) -> bool:
        """The image can never change beneath a revision."""
        return not self.image or cel.matches(_IMAGE, self.image)

    @base.rule(
        "digest must be sha256: and 64 hex digits",
        cel=f"!has(self.digest) || self.digest.matches({cel.literal(_DIGEST)})",
        field="digest",
    )
    def whole_digest(self) -> bool:
        """The pin can be met."""
        return cel.matches(_DIGEST, self.digest)

    @base.rule(
        "format, digest, allowPickle and credentials belong to uri; with image nothing is fetched",
        cel="!has(self.image) || self.image == '' || !(has(self.format) || has(self.credentials)"
        " || (has(self.digest) && self.digest != '') || (has(self.allowPickle) && self.allowPickle))",
    )
    def image_stands_alone(self) -> bool:
        """No field is set that would be ignored."""
        return not self.image or not (self.format or self.credentials or self.digest or self.allow_pickle)
