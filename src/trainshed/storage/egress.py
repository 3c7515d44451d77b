"""Where the service may connect to on behalf of its users, so that nobody reaches through it.

A name is resolved once, every address that it has is judged, and the connection goes to one that
was judged: a name that means something else a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from trainshed.core.errors import Code, Forbidden, InvalidInput, Unavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PUBLIC = "public"
_KINDS = {
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    "loopback": ("127.0.0.0/8", "::1/128"),
    "link-local": ("169.254.0.0/16", "fe80::/10"),
}
NEARBY = (PUBLIC, "private", "loopback")
"""For a service that only its own machine can reach: its users are on that network anyway."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Egress:
    """Judges addresses.

    >>> Egress(["public"]).allows("127.0.0.1"), Egress(["public", "127.0.0.0/8"]).allows("127.0.0.1")
    (False, True)

    Args:
        allowed: networks such as ``10.1.0.0/16``, and the words ``public``, ``private``,
            ``loopback`` and ``link-local``.

    Raises:
        InvalidInput: one of them is neither.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = tuple(allowed)
        self._networks = [network for text in self.allowed for network in _networks(text)]
        self._public = PUBLIC in self.allowed

    def allows(self, address: str) -> bool:
        """Whether one may connect to this IP address."""
        meant = _meant(ipaddress.ip_address(address.partition("%")[0]))
        if any(meant.version == network.version and meant in network for network in self._networks):
            return True
        return self._public and meant.is_global and not meant.is_multicast and not meant.is_reserved

    def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of ``host``.

        Raises:
            Forbidden: one of them is not allowed.
            OSError: it has none, or that cannot be found out now.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:
            raise socket.gaierror(socket.EAI_NONAME, f"{host[:80]!r} is no name of a machine") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not self.allows(address):
                raise Forbidden(
                    f"{host[:200]} is at {address}, where the service may not connect to; "
                    "its administrator can allow it with TRAINSHED_ALLOWED_NETWORKS",
                    code=Code.ADDRESS_FORBIDDEN,
                )
        return addresses

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connection to ``host``, at an address that was judged.

        Raises:
            Forbidden: it has an address that is not allowed.
            OSError: its name is not known, or it does not answer.
        """
        failure: OSError | None = None
        for address in self.resolve(host, port):
            try:
                return socket.create_connection((address, port), timeout=timeout)
            except OSError as error:
                failure = error
        assert failure is not None, "a name that resolves has an address"
        raise failure

    def check_url(self, url: str) -> SplitResult:
        """``url`` taken apart, if one may connect to where it leads.

        Raises:
            InvalidInput: it is no ``http://`` or ``https://`` address, or has a user in it.
            Forbidden: it leads to where one may not connect to.
            Unavailable: its name is not known.
        """
        parts, port = split_url(url)
        assert parts.hostname is not None
        try:
            self.resolve(parts.hostname, port)
        except OSError as error:
            message = f"the name {parts.hostname[:200]!r} is not known: check the address"
            raise Unavailable(message, code=Code.STORAGE_UNREACHABLE) from error
        return parts


def split_url(url: str) -> tuple[SplitResult, int]:
    """An HTTP address taken apart, and its port.

    Raises:
        InvalidInput: it is none, or has a user or white space in it.
    """
    odd = any(ord(char) <= 32 or ord(char) == 127 for char in url) or "\\" in url
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if odd or parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise InvalidInput(
            f"{url[:120]!r} is no address: write https://host[:port]/path", code=Code.URI_INVALID
        )
    return parts, port


def _networks(text: str) -> list[Network]:
    if text == PUBLIC:
        return []
    try:
        return [ipaddress.ip_network(network) for network in _KINDS.get(text, (text,))]
    except ValueError:
        words = ", ".join((PUBLIC, *_KINDS))
        message = f"{text[:60]!r} is no network: write it as 10.1.0.0/16, or use {words}"
        raise InvalidInput(message, code=Code.FIELD_INVALID) from None


def _meant(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only wraps it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    return inner or address
