"""Anchors in S3 under Object Lock: objects that nobody can change or delete until their time is over.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deskhand.governance.anchoring.place import PlaceError, Sealed, fit, read_notes
from deskhand.governance.anchoring.settings import ObjectLockAnchorSettings
from deskhand.records.audit.anchors import Anchor
from deskhand.sdk.clock import Clock

_TIMEOUT_SECONDS = 10
_MISSING = 'boto3 is not installed: install "deskhand[anchors]"'


@dataclass(frozen=True, slots=True)
class ObjectLockPlace:
    """Puts each note under a key of its own. Raises PlaceError at once where boto3 is missing."""

    settings: ObjectLockAnchorSettings
    clock: Clock
    name: str = "s3"
    every: timedelta | None = None

    def put(self, sealed: Sealed) -> str:
        """Put a note that is locked from the moment it is there."""
        key = f"{self.settings.prefix}{sealed.name}.note"
        until = self.clock() + timedelta(days=self.settings.retain_days)
        with _Errors(self.settings.bucket):
            self._client().put_object(
                Bucket=self.settings.bucket,
                Key=key,
                Body=sealed.note.encode(),
                ContentType="text/plain; charset=utf-8",
                ChecksumAlgorithm="SHA256",
                ObjectLockMode=self.settings.mode,
                ObjectLockRetainUntilDate=until,
            )
        return f"s3://{self.settings.bucket}/{key}"

    def anchors(self, origin: str) -> tuple[Anchor, ...] | None:
        """Read back the oldest version of every note: a newer one is not what was anchored."""
        prefix = f"{self.settings.prefix}{fit(origin)}-"
        with _Errors(self.settings.bucket):
            client = self._client()
            pages = client.get_paginator("list_object_versions").paginate(Bucket=self.settings.bucket, Prefix=prefix)
            versions = (each for page in pages for each in page.get("Versions", ()))
            first = {each["Key"]: each for each in versions}  # the most recent comes first, so the oldest stays
            return read_notes((self._note(client, each) for each in first.values()), origin)

    def _note(self, client: Any, version: dict[str, Any]) -> str:  # noqa: ANN401  # boto3 makes its classes at run time
        answer = client.get_object(Bucket=self.settings.bucket, Key=version["Key"], VersionId=version["VersionId"])
        content: bytes = answer["Body"].read(65_536)
        return content.decode("utf-8", "replace")

    def _client(self) -> Any:  # noqa: ANN401  # as above
        try:
            import boto3  # noqa: PLC0415  # an extra, and slow to import
            from botocore.config import Config  # noqa: PLC0415  # as above
        except ImportError as error:
            raise PlaceError(_MISSING) from error
        secret = self.settings.secret_access_key
        patience = Config(
            connect_timeout=_TIMEOUT_SECONDS, read_timeout=_TIMEOUT_SECONDS, retries={"total_max_attempts": 2}
        )
        return boto3.client(
            "s3",
            region_name=self.settings.region or None,
            endpoint_url=self.settings.endpoint or None,
            aws_access_key_id=self.settings.access_key_id or None,
            aws_secret_access_key=secret.get_secret_value() if secret else None,
            config=patience,
        )


class _Errors:
    """Turns what boto3 raises into PlaceError, by its code alone."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, PlaceError):
            return
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # it is there: it raised

        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "unknown")
            raise PlaceError(
                f"bucket {self._bucket} refused ({code}): check its name, its Object Lock and our permissions"
            ) from None
        if isinstance(error, (BotoCoreError, ValueError)):
            raise PlaceError(f"S3 cannot be used ({type(error).__name__}): check endpoint, region and keys") from None
