"""One association with a DICOM node: opened, used, released; and plain words for what fails.

pynetdicom writes what goes wrong to its log and hands back an association without a reason. The
reason is found here: in the node's own answer where there was one, else by trying its port again.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from pynetdicom import AE, _config, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from medgan.errors import MedganError, PeerError
from medgan.scans.pacs.access import Access
from medgan.scans.pacs.address import Address
from medgan.scans.pacs.peer import UNREACHED, BrokenOffError

# Identifiers hold what was asked for and found: patients. They never go to a log.
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False

MAX_PDU = 131_072
MAX_CONTEXTS = 128
"""Context IDs are the odd numbers of one byte (PS3.8 section 9.3.2.2)."""

REJECTIONS = {
    (1, 3): "it does not know us",
    (1, 7): "it does not go by that title",
}
"""(source, diagnostic) of PS3.8 table 9-21 that a person can mend."""
TRANSIENT = 2


class Link:
    """How one node is reached; remembers whether it ever was.

    Parameters
    ----------
    address, access
        Where the node is, and how we show who we are.
    """

    def __init__(self, address: Address, access: Access) -> None:
        self.address = address
        self._access = access
        self._tls = access.tls.context() if address.is_tls else None
        self.was_reached = False

    @contextmanager
    def associated(
        self,
        contexts: Sequence[tuple[str, Sequence[str]]],
        *,
        roles: Sequence[str] = (),
        on_store: Callable[[evt.Event], int] | None = None,
    ) -> Iterator[Association]:
        """Hold an association for the length of a block; a fault in it aborts the association.

        Parameters
        ----------
        contexts
            Each a SOP class and the transfer syntaxes proposed for it.
        roles
            SOP classes that the node shall send to us.
        on_store
            Called for each instance that the node sends; returns a status.

        Raises
        ------
        PeerError
            If the node cannot be reached, is not what it should be, or rejects us. Its association
            may be open and yet accept no context: `accepts` tells.
        BrokenOffError
            If the same again may well succeed.
        """
        entity = AE(self._access.calling_aet)
        entity.acse_timeout = entity.dimse_timeout = self._access.timeout_s
        entity.network_timeout = entity.connection_timeout = self._access.timeout_s
        arguments: dict[str, Any] = {
            "contexts": [build_context(name, list(syntaxes)) for name, syntaxes in contexts],
            "ae_title": self.address.aet,
            "max_pdu": MAX_PDU,
            "ext_neg": [build_role(name, scp_role=True) for name in roles],
            "evt_handlers": [(evt.EVT_C_STORE, on_store)] if on_store else [],
        }
        if self._tls is not None:
            arguments["tls_args"] = (self._tls, self.address.host)
        try:
            association = entity.associate(self.address.host, self.address.port, **arguments)
        except socket.gaierror:
            raise self._unknown_host() from None
        if not association.is_established and not association.rejected_contexts:
            raise self._no_association(association)
        self.was_reached = True
        try:
            yield association
        except BaseException:
            association.abort()
            raise
        if association.is_established:
            association.release()

    def broken(self, what: str = "the connection broke off") -> BrokenOffError:
        """Return the fault of a node that stopped answering."""
        return BrokenOffError(what, where=self.address.url)

    def _no_association(self, association: Association) -> MedganError:
        if association.is_rejected:
            return self._rejected(association.acceptor.primitive)
        try:
            self._knock()
        except ssl.SSLCertVerificationError as error:
            return PeerError(
                f"its TLS certificate is not trusted: {error.verify_message}",
                where=self.address.url,
                hint="Name the certificate to trust with --tls-ca; the host has to be its name.",
            )
        except (ssl.SSLError, ConnectionResetError):
            if self.was_reached:
                return self.broken()
            return PeerError(
                "no TLS connection came about",
                where=self.address.url,
                hint="Is this its TLS port? Does it ask for a certificate (--tls-cert, --tls-key)?",
            )
        except socket.gaierror:
            return self._unknown_host()
        except OSError as error:
            return self._unreachable(error)
        if self.was_reached:
            return self.broken()
        return PeerError(
            "something listens there, but it does not answer as a DICOM node",
            where=self.address.url,
            hint="Check the port, and whether it expects TLS (dicoms://).",
        )

    def _knock(self) -> None:
        """Open and close a connection, for the exception that it raises."""
        timeout = self._access.timeout_s
        with socket.create_connection((self.address.host, self.address.port), timeout) as plain:
            if self._tls is not None:
                with self._tls.wrap_socket(plain, server_hostname=self.address.host) as secure:
                    # TLS 1.3 tells of a refused client certificate at the first read only.
                    secure.settimeout(min(timeout, 1.0))
                    _read_quietly(secure)

    def _rejected(self, answer: Any) -> MedganError:
        reason = REJECTIONS.get((answer.result_source, answer.diagnostic), "it gave no reason")
        if answer.result == TRANSIENT:
            return self.broken("it is too busy for another association")
        ours, theirs = self._access.calling_aet, self.address.aet
        return PeerError(
            f"the node rejected the association: {reason} "
            f"(we said we are {ours}, and asked for {theirs})",
            where=self.address.url,
            hint="Have our title registered there, or give another one with --calling-aet.",
        )

    def _unknown_host(self) -> MedganError:
        return PeerError(
            "there is no host of that name", where=self.address.url, hint="Check the address."
        )

    def _unreachable(self, error: OSError) -> MedganError:
        reason = "no answer in time" if isinstance(error, TimeoutError) else error.strerror
        what = f"cannot be reached: {reason or type(error).__name__}"
        if self.was_reached:
            return self.broken(what)
        return PeerError(what, where=self.address.url, hint=UNREACHED)


def accepts(association: Association, name: str, syntax: str = "") -> bool:
    """Tell whether the node took a SOP class, in one transfer syntax or in any."""
    if not association.is_established:
        return False
    return any(
        context.abstract_syntax == name and (not syntax or _syntax(context) == syntax)
        for context in association.accepted_contexts
    )


def _syntax(context: PresentationContext) -> str:
    return str(context.transfer_syntax[0])


def _read_quietly(secure: ssl.SSLSocket) -> None:
    with suppress(TimeoutError):
        secure.recv(1)
