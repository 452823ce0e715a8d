"""The panel inside the PSA's page: for origins that are named, over HTTPS, and never what is decided."""

import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import Browser, Page

from deskhand.configuration.schema import WebSettings
from deskhand.daemon import serving
from deskhand.web.app import create_app
from tests.browser.practice import PASSWORD, Practice

OTHER = "https://na.myconnectwise.net"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for this machine."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "desk.pem", folder / "desk.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@contextmanager
def psa(certificate: tuple[Path, Path]) -> Iterator[str]:
    """Serve a page that shows whatever address it is given in a narrow pane, as a PSA does."""

    class Ticket(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown = self.path.partition("?show=")[2]
            frame = f'<iframe title="deskhand" src="{shown}" width="320" height="300"></iframe>' if shown else ""
            body = f'<!doctype html><html lang="en"><link rel="icon" href="data:,"><h1>A ticket</h1>{frame}'.encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name it overrides
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Ticket)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def console(practice: Practice, certificate: tuple[Path, Path], *framers: str) -> Iterator[str]:
    """Serve the same desk over HTTPS, framed by whom these origins name."""
    settings = WebSettings(port=0, certificate=certificate[0], private_key=certificate[1], frame_ancestors=framers)
    desk = practice.desk
    before = desk.configuration
    desk.configuration = before.model_copy(update={"web": settings})
    try:
        with serving(create_app(desk), settings) as url:
            yield url
    finally:
        desk.configuration = before


@contextmanager
def looking(browser: Browser) -> Iterator[Page]:
    """Open a page; it is closed before the servers are, so that they end their connections."""
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 900, "height": 700})
    try:
        yield context.new_page()
    finally:
        context.close()


def test_in_the_psas_pane_a_technician_signs_in_and_plans_and_decides_elsewhere(
    practice: Practice, browser: Browser, certificate: tuple[Path, Path]
) -> None:
    ticket = practice.ticket("Locked out of the booking system")
    with psa(certificate) as host, console(practice, certificate, host) as url, looking(browser) as page:
        page.goto(f"{host}/?show={url}/panel/{ticket}")
        frame = page.frame_locator("iframe")
        frame.get_by_label("Name").fill("maya")
        frame.get_by_label("Password").fill(PASSWORD)
        frame.get_by_role("button", name="Sign in").click()
        frame.get_by_label("Say what to do on this ticket").fill("revoke the sessions and text them")
        frame.get_by_role("button", name="Make a plan").click()
        submit = frame.get_by_role("button", name="Submit for approval")
        submit.wait_for()
        assert is_reachable(page, submit.bounding_box())
        submit.click()
        frame.get_by_text("Waiting for someone else").wait_for()
        (cookie,) = [each for each in page.context.cookies() if "deskhand" in str(each.get("name"))]
        assert cookie["name"] == "__Host-deskhand-panel"
        assert (cookie["sameSite"], cookie["secure"], cookie["httpOnly"]) == ("None", True, True)
        assert "partitionKey" in cookie
        with page.expect_popup() as opened:
            frame.get_by_role("link", name="The request").click()
        opened.value.wait_for_url("**/sign-in?next=/approvals/**")


def is_reachable(page: Page, box: object) -> bool:
    """Tell whether a button lies within the pane, so that nobody has to scroll for it."""
    pane = page.locator("iframe").bounding_box()
    assert isinstance(box, dict)
    assert pane is not None
    return bool(pane["y"] <= box["y"] and box["y"] + box["height"] <= pane["y"] + pane["height"] + 1)


@pytest.mark.parametrize("path", ["/panel/{ticket}", "/sign-in", "/", "/approvals", "/setup"])
def test_a_page_nobody_named_shows_nothing_of_ours(
    practice: Practice, browser: Browser, certificate: tuple[Path, Path], path: str
) -> None:
    with psa(certificate) as host, console(practice, certificate, OTHER) as url, looking(browser) as page:
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{host}/?show={url}{path.format(ticket='10016')}")
        page.wait_for_timeout(300)
        assert not page.frame_locator("iframe").locator("form, table, main").count()
        assert any("frame-ancestors" in each or "403" in each for each in complaints), complaints


def test_a_page_that_may_frame_the_panel_may_frame_nothing_else(
    practice: Practice, browser: Browser, certificate: tuple[Path, Path]
) -> None:
    with psa(certificate) as host, console(practice, certificate, host) as url, looking(browser) as page:
        for path in ("/", "/approvals", "/switches", "/accounts"):
            page.goto(f"{host}/?show={url}{path}")
            page.wait_for_timeout(200)
            assert not page.frame_locator("iframe").locator("form, table, main").count(), path
