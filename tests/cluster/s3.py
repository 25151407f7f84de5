"""The lab's object store, and a client of few lines that signs its requests."""

import datetime
import hashlib
import hmac
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from tests.cluster.errors import LabError

PORT = 7070
INSIDE = f"http://s3.lab:{PORT}"
REGION = "us-east-1"
ACCESS_KEY = "seatrial-lab"
SECRET_KEY = "seatrial-lab-secret"  # of a store that nobody outside this machine can reach
TIMEOUT = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class S3:
    """Endpoints, keys, and what tests do with them. Requests with a wrong signature are refused with 403."""

    outside: str  # http://127.0.0.1:PORT, from the machine
    inside: str = INSIDE  # from pods
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = REGION

    def create_bucket(self, bucket: str) -> None:
        """The bucket exists."""
        self.send("PUT", bucket, accepted=(200, 409))

    def put(self, bucket: str, key: str, data: bytes) -> str:
        """The object has these bytes; its address for `spec.model.uri`."""
        self.send("PUT", bucket, key, data)
        return f"s3://{bucket}/{key}"

    def get(self, bucket: str, key: str) -> bytes:
        """The bytes of the object."""
        return self.send("GET", bucket, key)

    def delete(self, bucket: str, key: str) -> None:
        """The object does not exist."""
        self.send("DELETE", bucket, key, accepted=(204, 404))

    def send(
        self,
        method: str,
        bucket: str,
        key: str = "",
        data: bytes = b"",
        *,
        accepted: tuple[int, ...] = (200,),
    ) -> bytes:
        """The answer's body. Raises LabError when its status is not accepted."""
        path = f"/{quote(bucket)}" + (f"/{quote(key)}" if key else "")
        headers = self._signed(method, path, data, now=datetime.datetime.now(datetime.UTC))
        request = urllib.request.Request(self.outside + path, data or None, headers, method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=TIMEOUT) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                body = error.read()
            if error.code in accepted:
                return body
            raise LabError(f"{method} {path}: {error.code} {_code_of(body)}") from None

    def _signed(self, method: str, path: str, data: bytes, *, now: datetime.datetime) -> dict[str, str]:
        """Headers with a signature of version 4."""
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        digest = hashlib.sha256(data).hexdigest()
        signed = {"host": urlsplit(self.outside).netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
        scope = f"{day}/{self.region}/s3/aws4_request"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        signature = self._key(day, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}")
        credential = f"Credential={self.access_key}/{scope}"
        authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
        return {**signed, "Authorization": authorization}

    def _key(self, day: str, text: str) -> str:
        secret = f"AWS4{self.secret_key}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        return hmac.digest(secret, text.encode(), "sha256").hex()


def _code_of(body: bytes) -> str:
    """The kind of error in an answer of the store."""
    found = re.search(rb"<Code>(\w+)</Code>", body)
    return (found.group(1) if found else body[:200]).decode(errors="replace")
