"""TLS and basic authentication: the file is what promtool takes, and holds at a real server."""

import base64
import datetime as dt
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from monitor.errors import UserError
from monitor.web.server import Address, WebServer
from monitor.web.web_config import WebConfigFile, load
from tests.monitor.web.browser import Site

HASH = "$2b$04$QVNke06Al0dYo9HtenSaO.0uhOyj9F7/gyQEJUDRhhLdX6tRiCBdO"  # of "open sesame"
FULL = f"""
tls_server_config:
  cert_file: cert.pem
  key_file: key.pem
  client_auth_type: NoClientCert
  min_version: TLS12
  max_version: TLS13
http_server_config:
  http2: true
  headers:
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  ann: {HASH}
"""


def certificate(folder: Path, name: str = "recwatch.test") -> Path:
    """A certificate for this machine that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(cert.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "cert.pem"


def written(folder: Path, text: str) -> Path:
    (folder / "web.yaml").write_text(text)
    return folder / "web.yaml"


@contextmanager
def serving(file: WebConfigFile) -> Iterator[WebServer]:
    with Site(web_config=file) as site:
        server = WebServer(site.app, Address("127.0.0.1", 0), tls=file.tls)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def name_of(server: WebServer) -> str:
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((server.address.host, server.address.port)))
    return x509.load_der_x509_certificate(der).subject.rfc4514_string()


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    "text", [FULL, "", "basic_auth_users: {ann: " + HASH + "}"], ids=["full", "empty", "users"]
)
def test_a_file_of_exporters_is_taken_by_promtool_and_by_us(tmp_path: Path, text: str) -> None:
    certificate(tmp_path)
    path = written(tmp_path, text)
    subprocess.run(["promtool", "check", "web-config", path], check=True, capture_output=True)
    load(path)
    WebConfigFile(path)


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("basic_auth: {}", "basic_auth: unknown key, or one that recwatch cannot keep"),
        ("basic_auth_users: {ann: secret}", "basic_auth_users.ann: write a bcrypt hash of a cost up to 14"),
        ("tls_server_config: {cert_file: a.pem}", "tls_server_config.key_file: Field required"),
        ("tls_server_config: {cert_file: a.pem, key_file: b.pem}", "cert_file: cannot be used"),
        ("a: 1\na: 2", "a"),
    ],
)
def test_what_promtool_refuses_is_refused_with_the_key(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    if "secret" not in text:  # promtool looks at no hash
        checked = subprocess.run(["promtool", "check", "web-config", path], capture_output=True, text=True)
        assert checked.returncode == 1
    with pytest.raises(UserError, match=re.escape(says)):
        WebConfigFile(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tls_server_config: {cert_file: cert.pem, key_file: key.pem, cipher_suites: [X]}", "cipher_suites: unknown"),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: RequireAndVerifyClientCert}",
            "client_ca_file: is needed for RequireAndVerifyClientCert",
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem, min_version: TLS13, max_version: TLS12}",
            "max_version: is below min_version",
        ),
        ("basic_auth_users: {ann: " + HASH.replace("$04$", "$18$") + "}", "a cost up to 14"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(tmp_path: Path, text: str, says: str) -> None:
    certificate(tmp_path)
    with pytest.raises(UserError, match=re.escape(says)):
        WebConfigFile(written(tmp_path, text))


def test_only_those_who_say_the_password_get_in_and_over_tls(tmp_path: Path) -> None:
    trusted = ssl.create_default_context(cafile=certificate(tmp_path))
    with serving(WebConfigFile(written(tmp_path, FULL))) as server:
        assert server.url.startswith("https://")
        with httpx.Client(verify=trusted, base_url=server.url) as client:
            for path in ("/", "/metrics", "/-/healthy", "/nope"):
                refused = client.get(path)
                assert refused.status_code == 401
                assert refused.headers["www-authenticate"].startswith("Basic ")
                assert refused.text == "Unauthorized\n"
            answers = {
                credentials: client.get("/", auth=credentials).status_code
                for credentials in (
                    ("ann", "open sesame"),
                    ("ann", "open"),
                    ("bob", "open sesame"),
                    ("", ""),
                    ("ann", "x" * 200),
                    ("ann", "open sesame\0"),
                )
            }
            assert answers.pop(("ann", "open sesame")) == 200
            assert set(answers.values()) == {401}
            good = client.get("/", auth=("ann", "open sesame"))
            assert good.headers["strict-transport-security"] == "max-age=31536000"
            assert good.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Bearer x", "Basic /w==", "basic " + "A" * 5000])
def test_a_header_that_says_nothing_lets_nobody_in(tmp_path: Path, header: str) -> None:
    users = WebConfigFile(written(tmp_path, "basic_auth_users: {ann: " + HASH + "}"))
    with Site(web_config=users) as site:
        assert site.ask("/", headers={"authorization": header}).status_code == 401
        right = "bAsIc " + base64.b64encode(b"ann:open sesame").decode()
        assert site.ask("/", headers={"authorization": right}).status_code == 200


def test_users_and_certificate_are_taken_up_while_it_serves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate(tmp_path, "first")
    file = WebConfigFile(written(tmp_path, FULL))
    with serving(file) as server:
        assert name_of(server) == "CN=first"
        certificate(tmp_path, "second")
        written(tmp_path, FULL.replace("ann:", "beatrice:"))
        file.refresh()
        assert set(file.config.basic_auth_users) == {"beatrice"}
        assert name_of(server) == "CN=second"
        written(tmp_path, "basic_auth_users: {eve: nothing of a hash}\n")
        file.refresh()
        assert set(file.config.basic_auth_users) == {"beatrice"}
        assert name_of(server) == "CN=second"


def test_a_file_that_is_not_there_says_what_it_would_be_for(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        WebConfigFile(tmp_path / "web.yaml")
    assert str(raised.value) == (
        f"{tmp_path / 'web.yaml'}: no such file; --web.config.file names the file with TLS and users; "
        "leave it out to have neither"
    )
