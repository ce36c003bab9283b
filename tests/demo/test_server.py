import pytest

from keras_ssd.demo.server import listen


def test_a_port_is_taken_once_and_free_when_the_socket_closes():
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        message = rf"^port: {port} of 127\.0\.0\.1 cannot be used \(Address already in use\)"
        with pytest.raises(ValueError, match=message):
            listen("127.0.0.1", port)
    listen("127.0.0.1", port).close()


def test_addresses_that_do_not_exist_are_told():
    with pytest.raises(ValueError, match=r"^port: 7860 of no\.such\.host\.invalid cannot be used"):
        listen("no.such.host.invalid", 7860)
    with pytest.raises(ValueError, match=r"^port: expected 1 to 65535, not 70000"):
        listen("127.0.0.1", 70_000)
