"""The client's HTTP connections: kept, closed, cut off, encrypted, through proxies."""

import gc
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from keras_ssd.serving import Client, http_pool

IMAGE = np.zeros((1, 30, 40, 3), np.uint8)


def ask(server, **options):
    with Client(server.address, **options) as client:
        return client.image_size


def hang_up(handler):
    handler.close_connection = True


def cut_off(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    handler.close_connection = True


def drip(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(30):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)
    handler.close_connection = True


class TestConnections:
    def test_one_is_kept_between_requests(self, scripted):
        with Client(scripted.address) as client:
            for _ in range(5):
                client.predict_on_batch(IMAGE)
        assert len(scripted.requests) == 6
        assert len({port for _, _, port in scripted.requests}) == 1

    def test_threads_have_one_each(self, scripted):
        barrier = threading.Barrier(4, timeout=30)

        def answer_together(handler):
            barrier.wait()
            handler.write(200, {"predictions": [scripted.row]})

        with Client(scripted.address) as client, ThreadPoolExecutor(4) as pool:
            assert client.image_size == 16
            for _ in range(3):
                scripted.script = [answer_together] * 4
                assert len(list(pool.map(client.predict_on_batch, [IMAGE] * 4))) == 4
        assert len({port for _, _, port in scripted.requests}) == 4

    def test_threads_that_start_together_ask_once_what_the_model_is(self, scripted):
        with Client(scripted.address) as client, ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda _: client.image_size, range(8))) == [16] * 8
        assert len(scripted.requests) == 1

    def test_one_that_the_server_has_closed_meanwhile_is_opened_again(self, scripted, waits):
        with Client(scripted.address, retries=0) as client:
            assert client.image_size == 16
            scripted.script = [hang_up]  # as a server does that closes what was idle for long
            client.predict_on_batch(IMAGE)
        assert len({port for _, _, port in scripted.requests}) == 2
        assert waits == []

    @pytest.mark.parametrize("fault", [hang_up, cut_off])
    def test_a_fault_of_a_new_one_counts_as_a_try(self, scripted, waits, fault):
        scripted.script = [fault, fault]
        assert ask(scripted) == 16
        assert len(waits) == 2
        scripted.script = [fault]
        with pytest.raises(ConnectionError, match="unavailable after 1 try"):
            ask(scripted, retries=0)

    def test_an_answer_byte_by_byte_is_not_waited_for(self, scripted):
        scripted.script = [drip]
        start = time.monotonic()
        with pytest.raises(TimeoutError, match=r"no answer within 0\.5 seconds"):
            ask(scripted, timeout=0.5)
        assert time.monotonic() - start < 2

    def test_an_answer_that_is_too_long_is_not_read(self, scripted, monkeypatch):
        monkeypatch.setattr(http_pool, "MAX_ANSWER", 10**5)
        scripted.script = [(200, (), b" " * 10**6)]
        with pytest.raises(ValueError, match=f"{scripted.address}: .*longer than 100000 bytes"):
            ask(scripted)

    def test_a_large_request_that_is_refused_before_it_is_read_is_told(self, scripted):
        def refuse(connection):
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge")
            time.sleep(0.3)  # and then close it without reading the rest

        with one_answer(refuse) as port:
            pool = http_pool.HttpPool(f"http://127.0.0.1:{port}", timeout=30)
            status, _, answer = pool.post("/", bytes(20_000_000), {})
            pool.close()
        assert (status, answer) == (413, b"large")

    def test_what_does_not_speak_http_is_unavailable(self, waits):
        with one_answer(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n")) as port:
            client = Client(f"http://127.0.0.1:{port}/v1/models/m", retries=0)
            with client, pytest.raises(ConnectionError, match="unavailable after 1 try"):
                _ = client.image_size

    def test_a_closed_client_is_refused(self, scripted):
        client = Client(scripted.address)
        assert client.image_size == 16
        client.close()
        client.close()
        with pytest.raises(ValueError, match=f"{scripted.address}: the client is closed"):
            client.predict_on_batch(IMAGE)

    @pytest.mark.parametrize("close", [Client.close, lambda client: None])
    def test_no_socket_stays_open_after_the_client(self, scripted, close):
        client = Client(scripted.address)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(client.predict_on_batch, [IMAGE] * 8))
        close(client)
        del client
        gc.collect()  # an open socket would warn here, which fails the test


class TestTLS:
    def test_a_server_of_a_trusted_authority_answers(self, https, ca_file):
        assert ask(https, ca_file=ca_file) == 16
        assert ask(https, ca_file=str(ca_file)) == 16

    def test_another_is_told_at_once(self, https, waits):
        with pytest.raises(
            ConnectionError, match=r"certificate is not trusted .*ca_file"
        ) as raised:
            ask(https)
        assert str(raised.value).startswith(https.address)
        assert waits == []

    def test_one_for_another_host_is_not_trusted(self, https, ca_file):
        client = Client(https.address.replace("127.0.0.1", "localhost"), ca_file=ca_file)
        with client, pytest.raises(ConnectionError, match="certificate is not trusted"):
            _ = client.image_size

    @pytest.mark.parametrize("content", [None, b"", b"no certificate"])
    def test_a_file_without_certificates_is_named(self, tmp_path, content):
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ValueError, match=r"ca_file: .*ca\.pem is not a PEM file"):
            Client("https://localhost:1/v1/models/m", ca_file=path)


class TestProxies:
    """In `http_proxy` and its like, which every HTTP client obeys."""

    def test_one_for_http_is_asked_for_the_whole_address(self, scripted, monkeypatch):
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@127.0.0.1:{scripted.port}")
        with Client("http://model.invalid:8501/v1/models/m") as client:
            assert client.image_size == 16
        ((path, headers, _),) = scripted.requests
        assert path == "http://model.invalid:8501/v1/models/m:predict"
        assert headers["Host"] == "model.invalid:8501"
        assert headers["Proxy-Authorization"] == "Basic bWU6cEBzcw=="  # me:p@ss

    def test_one_for_https_passes_on_what_it_cannot_read(self, https, ca_file, monkeypatch):
        lines = []

        def pass_on(connection):
            lines.append(connection.recv(1 << 16).split(b" HTTP")[0])
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with socket.create_connection(("127.0.0.1", https.port)) as server:
                back = threading.Thread(target=forward, args=(server, connection))
                back.start()
                forward(connection, server)
                back.join()

        with one_answer(pass_on) as port:
            monkeypatch.setenv("https_proxy", f"127.0.0.1:{port}")
            assert ask(https, ca_file=ca_file) == 16
        assert lines == [f"CONNECT 127.0.0.1:{https.port}".encode()]

    def test_none_is_asked_for_a_host_in_no_proxy(self, scripted, monkeypatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert ask(scripted, retries=0) == 16


@contextmanager
def one_answer(answer):
    """A port on 127.0.0.1 where a function answers one connection."""

    def serve():
        connection, _ = listener.accept()
        connection.settimeout(30)
        with connection:
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def forward(source, target):
    """Copies what comes until the source is closed."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
