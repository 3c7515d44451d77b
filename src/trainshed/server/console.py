"""The console's files, under ``/console``: built ahead, the same for everyone, nothing from elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PathLike = str | os.PathLike[str]

FILES = Path(__file__).with_name("console")
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    # antd writes its styles at run time; no script is ever written into a page
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class _Console(StaticFiles):
    """Static files; a path that is no file is a page of the application."""

    def file_response(
        self, full_path: object, stat_result: object, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)  # type: ignore[arg-type]
        response.headers.update(_HEADERS)
        hashed = "/assets/" in str(full_path)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        found, stat = super().lookup_path(path)
        if stat is None and "." not in path.rpartition("/")[2]:
            return super().lookup_path("index.html")
        return found, stat


def install(app: FastAPI) -> None:
    """Serve the console, where it was built into this installation."""

    @app.get("/", include_in_schema=False)
    async def home() -> Response:  # pyright: ignore[reportUnusedFunction]
        return RedirectResponse("/console/") if FILES.is_dir() else _not_built()

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:  # pyright: ignore[reportUnusedFunction]
        path = FILES / "icon.svg"
        return FileResponse(path, media_type="image/svg+xml") if path.is_file() else Response(status_code=404)

    if FILES.is_dir():
        app.mount("/console", _Console(directory=FILES, html=True), name="console")


def _not_built() -> Response:
    text = (
        "The console is not built into this installation: run `make console`. The API is at this address.\n"
    )
    return Response(text, media_type="text/plain")
