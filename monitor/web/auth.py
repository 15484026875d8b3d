"""Who may look: basic authentication with bcrypt, in front of everything that is served."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict

import anyio.to_thread
import bcrypt
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.web.web_config import WebConfigFile

REMEMBERED = 100  # right passwords, so that bcrypt is not worked out for every scrape
LONGEST_PASSWORD = 72  # bytes that bcrypt looks at
NOBODY = b"$2b$10$" + b"." * 53  # an unknown user takes as long as a known one


class Users:
    """Checks passwords against the users of a web configuration.

    Parameters
    ----------
    file : WebConfigFile
    """

    def __init__(self, file: WebConfigFile) -> None:
        self._file = file
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()

    @property
    def needed(self) -> bool:
        return bool(self._file.config.basic_auth_users)

    def check(self, header: str) -> str | None:
        """The user of an Authorization header; None when it is not one of ours. Takes as long as bcrypt does."""
        user, password = _credentials(header)
        known = self._file.config.basic_auth_users.get(user)
        hashed = known.encode() if known else NOBODY
        said = b"\0".join((user.encode(), hashed, password))
        mark = hmac.new(self._key, said, hashlib.sha256).digest()
        if mark not in self._right:
            try:
                right = bcrypt.checkpw(password[:LONGEST_PASSWORD], hashed)
            except ValueError:
                right = False
            if not right or known is None:
                return None
            self._right[mark] = None
            if len(self._right) > REMEMBERED:
                self._right.popitem(last=False)
        return user


class Door:
    """ASGI middleware: lets in whoever the web configuration names, and everybody where it names none.

    The user is in `scope["user"]`, empty where nobody had to say who they are.
    """

    def __init__(self, app: ASGIApp, file: WebConfigFile | None = None) -> None:
        self._app, self._file = app, file
        self._users = Users(file) if file else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        user: str | None = ""
        if scope["type"] == "http" and self._file and self._users:
            self._file.refresh()
            if self._users.needed:
                header = Headers(scope=scope).get("authorization", "")
                user = await anyio.to_thread.run_sync(self._users.check, header)
        if user is None:
            asks = {"www-authenticate": 'Basic realm="recwatch", charset="UTF-8"'}
            await PlainTextResponse("Unauthorized\n", 401, asks)(scope, receive, send)
            return
        await self._app({**scope, "user": user}, receive, send)


def _credentials(header: str) -> tuple[str, bytes]:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return "", b""
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return user.decode(), password
    except (binascii.Error, UnicodeDecodeError):
        return "", b""
