import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from deskhand.governance.anchoring.place import PlaceError, Sealed
from deskhand.governance.anchoring.syslog import SyslogPlace, framed, written
from tests.core.governance.anchoring.authority import Authority

Seal = Callable[..., Sealed]
MESSAGE = re.compile(
    r"<109>1 2026-03-02T08:00:00\.000000\+00:00 \S+ deskhand \d+ anchor "
    r'\[checkpoint@32473 origin="[^"]+" epoch="0" size="2" root="[^"]+"\] 2 [A-Za-z0-9+/]{43}='
)


@contextmanager
def log_server(certificate: Path, received: list[bytes]) -> Iterator[int]:
    """Take one connection over TLS and keep what it sends until it is closed in order."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve() -> None:
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    while piece := secured.recv(4096):
                        received.append(piece)
                    secured.unwrap()
            except OSError:
                connection.close()

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(5)


def test_a_checkpoint_arrives_as_one_framed_message(seal: Seal, authority: Authority) -> None:
    received: list[bytes] = []
    sealed = seal("1", "2")
    with log_server(authority.server(), received) as port:
        place = SyslogPlace("127.0.0.1", port, authority.roots)
        assert place.put(sealed) == f"127.0.0.1:{port}"
    length, _, message = b"".join(received).partition(b" ")
    assert int(length) == len(message)
    assert MESSAGE.fullmatch(message.decode())
    assert message.decode().endswith(f"] {sealed.anchor.line()}")


def test_a_server_that_another_authority_vouches_for_gets_nothing(
    seal: Seal, authority: Authority, tmp_path: Path
) -> None:
    received: list[bytes] = []
    with log_server(Authority(tmp_path).server(), received) as port:
        place = SyslogPlace("127.0.0.1", port, authority.roots)
        with pytest.raises(PlaceError, match="did not prove who it is"):
            place.put(seal("1"))
    assert received == []


def test_a_server_that_is_not_there_is_told(seal: Seal, authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    with pytest.raises(PlaceError, match=f"127.0.0.1:{port} took no message"):
        SyslogPlace("127.0.0.1", port, authority.roots).put(seal("1"))
    with pytest.raises(PlaceError, match="took no message"):
        SyslogPlace("127.0.0.1", port, Path("nowhere.pem")).put(seal("1"))


def test_a_log_server_cannot_be_read_back() -> None:
    assert SyslogPlace("127.0.0.1", 6514).anchors("log") is None


def test_a_frame_counts_bytes_and_names_are_escaped(seal: Seal) -> None:
    assert framed("Grüße") == "7 Grüße".encode()
    sealed = seal("1")
    assert written(sealed, "a host", 7).startswith("<109>1 2026-03-02T08:00:00.000000+00:00 - deskhand 7 anchor [")
