"""TLS and basic authentication, as exporters of Prometheus are told of them: `--web.config.file`.

References
----------
Prometheus exporter-toolkit, "Web configuration", https://github.com/prometheus/exporter-toolkit
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from monitor.config.document import Node, Scalar, read
from monitor.config.loader import content
from monitor.config.problems import Problems
from monitor.config.strict import Strict
from monitor.errors import UserError
from monitor.logging_setup import logger

BCRYPT = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")
COSTLIEST = 14  # of bcrypt: one more doubles the time of every look at the page
VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
ClientAuth = Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]
Version = Literal["TLS12", "TLS13"]
NO_FILE = "--web.config.file names the file with TLS and users; leave it out to have neither"


class TlsServer(Strict):
    """Of exporter-toolkit's options, those that Python's TLS can keep."""

    cert_file: str
    key_file: str
    client_auth_type: ClientAuth = "NoClientCert"
    client_ca_file: str | None = None
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"


class HttpServer(Strict):
    """`http2` is there so that files of exporters can be used as they are: only HTTP/1.1 is spoken."""

    http2: bool = True
    headers: dict[
        Literal[
            "Strict-Transport-Security",
            "X-Content-Type-Options",
            "X-Frame-Options",
            "X-XSS-Protection",
            "Content-Security-Policy",
        ],
        str,
    ] = Field(default_factory=dict)


class WebConfig(Strict):
    """The file as a whole."""

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: dict[Annotated[str, Field(min_length=1)], str] = Field(default_factory=dict)


@dataclass
class WebConfigFile:
    """A web configuration file that is in force, and looked at again when anything it consists of changes.

    A file that becomes wrong while the daemon runs leaves what was in force, and the log says so.

    Raises
    ------
    UserError
        When it is wrong from the start.
    """

    path: Path
    config: WebConfig = field(init=False)
    tls: ssl.SSLContext | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._seen: Any = None
        self._log = logger("web")
        self.config = load(self.path)
        if self.config.tls_server_config:
            self.tls = self._context(self.config.tls_server_config)
        self._seen = self._stamps()

    def refresh(self) -> None:
        """Take up what changed in the file, its certificate and its key."""
        stamps = self._stamps()
        if stamps == self._seen:
            return
        self._seen = stamps
        try:
            config = load(self.path)
            if (config.tls_server_config is None) != (self.tls is None):
                raise UserError(
                    f"{self.path}: tls_server_config: whether TLS is spoken changes with a restart"
                )
            if config.tls_server_config and self.tls:
                self._context(config.tls_server_config)  # whether it can be used at all
                tls = config.tls_server_config
                self.tls.load_cert_chain(self._beside(tls.cert_file), self._beside(tls.key_file))
        except (UserError, OSError) as error:
            self._log.error("the web configuration is wrong, the one before stays", reason=str(error))
            return
        self.config = config

    def _stamps(self) -> Any:
        tls = self.config.tls_server_config
        names = [self.path] + ([self._beside(tls.cert_file), self._beside(tls.key_file)] if tls else [])
        return [_stamp(name) for name in names]

    def _beside(self, name: str) -> Path:
        """Relative paths start at the file's folder."""
        return self.path.parent / name

    def _context(self, tls: TlsServer) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = VERSIONS[tls.min_version]
        context.maximum_version = VERSIONS[tls.max_version]
        context.set_alpn_protocols(["http/1.1"])
        try:
            key = "cert_file"
            context.load_cert_chain(self._beside(tls.cert_file), self._beside(tls.key_file))
            if tls.client_ca_file:
                key = "client_ca_file"
                context.load_verify_locations(self._beside(tls.client_ca_file))
        except OSError as error:  # that of TLS is one
            raise UserError(
                f"{self.path}: tls_server_config.{key}: cannot be used ({error}): "
                "write PEM files that belong together and that recwatch may read"
            ) from error
        context.verify_mode = CLIENTS[tls.client_auth_type]
        return context


def load(path: Path) -> WebConfig:
    """Read a web configuration file.

    Raises
    ------
    UserError
        With a line for each mistake.
    """
    problems = Problems(str(path))
    try:
        text = content(path, NO_FILE).decode()
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8") from None
    tree = read(text, {}, problems)
    problems.raise_if_any()
    try:
        config = WebConfig.model_validate(_plain(tree) or {})
    except ValidationError as error:
        for mistake in error.errors():
            problems.add(0, ".".join(str(part) for part in mistake["loc"]), _said(mistake))
        problems.raise_if_any()
        raise
    for user, hashed in config.basic_auth_users.items():
        known = BCRYPT.fullmatch(hashed)
        if not known or not 4 <= int(known[1]) <= COSTLIEST:
            what = f"write a bcrypt hash of a cost up to {COSTLIEST}, as htpasswd -nBC 10 USER makes it"
            problems.add(0, f"basic_auth_users.{user}", what)
    tls = config.tls_server_config
    if tls and tls.client_auth_type != "NoClientCert" and not tls.client_ca_file:
        problems.add(0, "tls_server_config.client_ca_file", f"is needed for {tls.client_auth_type}")
    if tls and (tls.min_version, tls.max_version) == ("TLS13", "TLS12"):
        problems.add(0, "tls_server_config.max_version", "is below min_version")
    problems.raise_if_any()
    return config


def _said(mistake: Mapping[str, Any]) -> str:
    if mistake["type"] == "extra_forbidden":
        return "unknown key, or one that recwatch cannot keep"
    return str(mistake["msg"])


def _plain(node: Node | None) -> Any:
    """The tree as Python values; what texts mean is left to the model."""
    if node is None or node.value is None:
        return None
    if isinstance(node.value, dict):
        return {key: _plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(child) for child in node.value]
    scalar: Scalar = node.value
    return scalar.text


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
