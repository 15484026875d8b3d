"""Around every request: security headers, the count by page, the path prefix, and no exception gets through."""

from __future__ import annotations

import logging

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.exposition.health import Health
from monitor.web.web_config import WebConfigFile

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
PAGES = ("/", "/docs", "/metrics", "/-/healthy", "/-/ready")
FOLDERS = ("/incidents/", "/recommenders/", "/runbooks/", "/docs/", "/api/", "/static/")

logger = logging.getLogger("web")


class Guard:
    """ASGI middleware.

    Parameters
    ----------
    prefix : str
        Path prefix that requests may have or not: some proxies strip it, some do not.
    web_config : WebConfigFile or None
        Its headers come in the place of ours.
    """

    def __init__(
        self, app: ASGIApp, health: Health, prefix: str = "", web_config: WebConfigFile | None = None
    ) -> None:
        self._app, self._health, self._prefix, self._web_config = app, health, prefix, web_config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        if self._prefix and (path == self._prefix or path.startswith(self._prefix + "/")):
            path = path[len(self._prefix) :] or "/"
            scope = {**scope, "path": path}
        code = 0

        async def guarded(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                given = {name for name, _ in message["headers"]}
                headers = {**HEADERS, **self._configured()}
                extra = [(n.encode(), v.encode()) for n, v in headers.items() if n.encode() not in given]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:
            logger.error("a page failed", exc_info=error)
            if not code:
                await PlainTextResponse("recwatch failed to make this page.\n", 500)(scope, receive, guarded)
        if code:
            self._health.answered(handler_of(path), code)

    def _configured(self) -> dict[str, str]:
        if self._web_config is None:
            return {}
        return {
            name.lower(): text for name, text in self._web_config.config.http_server_config.headers.items()
        }


def handler_of(path: str) -> str:
    """The page of a path, from a fixed list.

    >>> handler_of("/incidents/3f9c1a"), handler_of("/wp-login.php")
    ('/incidents/', 'other')
    """
    if path in PAGES:
        return path
    return next((folder for folder in FOLDERS if path.startswith(folder)), "other")
