from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from deskhand.governance.anchoring.object_lock import ObjectLockPlace
from deskhand.governance.anchoring.place import PlaceError, Sealed
from deskhand.governance.anchoring.settings import ObjectLockAnchorSettings
from deskhand.sdk.clock import utc_now

Seal = Callable[..., Sealed]
SECRET = SecretStr("-".join(["hush"] * 3))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(scope="module")
def service(endpoint: str) -> Any:  # noqa: ANN401  # boto3 makes its classes at run time
    secret = SECRET.get_secret_value()
    client = boto3.client(
        "s3", "us-east-1", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key=secret
    )
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    client.create_bucket(Bucket="open")
    return client


def place_in(endpoint: str, bucket: str) -> ObjectLockPlace:
    settings = ObjectLockAnchorSettings(
        bucket=bucket, endpoint=endpoint, region="us-east-1", access_key_id="key", secret_access_key=SECRET
    )
    return ObjectLockPlace(settings, utc_now)


def test_a_checkpoint_is_locked_from_the_moment_it_is_there(seal: Seal, service: Any, endpoint: str) -> None:  # noqa: ANN401  # as above
    place, sealed = place_in(endpoint, "locked"), seal("1")
    location = place.put(sealed)
    key = location.removeprefix("s3://locked/")
    assert key.startswith("deskhand/")
    found = service.head_object(Bucket="locked", Key=key)
    assert found["ObjectLockMode"] == "COMPLIANCE"
    assert (found["ObjectLockRetainUntilDate"] - utc_now()).days in {399, 400}
    with pytest.raises(ClientError, match="AccessDenied"):
        service.delete_object(Bucket="locked", Key=key, VersionId=found["VersionId"])
    assert sealed.anchor in (place.anchors(sealed.checkpoint.origin) or ())
    assert place.anchors("another/log") == ()


def test_what_was_there_first_counts_whatever_is_written_or_deleted_over_it(
    seal: Seal,
    service: Any,  # noqa: ANN401  # as above
    endpoint: str,
) -> None:
    place, sealed = place_in(endpoint, "locked"), seal("1", "2")
    key = place.put(sealed).removeprefix("s3://locked/")
    service.put_object(Bucket="locked", Key=key, Body=b"nothing ever happened")
    assert place.anchors(sealed.checkpoint.origin) == (sealed.anchor,)
    service.delete_object(Bucket="locked", Key=key)
    assert place.anchors(sealed.checkpoint.origin) == (sealed.anchor,)


def test_a_bucket_that_refuses_or_is_away_is_told_without_the_secret(
    seal: Seal,
    service: Any,  # noqa: ANN401  # as above
    endpoint: str,
) -> None:
    del service
    sealed = seal("1")
    for bucket in ("open", "missing"):
        with pytest.raises(PlaceError, match=f"bucket {bucket} refused") as raised:
            place_in(endpoint, bucket).put(sealed)
        assert SECRET.get_secret_value() not in str(raised.value)
    with pytest.raises(PlaceError, match="S3 cannot be used"):
        place_in("http://127.0.0.1:9", "locked").put(sealed)
