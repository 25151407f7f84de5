"""`spec.model`: the model that is served."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import Field

from seatrial.api import base, cel, fields

SCHEMES: Final = ("s3", "http", "https", "pvc", "configmap", "oci")
"""The URI schemes that this version supports."""

_URI: Final = rf"^({'|'.join(SCHEMES)})://[^/\s][^\s]*$"
_HOST: Final = (
    r"^[a-z0-9]+://([A-Za-z0-9._~%!$&'()*+,;=:@-]+|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?)([/?#][^\s]*)?$"
)
"""RFC 3986: letters, digits and signs of ASCII, or an IPv6 address in brackets."""
_OF_CLUSTER: Final = r"^(pvc|configmap)://"
_OBJECT: Final = _OF_CLUSTER + fields.OBJECT_NAME[1:-1] + r"([/?#][^\s]*)?$"
_USERINFO: Final = r"^[a-z0-9]+://[^/]*@"
_DOMAIN: Final = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
_DOTTED: Final = r"[A-Za-z0-9][A-Za-z0-9-]*[.][A-Za-z0-9.-]*[A-Za-z0-9]"
_REGISTRY: Final = rf"({_DOTTED}|{_DOMAIN}:[0-9]{{1,5}}|\[[0-9A-Fa-f:.]+\](:[0-9]{{1,5}})?)"
_PART: Final = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
_VERSION: Final = r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?"
_ARTIFACT: Final = rf"^oci://({_REGISTRY}/)?{_PART}(/{_PART})*{_VERSION}$"
_DIGEST: Final = r"^(sha256:[0-9a-f]{64})?$"
_IMAGE: Final = r"^[^@\s]+@sha256:[0-9a-f]{64}$"


def split_uri(uri: str) -> SplitResult:
    """Return the parts of a valid `uri`. `ValueError` where its host is none, as in `http://[::1/model`."""
    return urlsplit(uri)


class ModelFormat(StrEnum):
    """The format of a model's files."""

    SKLEARN = "sklearn"
    SKOPS = "skops"
    XGBOOST = "xgboost"
    ONNX = "onnx"


class Credentials(base.SpecModel):
    """The credentials for the model's source."""

    secret_name: fields.NeededName
    """A Secret in the same namespace. Its keys depend on the source: for s3 AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL and AWS_REGION; for http(s) username and password, or token."""


class Model(base.SpecModel):
    """The model that is served: files that are built into an image, or an image. Set exactly one of uri and image."""

    uri: Annotated[str, Field(max_length=1024)] = ""
    """Where the model files are, a file or a folder: `s3://bucket/path/`, `https://host/file`, `http://host/file`,
    `pvc://claim/path`, `configmap://name/key` or `oci://registry/repository:tag`. Everyone who can read Jobs and Pods
    can see the whole URI, including a query after `?`: put secrets into credentials."""

    image: Annotated[str, Field(max_length=512)] = ""
    """A container image that serves the HTTP API of a BentoML service on port 3000, with its digest:
    `registry/name@sha256:<64 hex digits>`. Nothing is fetched or built."""

    format: ModelFormat | None = None
    """The format of the files. Default: detected from their names and content."""

    digest: Annotated[str, Field(max_length=71)] = ""
    """The expected digest of the files, `sha256:<64 hex digits>`: the build fails when the fetched files have another
    digest. Default: none."""

    allow_pickle: Annotated[bool, Field(strict=True)] = False
    """Whether formats that execute code of their author while they are loaded, such as the pickles of sklearn, are
    permitted."""

    credentials: Credentials | None = None
    """The credentials for the source. Default: none, the source is read anonymously."""

    @base.rule(
        "set exactly one of uri and image",
        cel="(has(self.uri) && self.uri != '') != (has(self.image) && self.image != '')",
    )
    def has_one_source(self) -> bool:
        """Return whether the model is given either as files or as an image."""
        return bool(self.uri) != bool(self.image)

    @base.rule(
        "uri must start with one of "
        + ", ".join(f"{scheme}://" for scheme in SCHEMES)
        + ", followed by a location without spaces",
        cel=f"!has(self.uri) || self.uri == '' || self.uri.matches({cel.literal(_URI)})",
        field="uri",
    )
    def has_known_scheme(self) -> bool:
        """Return whether this version can read the source."""
        return not self.uri or cel.matches(_URI, self.uri)

    @base.rule(
        "uri must name a host by letters, digits and signs of ASCII, or by an IPv6 address in brackets",
        cel=f"!has(self.uri) || self.uri == '' || self.uri.matches({cel.literal(_HOST)})",
        field="uri",
    )
    def has_valid_host(self) -> bool:
        """Return whether every reader of the URI finds the same host in it.

        CEL cannot tell an IPv6 address from other text in brackets: that is only checked here.
        """
        return not self.uri or (cel.matches(_HOST, self.uri) and _can_be_split(self.uri))

    @base.rule(
        "uri must name an object in the same namespace as pvc://claim/path or configmap://name/key",
        cel=f"!has(self.uri) || !self.uri.matches({cel.literal(_OF_CLUSTER)})"
        f" || self.uri.matches({cel.literal(_OBJECT)})",
        field="uri",
    )
    def has_valid_object_name(self) -> bool:
        """Return whether an object can have the name: with any other the build's pod cannot be created."""
        return not cel.matches(_OF_CLUSTER, self.uri) or cel.matches(_OBJECT, self.uri)

    @base.rule(
        "uri must not contain a user or password; put them into a Secret and name it in credentials.secretName",
        cel=f"!has(self.uri) || !self.uri.matches({cel.literal(_USERINFO)})",
        field="uri",
    )
    def has_no_credentials(self) -> bool:
        """Return whether the URI is free of credentials."""
        return not cel.matches(_USERINFO, self.uri)

    @base.rule(
        "uri must name an artifact as oci://registry/repository:tag or oci://registry/repository@sha256:<64 hex"
        " digits>, with the repository in lower case",
        cel=f"!has(self.uri) || !self.uri.startsWith('oci://') || self.uri.matches({cel.literal(_ARTIFACT)})",
        field="uri",
    )
    def has_valid_artifact_name(self) -> bool:
        """Return whether the name is valid under the OCI distribution spec; no registry has any other."""
        return not self.uri.startswith("oci://") or cel.matches(_ARTIFACT, self.uri)

    @base.rule(
        "image must end with a digest, @sha256: and 64 hex digits, because a tag can change",
        cel=f"!has(self.image) || self.image == '' || self.image.matches({cel.literal(_IMAGE)})",
        field="image",
    )
    def has_pinned_image(self) -> bool:
        """Return whether the image of a revision cannot change."""
        return not self.image or cel.matches(_IMAGE, self.image)

    @base.rule(
        "digest must be sha256: and 64 hex digits",
        cel=f"!has(self.digest) || self.digest.matches({cel.literal(_DIGEST)})",
        field="digest",
    )
    def has_complete_digest(self) -> bool:
        """Return whether the digest is complete."""
        return cel.matches(_DIGEST, self.digest)

    @base.rule(
        "format, digest, allowPickle and credentials require uri; an image is not fetched or built",
        cel="!has(self.image) || self.image == '' || !(has(self.format) || has(self.credentials)"
        " || (has(self.digest) && self.digest != '') || (has(self.allowPickle) && self.allowPickle))",
    )
    def has_no_ignored_field(self) -> bool:
        """Return whether no field is set that would be ignored."""
        return not self.image or not (self.format or self.credentials or self.digest or self.allow_pickle)


def _can_be_split(uri: str) -> bool:
    try:
        split_uri(uri)
    except ValueError:
        return False
    return True
