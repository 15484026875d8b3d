"""What people can say on an incident's page, and how it is made sure that it is they who say it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from detectors.core.cells import slice_text
from monitor.control.commands import Ack, Command, Rate, Rebase
from monitor.errors import RecwatchError, UserError
from monitor.incidents.incident import Incident
from monitor.web.links import Links
from monitor.web.server import Address
from monitor.web.web_config import WebConfigFile

LARGEST_FORM = 16 * 1024  # bytes
SOMEBODY = "somebody"

Ask = Callable[[Command, str], list[str]]


class Actions:
    """Carries out what people say on an incident's page.

    A form is taken from our own page alone: it carries a mark that other sites cannot read, made anew with every start
    and for every user, and the browser must not say that it comes from elsewhere. Without users the page must have
    been asked for under this machine's own name, so that no other name can be made to lead here.

    Parameters
    ----------
    ask : callable of command and who
        Carries it out; raises RecwatchError.
    enabled : callable
        Whether it is on in the configuration now.
    address : Address
        That the page listens on.
    """

    def __init__(
        self,
        ask: Ask,
        enabled: Callable[[], bool],
        address: Address,
        links: Links,
        web_config: WebConfigFile | None = None,
    ) -> None:
        self._ask, self._enabled, self._address, self._links = ask, enabled, address, links
        self._web_config = web_config
        self._key = secrets.token_bytes(32)

    @property
    def open(self) -> bool:
        """Whether anything can be said now."""
        return self._enabled() and allowed(self._address, self._web_config)

    def mark(self, user: str, incident: str) -> str:
        """What a form carries."""
        return hmac.new(
            self._key, f"{user}\0{incident}".encode("utf-8", "replace"), hashlib.sha256
        ).hexdigest()

    async def say(self, request: Request, incident: Incident) -> Response:
        """Carry out a form's request, and lead back to the page.

        Raises
        ------
        HTTPException
            With what to do, when it is not carried out.
        """
        if not self.open:
            raise HTTPException(403, "Nothing can be said on this page: daemon.page_actions is off.")
        user = request.scope.get("user", "")
        fields = await _form(request)
        self._check_origin(request, bool(user))
        if not hmac.compare_digest(fields.get("mark", "").encode(), self.mark(user, incident.id).encode()):
            raise HTTPException(
                403,
                "This form is older than recwatch's last start, or not from this page."
                " Go back, reload, say it again.",
            )
        command = _command(fields, incident)
        if command is None:
            raise HTTPException(400, "This is nothing that can be said of an incident.")
        try:
            await run_in_threadpool(self._ask, command, f"{user or SOMEBODY} on the page")
        except UserError as error:
            raise HTTPException(400, f"Not done: {error}") from error
        except RecwatchError as error:
            raise HTTPException(503, f"Not done: {error}") from error
        return RedirectResponse(self._links("incidents", incident.id), 303)

    def _check_origin(self, request: Request, known: bool) -> None:
        """Whether our own page sent it, as far as the browser says."""
        headers = request.headers
        host = headers.get("host", "")
        ours = {host, urlsplit(self._links.base).netloc}
        site, origin = headers.get("sec-fetch-site"), headers.get("origin", "null")
        foreign = site != "same-origin" if site else origin != "null" and urlsplit(origin).netloc not in ours
        if foreign or not (known or self._is_own_name(host)):
            raise HTTPException(
                403, "This comes from another page, or under a name that is not this page's own."
            )

    def _is_own_name(self, host: str) -> bool:
        name = urlsplit(f"//{host}").hostname or ""
        return _is_loopback(name) or name == urlsplit(self._links.base).hostname


def allowed(address: Address, web_config: WebConfigFile | None) -> bool:
    """Whether people may say anything: nobody else can reach the page, or they have to say who they are."""
    return _is_loopback(address.host) or bool(web_config and web_config.config.basic_auth_users)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _command(fields: dict[str, str], incident: Incident) -> Command | None:
    what, why = fields.get("say"), fields.get("why", "").strip()
    if what in ("useful", "false_alarm"):
        return Rate(incident.id, what == "useful")
    if what == "acknowledge":
        return Ack(incident.id, why or "seen")
    if what == "rebaseline":
        if not why:
            raise HTTPException(400, "Say why in a few words: go back and write what changed. It is kept.")
        place = slice_text(incident.slice) if incident.slice else None
        return Rebase(incident.recommender, place, incident.detector, incident.onset_at, None, why)
    return None


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            raise HTTPException(413, "That is too long: say it in a few words.")
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=20)
    except ValueError:
        raise HTTPException(400, "This is no form of this page.") from None
    return {name: values[-1] for name, values in fields.items()}
