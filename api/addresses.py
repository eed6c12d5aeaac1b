"""Where webhooks may go: https, to addresses that are public, and to the very address that was checked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_PORTS = {"https": 443, "http": 80}
_RESOLVE_SECONDS = 5.0


class Forbidden(Exception):
    """An address that nothing is sent to; the text says why, and nothing about what is there."""


@dataclass(frozen=True)
class Target:
    """A URL with the address that its host had when it was checked."""

    url: SplitResult
    address: Address

    @property
    def connect_url(self) -> str:
        """The URL by address, so that no second look-up can lead elsewhere."""
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return self.url._replace(netloc=f"{host}:{self.url.port or _PORTS[self.url.scheme]}", fragment="").geturl()


async def resolve(url: str, allowed: Sequence[Network]) -> Target:
    """The target of a URL.

    Args:
        allowed: networks that may be sent to although they are not public, and by plain http.

    Raises:
        Forbidden: the URL is none of ours to follow.
    """
    parts = checked_url(url)
    port = parts.port or _PORTS[parts.scheme]
    found = await _addresses(parts.hostname or "", port)
    inside = [_within(address, allowed) for address in found]
    if not found or not all(ours or is_public(address) for ours, address in zip(inside, found, strict=True)):
        raise Forbidden("the host has no public address")
    if parts.scheme != "https" and not all(inside):
        raise Forbidden("the address must begin with https://")
    return Target(parts, found[0])


def checked_url(url: str) -> SplitResult:
    """The parts of a URL that could be sent to.

    Raises:
        Forbidden: it is not of that shape.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Forbidden("this is no URL") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise Forbidden("give an address such as https://example.com/hook")
    if parts.username is not None or parts.password is not None:
        raise Forbidden("an address must not hold a name or password: messages are signed")
    if parts.fragment or not url.isascii() or not url.isprintable() or any(c in url for c in " \\"):
        raise Forbidden("write the address in ASCII, without blanks, backslashes and fragment")
    return parts


def is_public(address: Address) -> bool:
    """Whether an address is somebody's on the Internet, also when it only wraps another one."""
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(wrapped)
    return address.is_global and not address.is_multicast


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


async def _addresses(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return []
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
