"""The dashboard's static files at the root, and plotly's script out of its Python package."""

from __future__ import annotations

import importlib.util
from functools import cache
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from api.edge import PAGE_POLICY

DASHBOARD = Path(__file__).parent / "dashboard"
PUBLIC_IMMUTABLE = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


class Pages(StaticFiles):
    """Serves files by name, and the one page for every address that a browser navigates to."""

    def __init__(self, directory: Path = DASHBOARD) -> None:
        super().__init__(directory=directory, check_dir=False)
        self.config_checked = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            raise HTTPException(404)
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        name = "index.html" if path == "." else path
        try:
            response = await super().get_response(name, scope)
        except HTTPException as error:
            if error.status_code != 404 or not _is_navigation(path, scope):
                raise
            response = await super().get_response("index.html", scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        return response


def _is_navigation(path: str, scope: Scope) -> bool:
    return "." not in path.rpartition("/")[2] and "text/html" in Headers(scope=scope).get("accept", "")


@cache
def _plotly() -> tuple[Path, str]:
    """Plotly's script and version, found without importing plotly."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        raise HTTPException(404)
    return Path(spec.origin).parent / "package_data" / "plotly.min.js", version("plotly")


@router.api_route("/vendor/plotly.min.js", methods=["GET", "HEAD"])
def plotly_script(request: Request) -> Response:
    """The charts' library; cached for good, because its ETag changes with the installed version."""
    path, installed = _plotly()
    headers = {"Cache-Control": PUBLIC_IMMUTABLE, "ETag": f'"plotly-{installed}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return FileResponse(path, headers=headers, media_type="text/javascript")
