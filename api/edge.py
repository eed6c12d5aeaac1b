"""What every request passes first: the Host allow-list, the Origin check, and the security headers on its way out."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Refused, problem_response

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""For the dashboard: plotly sets style rules, nothing needs eval."""

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""For everything that is no page."""

REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
"""For report.html: it may look like something and do nothing."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
PROBES = {"/healthz", "/readyz"}
"""Asked by address rather than by name; they say nothing that a rebound name could steal."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SecurityHeaders:
    """Adds the headers that every response has, leaving those that a route has set."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", DATA_POLICY)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, secured)


class Gate:
    """Refuses names that this service is not known by, and changes that another site's page asks for."""

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str]) -> None:
        self.app = app
        self.allowed = frozenset(host.lower().strip("[]") for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        refused = self._refused(scope, Headers(scope=scope))
        if refused:
            return await problem_response(scope, refused)(scope, receive, send)
        return await self.app(scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers) -> Refused | None:
        host = headers.get("host", "")
        if scope["path"] not in PROBES and not self._serves(hostname(host)):
            message = f"the host {host[:100]!r} is not served here; add it to DISTILLERY_ALLOWED_HOSTS"
            return Refused("host_not_allowed", message)
        if scope["method"] not in SAFE_METHODS and is_cross_origin(headers):
            return Refused("cross_origin", "changes are only accepted from this service's own pages")
        return None

    def _serves(self, name: str) -> bool:
        if name in self.allowed or "*" in self.allowed:
            return True
        parents = (name[i:] for i, char in enumerate(name) if char == ".")
        return any("*" + parent in self.allowed for parent in parents)


def hostname(host: str) -> str:
    """The name of a Host header without its port, lower case, IPv6 without brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def is_cross_origin(headers: Headers) -> bool:
    """Whether a browser says that another site's page sent this; other clients say nothing."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.partition("://")[2].lower() != headers.get("host", "").lower()
    return headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
