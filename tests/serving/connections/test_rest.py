"""The client and HTTP: statuses, tries, headers."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest

from keras_ssd.serving import Client
from keras_ssd.serving.connection import MAX_WAIT

IMAGE = np.zeros((1, 30, 40, 3), np.uint8)


def ask(server, **options):
    with Client(server.address, **options) as client:
        return client.image_size


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (401, r"a token is missing in `headers`, or the server refuses it \(401: go away\)"),
            (403, r"forbids the request with this token, or without one \(403: go away\)"),
            (404, r"the server has no model m \(404: go away\)"),
            (413, r"too large for the server; use a smaller batch \(413: go away\)"),
            (400, r"refused the request \(400: go away\); expected a SavedModel that keras-ssd"),
            (301, r"refused the request \(301: go away\)"),
            (500, r"refused the request \(500: go away\)"),
            (204, r"refused the request \(204: "),
        ],
    )
    @pytest.mark.parametrize("content", [{"error": "go away"}, b"go\n  away"])
    def test_a_refusal_is_told_at_once(self, scripted, waits, status, message, content):
        scripted.script = [(status, (), b"" if status == 204 else content)] * 9
        with pytest.raises(ValueError, match=message) as raised:
            ask(scripted)
        assert str(raised.value).startswith(scripted.address)
        assert len(scripted.requests) == 1

    def test_a_version_that_the_server_lacks_is_named(self, scripted):
        scripted.script = [(404, (), {"error": "Servable not found"})]
        client = Client(f"{scripted.address}/versions/7")
        with pytest.raises(ValueError, match="the server has no model m/versions/7"):
            _ = client.image_size
        client.close()

    def test_a_long_page_is_not_printed_whole(self, scripted):
        scripted.script = [(500, (), b"<html>" + b"x" * 10**6)]
        with pytest.raises(ValueError, match="500: <html>xxx") as raised:
            ask(scripted)
        assert len(str(raised.value)) < 600

    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_a_busy_server_is_asked_again_after_longer_and_longer_waits(
        self, scripted, waits, status
    ):
        scripted.script = [(status, (), b"busy")] * 4
        assert ask(scripted) == 16
        assert len(scripted.requests) == 5
        for wait, longest in zip(waits, [0.1, 0.2, 0.4, 0.8], strict=True):
            assert longest / 2 <= wait <= longest

    def test_the_waits_of_two_clients_differ(self, scripted, waits):
        scripted.script = [(503, (), b"")] * 6
        with pytest.raises(ConnectionError):
            ask(scripted, retries=5)
        scripted.script = [(503, (), b"")] * 6
        with pytest.raises(ConnectionError):
            ask(scripted, retries=5)
        assert len(waits) == 10
        assert waits[:5] != waits[5:]

    def test_a_server_that_stays_busy_is_given_up(self, scripted, waits):
        scripted.script = [(429, (), {"error": "too many requests"})] * 9
        with pytest.raises(
            ConnectionError, match=r"unavailable after 3 tries \(429: too many requests\)"
        ):
            ask(scripted, retries=2)
        assert len(scripted.requests) == 3

    def test_the_waits_stop_growing_at_a_minute(self, scripted, waits):
        scripted.script = [(503, (), b"")] * 1100
        assert ask(scripted, retries=1100) == 16
        assert len(waits) == 1100
        assert all(30 <= wait <= 60 for wait in waits[10:])

    def test_without_retries_one_try_is_made(self, scripted, waits):
        scripted.script = [(503, (), b"busy")]
        with pytest.raises(ConnectionError, match="unavailable after 1 try"):
            ask(scripted, retries=0)
        assert waits == []


class TestRetryAfter:
    @pytest.mark.parametrize("value", ["7", " 7 "])
    def test_seconds_are_obeyed(self, scripted, waits, value):
        scripted.script = [(503, [("Retry-After", value)], b"busy")]
        assert ask(scripted) == 16
        assert waits == [7]

    def test_a_date_is_obeyed(self, scripted, waits):
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
        scripted.script = [(503, [("Retry-After", date)], b"busy")]
        assert ask(scripted) == 16
        assert 15 < waits[0] <= 20

    @pytest.mark.parametrize("value", ["3600", "9" * 400])
    def test_a_server_that_asks_for_more_than_a_minute_is_given_up(self, scripted, waits, value):
        assert MAX_WAIT == 60
        scripted.script = [(503, [("Retry-After", value)], b"busy")] * 2
        with pytest.raises(ConnectionError, match=r"after 1 try .*come back after \d+ seconds"):
            ask(scripted)
        assert waits == []

    @pytest.mark.parametrize("value", ["soon", "-5", "Wed, 21 Oct 2015 07:28:00 GMT", ""])
    def test_anything_else_waits_as_without_it(self, scripted, waits, value):
        scripted.script = [(503, [("Retry-After", value)], b"busy")]
        assert ask(scripted) == 16
        assert 0.05 <= waits[0] <= 0.1


class TestHeaders:
    def test_every_request_carries_them(self, scripted):
        with Client(scripted.address, headers={"Authorization": "Bearer secret"}) as client:
            client.predict_on_batch(IMAGE)
        assert len(scripted.requests) == 2
        for _, headers, _ in scripted.requests:
            assert headers["Authorization"] == "Bearer secret"
            assert headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize(
        "headers",
        [{"Authorization": "secret\r\nHost: other"}, {"a b": "secret"}, {"": "secret"},
         {"content-length": "5"}, {"Content-Type": "text/html"}, {"a-bin": "secret"},
         {"Authorization": b"secret"}, {"Authorization": "secrét"}, {1: "secret"}],
    )  # fmt: skip
    def test_others_are_refused_and_their_value_is_not_shown(self, headers):
        with pytest.raises(ValueError, match="headers: expected") as raised:
            Client("http://localhost:1/v1/models/m", headers=headers)
        assert "secr" not in str(raised.value)

    def test_a_token_is_not_shown(self, scripted, waits):
        scripted.script = [(401, (), b""), (503, (), b"")]
        client = Client(scripted.address, retries=0, headers={"Authorization": "Bearer secret"})
        for error in (ValueError, ConnectionError):
            with pytest.raises(error) as raised:
                _ = client.image_size
            assert "secret" not in str(raised.value)
        assert repr(client) == f"Client({scripted.address!r})"
        client.close()
