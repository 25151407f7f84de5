"""Trusted certificate authorities: the system's, and those in the folder that is mounted beside the build."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Final

_SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*(?:-----END CERTIFICATE-----)?")


def ca_certificates(folder: Path) -> str:
    """Return the PEM certificates of all files in the folder, whatever the files are called.

    Bundles have comments between the certificates, in any encoding; OpenSSL reads none that is not ASCII.
    """
    if not folder.is_dir():
        return ""
    texts = [path.read_text(errors="replace") for path in sorted(folder.iterdir()) if path.is_file()]
    return "\n".join(pem for text in texts for pem in _PEM.findall(text))


def ssl_context(folder: Path) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities and the folder's; `ValueError` for an invalid one."""
    context = ssl.create_default_context()
    certificates = ca_certificates(folder)
    if certificates:
        try:
            context.load_verify_locations(cadata=certificates)
        except (ssl.SSLError, TypeError) as error:
            reason = getattr(error, "reason", None) or error
            raise ValueError(f"a certificate in the CA bundle cannot be read: {reason}") from error
    return context


def write_ca_bundle(folder: Path, path: Path) -> Path | None:
    """Write the system's authorities and the folder's to one file, for libraries that read a file.

    Return its path, or None when the folder has no certificates.
    """
    certificates = ca_certificates(folder)
    if not certificates:
        return None
    bundles = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, *_SYSTEM_BUNDLES)
    system = next((Path(bundle).read_text() for bundle in bundles if bundle and Path(bundle).is_file()), "")
    path.write_text(f"{system}\n{certificates}\n")
    return path
