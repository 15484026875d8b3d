"""The server on a real socket: addresses, limits, deadlines, and its end."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from monitor.errors import UserError
from monitor.web.protocol import DeadlineProtocol
from monitor.web.server import Address, WebServer
from tests.monitor.factories import stuck_evaluation
from tests.monitor.web.browser import Site

PATIENCE = 30.0  # seconds until a test gives up
ANY_PORT = Address("127.0.0.1", 0)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site([stuck_evaluation()]) as site:
        yield site


@contextmanager
def serving(site: Site, **deadlines: float) -> Iterator[WebServer]:
    server = WebServer(site.app, ANY_PORT, type("Protocol", (DeadlineProtocol,), deadlines))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def connect(server: WebServer) -> socket.socket:
    return socket.create_connection((server.address.host, server.address.port), PATIENCE)


def everything(connection: socket.socket) -> bytes:
    """All that is answered until the server closes; nothing when it cuts."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    return received


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def get(server: WebServer, path: str, *headers: str) -> bytes:
    with connect(server) as connection:
        lines = (f"GET {path} HTTP/1.1", "Host: recwatch", "Connection: close", *headers, "", "")
        connection.sendall("\r\n".join(lines).encode())
        return everything(connection)


def test_pages_are_served_without_naming_the_server(site: Site) -> None:
    with serving(site) as server:
        answer = get(server, "/")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"sku-007065" in answer
        assert b"\r\nserver:" not in answer.lower()
        assert server.url == f"http://127.0.0.1:{server.address.port}"
        assert server.alive
    assert not server.alive


def test_no_part_of_an_answer_waits_for_the_one_before_to_be_acknowledged(site: Site) -> None:
    at_once = []

    class Protocol(DeadlineProtocol):
        def on_response_complete(self) -> None:
            accepted = self.transport.get_extra_info("socket")
            at_once.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            super().on_response_complete()

    server = WebServer(site.app, ANY_PORT, Protocol)
    server.start()
    try:
        get(server, "/-/healthy")
    finally:
        server.stop()
    assert [bool(option) for option in at_once] == [True]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:10147", Address("127.0.0.1", 10147)),
        (":10147", Address("", 10147)),
        ("[::1]:0", Address("::1", 0)),
        ("recwatch.example.org:80", Address("recwatch.example.org", 80)),
    ],
)
def test_addresses_are_read_as_exporters_write_them(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "10147", "localhost", "localhost:", "localhost:http", "::1:10147", "h:65536", "h:-1", "h:²"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    message = f"--web.listen-address {text}: write host:port, such as 127.0.0.1:10147 or [::1]:10147"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        Address.parse(text)


def test_a_taken_port_is_the_users_to_change(site: Site) -> None:
    with serving(site) as server:
        message = (
            f"cannot listen on {server.address}: address already in use;"
            " choose another address with --web.listen-address"
        )
        with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
            WebServer(site.app, server.address)


def test_a_host_that_does_not_resolve_is_refused(site: Site) -> None:
    with pytest.raises(
        UserError, match=r"^cannot listen on recwatch\.invalid:0: the name does not resolve; choose"
    ):
        WebServer(site.app, Address("recwatch.invalid", 0))


def test_a_host_of_somebody_else_is_refused(site: Site) -> None:
    with pytest.raises(
        UserError, match=r"^cannot listen on 192\.0\.2\.1:0: cannot assign requested address;"
    ):
        WebServer(site.app, Address("192.0.2.1", 0))


def test_headers_that_come_too_slowly_are_cut_although_bytes_keep_coming(site: Site) -> None:
    with serving(site, receive_seconds=0.3) as server, connect(server) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nX: ")
        closed = threading.Event()
        reader = threading.Thread(target=lambda: (everything(slow), closed.set()))
        reader.start()
        while not closed.wait(0.02):
            try:
                slow.sendall(b"x")
            except OSError:
                break
        reader.join(PATIENCE)
        assert closed.is_set()
        assert get(server, "/-/healthy").startswith(b"HTTP/1.1 200")


def test_a_silent_connection_is_cut(site: Site) -> None:
    with serving(site, receive_seconds=0.2) as server, connect(server) as silent:
        assert everything(silent) == b""


def test_silent_connections_do_not_keep_others_waiting(site: Site) -> None:
    with serving(site) as server:
        silent = [connect(server) for _ in range(60)]
        assert get(server, "/metrics").startswith(b"HTTP/1.1 200")
        for connection in silent:
            connection.close()


def test_a_second_request_on_a_connection_has_the_same_deadline(site: Site) -> None:
    with serving(site, receive_seconds=0.3) as server, connect(server) as connection:
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        while b"recwatch is healthy." not in connection.recv(65536, socket.MSG_PEEK):
            pass
        connection.recv(65536)
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\n")
        assert everything(connection) == b""


def test_a_client_that_does_not_take_its_answer_is_cut(site: Site) -> None:
    large = b"x" * 50_000_000  # more than the buffers of both sides hold

    async def answer(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": large})  # type: ignore[operator]

    site.app = answer  # type: ignore[assignment]  # any ASGI application
    with serving(site, drain_seconds=0.2, answer_seconds=0.2) as server, connect(server) as reader:
        reader.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        reader.recv(1)
        wait_until(lambda: not server._server.server_state.connections)
        assert len(everything(reader)) < len(large)


def test_connections_beyond_the_limit_are_cut_and_room_comes_back(site: Site) -> None:
    with serving(site, most_connections=3) as server:
        held = [connect(server) for _ in range(3)]
        for connection in held:  # answered, so surely accepted
            connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(10)
        with connect(server) as fourth:
            assert everything(fourth) == b""
        for connection in held:
            connection.close()
        wait_until(lambda: not server._server.server_state.connections)
        assert get(server, "/-/healthy").startswith(b"HTTP/1.1 200")


def test_ten_megabytes_of_header_are_refused(site: Site) -> None:
    with serving(site) as server, connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        try:
            for _ in range(160):
                connection.sendall(b"X: " + b"x" * 65536 + b"\r\n")
        except OSError:
            pass  # refused before all was sent
        answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""
        assert get(server, "/-/healthy").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET\r\n\r\n", b"\r\n" * 50 + b"junk\r\n\r\n"]
)
def test_what_is_no_http_is_refused(site: Site, junk: bytes) -> None:
    with serving(site) as server:
        with connect(server) as connection:
            connection.sendall(junk)
            answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert get(server, "/-/healthy").startswith(b"HTTP/1.1 200")


def test_stopping_closes_the_port_while_clients_hang_on(site: Site) -> None:
    with serving(site) as server:
        idle = connect(server)
        address = server.address
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection((address.host, address.port), PATIENCE),
    ):
        pass
    idle.close()
    with serving(site) as again:
        assert again.alive


def test_answers_under_way_are_finished_before_the_end(site: Site) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow_overview(*args: object) -> object:
        started.set()
        assert go_on.wait(PATIENCE)
        return original()

    original, site.view.overview = site.view.overview, slow_overview  # type: ignore[method-assign,assignment]
    answers: list[bytes] = []
    with serving(site) as server:
        asking = threading.Thread(target=lambda: answers.append(get(server, "/")))
        asking.start()
        assert started.wait(PATIENCE)
        server._server.should_exit = True
        go_on.set()
        asking.join(PATIENCE)
    assert answers[0].startswith(b"HTTP/1.1 200")


def test_nothing_is_logged_of_a_request(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with serving(site) as server:
        get(server, "/recommenders/user-17")
    assert not [record for record in caplog.records if "user-17" in record.getMessage()]
