"""Webhooks go to public addresses, over https, and to the very address that was looked at."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from api.addresses import Forbidden, is_public, resolve


def target(url: str, *networks: str) -> Any:
    return asyncio.run(resolve(url, [ip_network(network) for network in networks]))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://[::1]/x",
        "https://0.0.0.0/",
        "https://10.1.2.3/",
        "https://192.168.0.1/",
        "https://172.16.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://2130706433/",  # 127.0.0.1 as a number
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "http://8.8.8.8/",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "https://name@8.8.8.8/",
        "https://a:b@8.8.8.8/",
        "https://8.8.8.8/#part",
        "https://8.8.8.8:0/",
        "https://8.8.8.8:99999/",
        "https://8.8.8.8 /",
        "https://8.8.8.8/\r\nX: y",
        "https://8.8.8.8\\@127.0.0.1/",
        "https://nobody.invalid/",
        "https:///x",
        "x",
        "",
    ],
)
def test_nothing_is_sent_to(url: str) -> None:
    with pytest.raises(Forbidden):
        target(url)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(ip_address(address))


def test_an_allowed_network_may_be_sent_to_by_http_too_and_no_other() -> None:
    assert str(target("http://127.0.0.1:8080/x?y=1", "127.0.0.0/8").address) == "127.0.0.1"
    with pytest.raises(Forbidden):
        target("http://8.8.8.8/", "127.0.0.0/8")
    with pytest.raises(Forbidden):
        target("https://10.0.0.1/", "127.0.0.0/8", "::1/128")


def test_a_name_with_one_private_address_is_refused_and_a_public_one_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"mixed.example": ["8.8.8.8", "10.0.0.1"], "good.example": ["8.8.4.4"], "six.example": ["2606:4700::1"]}

    def look_up(host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers[name]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(Forbidden):
        target("https://mixed.example/")
    assert target("https://good.example/a?b=c").connect_url == "https://8.8.4.4:443/a?b=c"
    assert target("https://six.example:8443/").connect_url == "https://[2606:4700::1]:8443/"
