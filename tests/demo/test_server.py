import socket

import pytest

from keras_ssd.demo.server import check_address


def test_a_port_that_is_taken_is_told_and_a_free_one_stays_free():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = rf"^port: {port} of 127\.0\.0\.1 cannot be used \(Address already in use\)"
        with pytest.raises(ValueError, match=message):
            check_address("127.0.0.1", port)
    check_address("127.0.0.1", port)
    socket.create_server(("127.0.0.1", port)).close()


def test_addresses_that_do_not_exist_are_told():
    with pytest.raises(ValueError, match=r"^port: 7860 of no\.such\.host\.invalid cannot be used"):
        check_address("no.such.host.invalid", 7860)
    with pytest.raises(ValueError, match=r"^port: expected 1 to 65535, not 70000"):
        check_address("127.0.0.1", 70_000)
