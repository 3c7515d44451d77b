"""The console's files, under ``/console``: built ahead, the same for everyone, nothing from elsewhere."""

from __future__ import annotations

import mimetypes
import os
import secrets
from pathlib import Path

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FILES = Path(__file__).with_name("console")
PAGE = "index.html"
# stands in the built page wherever a nonce belongs (web/vite.config.ts)
NONCE = "csp-nonce-goes-here"
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


class _Console(StaticFiles):
    """Static files; a path that is no file is a page of the application."""

    def file_response(
        self, full_path: object, stat_result: object, scope: Scope, status_code: int = 200
    ) -> Response:
        del stat_result
        path = Path(str(full_path))
        if path.name == PAGE:
            return _page(path)
        encoding, sent = _smallest(path, Headers(scope=scope).get("accept-encoding", ""))
        response = super().file_response(sent, sent.stat(), scope, status_code)
        response.headers.update({**_HEADERS, "Vary": "Accept-Encoding"})
        if encoding:
            response.headers["Content-Encoding"] = encoding
            response.headers["Content-Type"] = (
                mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            )
        hashed = path.parent.name == "assets"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        found, stat = super().lookup_path(path)
        if stat is None and "." not in path.rpartition("/")[2]:
            return super().lookup_path(PAGE)
        return found, stat


def _page(path: Path) -> Response:
    """The page, with a nonce by which the styles that antd writes at run time are known as ours."""
    nonce = secrets.token_urlsafe(16)
    policy = {**_POLICY, "style-src": f"'self' 'nonce-{nonce}'"}
    headers = {
        **_HEADERS,
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cache-Control": "no-store",
    }
    return HTMLResponse(path.read_text(encoding="utf-8").replace(NONCE, nonce), headers=headers)


def _smallest(path: Path, accepted: str) -> tuple[str, Path]:
    """The encoding that the browser takes and that was made ahead, and its file."""
    offered = {part.partition(";")[0].strip() for part in accepted.split(",")}
    for encoding, suffix in _ENCODINGS:
        made = path.with_name(path.name + suffix)
        if encoding in offered and made.is_file():
            return encoding, made
    return "", path


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
