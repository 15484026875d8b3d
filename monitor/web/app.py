"""The HTTP application: probes, metrics and pages. It reads the store; what people say goes to the daemon."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor.errors import StoreError, UserError
from monitor.exposition.exporter import Exporter
from monitor.exposition.health import Health
from monitor.exposition.labels import printable
from monitor.web import wording
from monitor.web.actions import Actions
from monitor.web.api import Api, moment_of
from monitor.web.auth import Door
from monitor.web.guard import HEADERS, Guard
from monitor.web.handbook import Handbook
from monitor.web.links import Links
from monitor.web.views import View
from monitor.web.web_config import WebConfigFile

HERE = Path(__file__).parent
STATIC = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
FORM_HEADERS = {  # of a page with a form: it leads back to us alone, and the browser says that it came from there
    "content-security-policy": HEADERS["content-security-policy"].replace(
        "form-action 'none'", "form-action 'self'"
    ),
    "referrer-policy": "same-origin",
}
FILTERS = (
    "breakable",
    "moment",
    "most_first",
    "number",
    "percent",
    "period",
    "short",
    "size",
    "span",
    "stamp",
)


def build_app(
    view: View,
    health: Health,
    exporter: Exporter,
    *,
    version: str,
    external_url: str = "",
    web_config: WebConfigFile | None = None,
    actions: Actions | None = None,
) -> Starlette:
    """The application.

    Parameters
    ----------
    external_url : str
        Under which people reach the page; its path is the prefix of all links.
    web_config : WebConfigFile or None
        Who may look, and more headers.
    actions : Actions or None
        What people can say on an incident's page.

    Raises
    ------
    UserError
        When the external URL is none.
    """
    links = Links(external_url)
    pages = Pages(view, links, version, actions)

    async def healthy(request: Request) -> Response:
        trouble = health.unhealthy()
        return _probe(
            f"recwatch is not healthy: {trouble}." if trouble else "recwatch is healthy.", not trouble
        )

    async def ready(request: Request) -> Response:
        return _probe("recwatch is ready." if health.ready else "recwatch is starting.", health.ready)

    async def metrics(request: Request) -> Response:
        answer = exporter.answer(
            request.headers.get("accept", ""), request.headers.get("accept-encoding", "")
        )
        headers = {"content-type": answer.content_type, "vary": "Accept, Accept-Encoding"}
        if answer.encoding:
            headers["content-encoding"] = answer.encoding
        return Response(answer.body, headers=headers)

    app = Starlette(
        routes=[
            Route("/-/healthy", healthy),
            Route("/-/ready", ready),
            Route("/metrics", metrics),
            Route("/", pages.overview),
            Route("/incidents/{id:path}/say", pages.say, methods=["POST"]),
            Route("/incidents/{id:path}", pages.incident),
            Route("/recommenders/{name:path}/detectors/{detector}", pages.detector),
            Route("/recommenders/{name:path}/evaluations", pages.history),
            Route("/recommenders/{name:path}/at/{moment}", pages.window),
            Route("/recommenders/{name:path}", pages.recommender),
            Route("/runbooks/{name}", pages.runbook),
            Route("/docs", pages.contents),
            Route("/docs/images/{name}", pages.image),
            Route("/docs/{name}", pages.text),
            Route("/static/{name}", pages.static),
            *Api(view.sources, version, links.prefix).routes(),
        ],
        middleware=[
            Middleware(Guard, health=health, prefix=links.prefix, web_config=web_config),
            Middleware(Door, file=web_config),
        ],
        exception_handlers={
            HTTPException: pages.http_error,
            StoreError: pages.store_error,
            UserError: pages.user_error,
        },
    )
    app.router.redirect_slashes = False
    return app


class Pages:
    """Lays out what the view gives. The methods are not async, so that Starlette runs them off the event loop."""

    def __init__(self, view: View, links: Links, version: str, actions: Actions | None = None) -> None:
        self._view, self._actions = view, actions
        self._handbook = Handbook(links)
        self._assets = {name: (HERE / "static" / name).read_bytes() for name in STATIC}
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {name: getattr(wording, name) for name in FILTERS}
        digest = hashlib.blake2s(b"".join(self._assets.values()), digest_size=4).hexdigest()
        self._templates.globals |= {"link": links, "version": version, "assets": digest}

    def overview(self, request: Request) -> Response:
        return self._page("overview.html", page=self._view.overview())

    def recommender(self, request: Request) -> Response:
        page = self._view.recommender(request.path_params["name"])
        if page is None:
            raise HTTPException(404, "No recommender of this name is watched.")
        return self._page("recommender.html", page=page)

    def detector(self, request: Request) -> Response:
        name, detector = request.path_params["name"], request.path_params["detector"]
        page = self._view.detector(name, detector, request.query_params.get("slice"))
        if page is None:
            raise HTTPException(404, "No recommender of this name is watched by such a detector.")
        return self._page("detector.html", page=page)

    def history(self, request: Request) -> Response:
        before = request.query_params.get("before")
        page = self._view.history(request.path_params["name"], moment_of(before) if before else None)
        if page is None:
            raise HTTPException(404, "No recommender of this name is watched.")
        return self._page("history.html", page=page)

    def window(self, request: Request) -> Response:
        asked = request.query_params
        page = self._view.window(
            request.path_params["name"],
            moment_of(request.path_params["moment"]),
            asked.get("slice"),
            asked.get("detector"),
        )
        return self._page("window.html", page=page)

    def incident(self, request: Request) -> Response:
        page = self._view.incident(request.path_params["id"])
        if page is None:
            raise HTTPException(404, "There is no such incident; those closed for long are removed.")
        runbook = self._handbook.runbook(page.incident.detector)
        if not (self._actions and self._actions.open):
            return self._page("incident.html", page=page, runbook=runbook, mark="")
        mark = self._actions.mark(request.scope.get("user", ""), page.incident.id)
        return self._page("incident.html", headers=FORM_HEADERS, page=page, runbook=runbook, mark=mark)

    async def say(self, request: Request) -> Response:
        """What somebody says of an incident, from the form on its page."""
        if self._actions is None:
            raise HTTPException(403, "Nothing can be said on this page.")
        incident = await run_in_threadpool(self._view.stored_incident, request.path_params["id"])
        if incident is None:
            raise HTTPException(404, "There is no such incident; those closed for long are removed.")
        return await self._actions.say(request, incident)

    def runbook(self, request: Request) -> Response:
        name = request.path_params["name"]
        if text := self._handbook.runbook(name):
            return self._page("text.html", text=text)
        measures = self._view.measures_of(name)
        if not measures:
            raise HTTPException(404, "There is no runbook of this name.")
        return self._page("runbook.html", name=name, measures=measures)

    def text(self, request: Request) -> Response:
        text = self._handbook.page(request.path_params["name"])
        if text is None:
            raise HTTPException(404)
        return self._page("text.html", text=text)

    def contents(self, request: Request) -> Response:
        contents = self._handbook.contents()
        written = {file for file, _, _ in contents}
        names = sorted({info.detector for info in self._view.sources.catalogue().values()})
        others = [name for name in names if f"detectors/{name}.md" not in written]
        return self._page("contents.html", contents=contents, others=others)

    def image(self, request: Request) -> Response:
        png = self._handbook.image(request.path_params["name"])
        if png is None:
            raise HTTPException(404)
        return Response(png, media_type="image/png", headers={"cache-control": "public, max-age=86400"})

    def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            raise HTTPException(404)
        headers = {"content-type": STATIC[name], "cache-control": "public, max-age=86400"}
        return Response(self._assets[name], headers=headers)

    def http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        text = error.detail if error.detail != status.phrase else "There is nothing at this address."
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            text = "This page can only be read: use GET or HEAD."
        return self._page("message.html", status, error.headers, title=status.phrase.capitalize(), text=text)

    def user_error(self, request: Request, error: Exception) -> Response:
        text = printable(str(error), 400)
        return self._page("message.html", HTTPStatus.NOT_FOUND, title="Not found", text=text)

    def store_error(self, request: Request, error: Exception) -> Response:
        text = f"What recwatch found cannot be read: {printable(str(error), 400)}"
        return self._page(
            "message.html", HTTPStatus.SERVICE_UNAVAILABLE, title="The store cannot be read", text=text
        )

    def _page(self, template: str, status: int = 200, headers: Any = None, **values: Any) -> Response:
        html = self._templates.get_template(template).render(**values)
        return HTMLResponse(html.encode("utf-8", "replace"), status, headers)


def _probe(text: str, good: bool) -> Response:
    return PlainTextResponse(text + "\n", 200 if good else 503)
