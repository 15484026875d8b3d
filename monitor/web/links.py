"""Links that stay right behind a proxy and under a path prefix."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from monitor.errors import UserError


class Links:
    """Makes absolute paths below the path of the external URL.

    Parameters
    ----------
    external_url : str
        Under which people reach the page, "https://ops.example.org/recwatch"; empty: as they asked for it.

    Raises
    ------
    UserError
        When it is no http or https URL.

    >>> Links("https://ops.example.org/recwatch/")("recommenders", "home/mobile app")
    '/recwatch/recommenders/home/mobile%20app'
    >>> Links()()
    '/'
    """

    def __init__(self, external_url: str = "") -> None:
        parts = urlsplit(external_url)
        if external_url and (
            parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment
        ):
            raise UserError(
                f"--web.external-url {external_url}: write http:// or https://, a host, and a path if there is one"
            )
        self.base = external_url.rstrip("/")
        self.prefix = parts.path.rstrip("/")

    def __call__(self, *parts: str) -> str:
        """Path of a page; the parts are escaped, slashes in them stay."""
        return (
            self.prefix
            + "/"
            + "/".join(quote(part, safe="/", errors="replace").lstrip("/") for part in parts)
        )
