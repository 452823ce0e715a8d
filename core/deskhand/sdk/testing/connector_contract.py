"""What holds for every connector, whatever it speaks to."""

import re
from dataclasses import dataclass
from traceback import format_exception

from deskhand.sdk.errors import AuthorizationError, ConnectorError, HeldBackError, UnavailableError
from deskhand.sdk.roles import Connector
from deskhand.sdk.settings import ConnectorSettings
from deskhand.sdk.testing.binding import Contract, expected
from deskhand.sdk.testing.faults import ExpiredToken, Fault, HtmlErrorPage, ServerError, Throttle
from deskhand.sdk.testing.host import SimulatorHost
from deskhand.sdk.testing.offers import offered_connector, sealed
from deskhand.sdk.traffic import Errand, directed

OFTEN = 50
"""More often than any client tries again."""
AN_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a plugin seeded its simulator with; ``secrets`` are the credentials its connector was given."""

    secrets: tuple[str, ...]


class _Stopped:
    """Plays Traffic: lets nothing go."""

    def enter(self, connection: str, errand: Errand) -> None:
        """Hold it back."""
        del connection, errand
        raise HeldBackError("the contract lets nothing go", retry_after=1)

    def leave(self, connection: str, error: ConnectorError | None) -> None:
        """Take no note."""


class ConnectorContract(Contract):
    """What holds for every connector."""

    def test_is_named_kind_and_vendor(self, connector: Connector) -> None:
        """The name is fit for configuration, policy and audit."""
        assert isinstance(connector, Connector)
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", connector.name)

    def test_proves_address_and_credential_in_one_line(
        self, connector: Connector, simulator_host: SimulatorHost
    ) -> None:
        """The proof is a request, and a line for a person."""
        before = simulator_host.requests
        line = connector.check()
        assert line.strip()
        assert line.isprintable()
        assert simulator_host.requests > before

    def test_an_expired_credential_asks_for_a_person(self, connector: Connector, simulator_host: SimulatorHost) -> None:
        """401 is neither retried for ever nor taken for an outage."""
        simulator_host.faults.schedule(ExpiredToken(), OFTEN)
        with expected(AuthorizationError):
            connector.check()

    def test_an_outage_is_temporary(self, connector: Connector, simulator_host: SimulatorHost) -> None:
        """A vendor that is down is unavailable; the same connector works once it is back."""
        simulator_host.stop()
        with expected(UnavailableError):
            connector.check()
        simulator_host.start()
        assert connector.check()

    def test_no_error_tells_a_secret(self, connector: Connector, simulator_host: SimulatorHost, world: World) -> None:
        """Neither a message nor anything it is chained to contains a credential."""
        faults: tuple[Fault, ...] = (ExpiredToken(), ServerError(), HtmlErrorPage(), Throttle(AN_HOUR))
        assert all(world.secrets), "world.secrets names the credentials of the connector"
        for fault in faults:
            simulator_host.faults.schedule(fault, OFTEN)
            try:
                connector.check()
            except ConnectorError as error:
                told = "".join(format_exception(error))
                assert not any(secret in told for secret in world.secrets), fault
            simulator_host.faults.clear()

    def test_a_secret_is_opened_for_a_request_that_was_let_go_alone(
        self, connector: Connector, simulator_host: SimulatorHost, settings: ConnectorSettings
    ) -> None:
        """Neither to connect nor for what the host holds back; and for each request anew."""
        offer, package = offered_connector(connector.name)
        opened: list[str] = []
        stored = sealed(settings, package, opened)
        own: Connector = offer.connect(stored)
        try:
            assert not opened, f"{opened} opened to connect"
            before = simulator_host.requests
            with directed(package, _Stopped()), expected(HeldBackError):
                own.check()
            assert (opened, simulator_host.requests) == ([], before), "opened for what was held back"
            assert own.check()
            assert opened, "the connector signs in with secrets that are not in its settings"
        finally:
            own.close()
