from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deskhand.governance.anchoring.place import PlaceError, Sealed
from deskhand.governance.anchoring.timestamp import TimestampPlace
from tests.core.governance.anchoring.authority import Authority, Stamper, stamping

Seal = Callable[..., Sealed]


@pytest.fixture(scope="module")
def stamper(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stamper]:
    with stamping(authority, tmp_path_factory.mktemp("tsa")) as running:
        yield running


@pytest.fixture
def place(stamper: Stamper, authority: Authority, tmp_path: Path) -> Iterator[TimestampPlace]:
    yield TimestampPlace(stamper.url, authority.roots, tmp_path / "tokens", allow_private_addresses=True)
    stamper.answer = None


def test_a_token_is_asked_for_verified_and_kept_with_the_checkpoint(
    seal: Seal, place: TimestampPlace, stamper: Stamper
) -> None:
    first, second = seal("1"), seal("2")
    assert place.anchors(first.checkpoint.origin) == ()
    assert place.put(first).endswith(" UTC")
    place.put(second)
    assert place.anchors(first.checkpoint.origin) == (first.anchor, second.anchor)
    assert place.anchors("another/log") == ()
    assert first.checkpoint.root not in stamper.asked[0], "only a hash leaves the house"


def test_a_token_for_something_else_is_refused_and_not_kept(
    seal: Seal, place: TimestampPlace, stamper: Stamper
) -> None:
    place.put(seal("1"))
    stamper.answer = next(place.folder.glob("*.tsr")).read_bytes()
    other = seal("2")
    with pytest.raises(PlaceError, match="does not hold for the checkpoint"):
        place.put(other)
    assert len(list(place.folder.glob("*.tsr"))) == 1


@pytest.mark.parametrize("answer", [b"no token", b"\x30\x00", b"<html>"])
def test_what_is_no_token_is_refused(seal: Seal, place: TimestampPlace, stamper: Stamper, answer: bytes) -> None:
    stamper.answer = answer
    with pytest.raises(PlaceError, match=r"is no token|does not hold"):
        place.put(seal("1"))


def test_a_token_of_an_authority_we_do_not_trust_is_refused(seal: Seal, place: TimestampPlace, tmp_path: Path) -> None:
    stranger = TimestampPlace(place.url, Authority(tmp_path).roots, place.folder, allow_private_addresses=True)
    with pytest.raises(PlaceError, match="does not hold"):
        stranger.put(seal("1"))


@pytest.mark.parametrize("suffix", [".note", ".tsr"])
def test_a_checkpoint_changed_under_its_token_is_named(seal: Seal, place: TimestampPlace, suffix: str) -> None:
    sealed = seal("1", "2")
    place.put(sealed)
    path = next(place.folder.glob(f"*{suffix}"))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\n2\n", b"\n1\n") if suffix == ".note" else content[:-20] + bytes(20))
    with pytest.raises(PlaceError, match=sealed.name):
        place.anchors(sealed.checkpoint.origin)
    path.unlink()
    if suffix == ".note":
        with pytest.raises(PlaceError, match="cannot be read"):
            place.anchors(sealed.checkpoint.origin)


def test_an_authority_that_is_away_at_a_private_address_or_without_roots_is_told(
    seal: Seal, place: TimestampPlace, tmp_path: Path
) -> None:
    sealed = seal("1")
    with pytest.raises(PlaceError, match="not a public address"):
        TimestampPlace(place.url, place.roots, place.folder).put(sealed)
    with pytest.raises(PlaceError, match="holds no certificates"):
        TimestampPlace(place.url, tmp_path / "nowhere", place.folder, allow_private_addresses=True).put(sealed)
    with pytest.raises(PlaceError, match="gave no token"):
        TimestampPlace("http://127.0.0.1:9/", place.roots, place.folder, allow_private_addresses=True).put(sealed)
