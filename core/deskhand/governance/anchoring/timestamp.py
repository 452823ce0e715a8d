"""Anchors in time: tokens of a time-stamping authority (RFC 3161) that a checkpoint existed when they say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import httpx
from cryptography.x509 import Certificate, load_pem_x509_certificates

from deskhand.governance.anchoring.place import PlaceError, Sealed, fit, read_notes
from deskhand.records.audit.anchors import Anchor
from deskhand.sdk.errors import ConnectorError
from deskhand.sdk.http import HttpClient, Patience

_LARGEST_TOKEN: Final = 65_536
_TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class TimestampPlace:
    """Has each note stamped, and keeps note and token side by side.

    A token proves that the note is not younger than it; it cannot be forged, but whoever owns the folder can delete it.
    """

    url: str
    roots: Path
    folder: Path
    allow_private_addresses: bool = False
    name: str = "timestamp"
    every: timedelta | None = None

    def put(self, sealed: Sealed) -> str:
        """Have a note stamped and keep the token, once it is verified for this note and this very request."""
        library, content = _library(), sealed.note.encode()
        request = library.TimestampRequestBuilder().data(content).hash_algorithm(library.HashAlgorithm.SHA256).build()
        answer = self._asked(request.as_bytes())
        token = _decoded(answer)
        _verify(token, content, self._trusted(), request)
        at = token.tst_info.gen_time
        self._keep(f"{sealed.name}.note", content)
        self._keep(f"{sealed.name}.tsr", answer)
        return f"{self.folder / sealed.name}.tsr of {at:%Y-%m-%d %H:%M:%S} UTC"

    def anchors(self, origin: str) -> tuple[Anchor, ...] | None:
        """Verify every token that is kept against its note. Raises PlaceError naming one that does not fit."""
        roots = self._trusted()
        return read_notes((self._checked(path, roots) for path in self._tokens(origin)), origin)

    def _tokens(self, origin: str) -> Iterable[Path]:
        return sorted(self.folder.glob(f"{fit(origin)}-*.tsr"))

    def _checked(self, path: Path, roots: list[Certificate]) -> str:
        try:
            note, answer = path.with_suffix(".note").read_bytes(), path.read_bytes()
        except OSError as error:
            raise PlaceError(f"{path} or the note beside it cannot be read ({error.strerror})") from error
        try:
            _verify(_decoded(answer), note, roots)
        except PlaceError as error:
            raise PlaceError(f"{path.name}: {error}") from error
        return note.decode("utf-8", "replace")

    def _asked(self, request: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        url = httpx.URL(self.url)
        try:
            with HttpClient(
                str(url.copy_with(raw_path=b"/")),
                timeout_seconds=_TIMEOUT_SECONDS,
                allow_private_addresses=self.allow_private_addresses,
                patience=Patience(attempts=2, largest_answer=_LARGEST_TOKEN),
            ) as client:
                return client.send(
                    "POST", url.raw_path.decode(), content=request, headers=headers, idempotent=True
                ).content
        except ConnectorError as error:
            raise PlaceError(f"the time-stamping authority gave no token: {error}") from error

    def _trusted(self) -> list[Certificate]:
        try:
            return load_pem_x509_certificates(self.roots.read_bytes())
        except (OSError, ValueError) as error:
            raise PlaceError(f"{self.roots} holds no certificates: set `roots` to the authority's PEM file") from error

    def _keep(self, name: str, content: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = self.folder / f".{name}.draft"
            draft.write_bytes(content)
            draft.replace(self.folder / name)
        except OSError as error:
            raise PlaceError(f"{self.folder} cannot be written ({error.strerror})") from error


def _library() -> ModuleType:
    try:
        import rfc3161_client  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise PlaceError('rfc3161-client is not installed: install "deskhand[anchors]"') from error
    return rfc3161_client


def _decoded(answer: bytes) -> Any:  # noqa: ANN401  # the library's own class
    try:
        return _library().decode_timestamp_response(answer)
    except ValueError as error:
        raise PlaceError("what the time-stamping authority answered is no token") from error


def _verify(token: Any, content: bytes, roots: list[Certificate], request: Any = None) -> None:  # noqa: ANN401  # as above
    library = _library()
    builder = library.VerifierBuilder() if request is None else library.VerifierBuilder.from_request(request)
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(token, content)
    except (library.VerificationError, ValueError) as error:
        raise PlaceError(f"the token does not hold for the checkpoint ({error})") from error
