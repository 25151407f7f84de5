"""Whom we believe: the system's certificate authorities and those mounted beside the build."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Final

_SYSTEM: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*(?:-----END CERTIFICATE-----)?")


def authorities(folder: Path) -> str:
    """The PEM certificates of all files in the folder, also in those without the usual endings.

    Bundles name their authorities between the certificates, in all languages: TLS takes no such words.
    """
    if not folder.is_dir():
        return ""
    texts = [path.read_text(errors="replace") for path in sorted(folder.iterdir()) if path.is_file()]
    return "\n".join(pem for text in texts for pem in _PEM.findall(text))


def context(folder: Path) -> ssl.SSLContext:
    """TLS that believes the system's authorities and the folder's; `ValueError` when one cannot be read."""
    made = ssl.create_default_context()
    extra = authorities(folder)
    if extra:
        try:
            made.load_verify_locations(cadata=extra)
        except (ssl.SSLError, TypeError) as error:
            said = getattr(error, "reason", None) or error
            raise ValueError(f"a certificate in the CA bundle cannot be read: {said}") from error
    return made


def bundle(folder: Path, into: Path) -> Path | None:
    """One file of the system's authorities and the folder's, for libraries that take a file."""
    extra = authorities(folder)
    if not extra:
        return None
    places = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, *_SYSTEM)
    known = next((Path(place).read_text() for place in places if place and Path(place).is_file()), "")
    into.write_text(f"{known}\n{extra}\n")
    return into
