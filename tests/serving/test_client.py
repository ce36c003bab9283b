"""The client, used like any other detector, on the small server of conftest.py."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from keras_ssd.images import CorruptImageError
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.outputs.detecting import detect_to_folder
from keras_ssd.serving import Client

pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")


def assert_close(found, expected):
    assert found.image == expected.image
    assert found.size == expected.size
    assert found.class_names == expected.class_names
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.01)


@pytest.fixture
def client(address):
    with Client(address) as client:
        yield client


class TestDetector:
    """What every kind of detector answers."""

    def test_it_is_a_detector_that_says_what_it_is(self, client, detector):
        assert isinstance(client, ObjectDetector)
        assert client.class_names == detector.class_names
        assert client.image_size == detector.image_size

    def test_the_server_is_asked_for_that_once_when_it_is_needed(self, address, server):
        with Client(address) as client:
            assert server.requests == 0
            for _ in range(3):
                assert len(client.class_names) == 3
                assert client.image_size == 128
        assert server.requests == 1

    @pytest.mark.parametrize("size", [(90, 150), (128, 128), (1, 1), (300, 40)])
    def test_a_batch_gives_what_the_detector_finds(self, client, detector, size):
        images = np.random.default_rng(0).integers(0, 256, (3, *size, 3), np.uint8)
        found = client.predict_on_batch(images)
        expected = detector.predict(images, verbose=0)
        assert set(found) == set(expected)
        for name, values in expected.items():
            assert found[name].dtype == values.dtype
            np.testing.assert_allclose(found[name], values, atol=1e-5)

    def test_predict_splits_an_array_into_batches(self, client, server, detector):
        images = np.random.default_rng(0).integers(0, 256, (5, 20, 30, 3), np.uint8)
        found = client.predict(images, batch_size=2)
        assert server.requests == 1 + 3
        expected = detector.predict(images, verbose=0)
        np.testing.assert_allclose(found["scores"], expected["scores"], atol=1e-5)

    @pytest.mark.parametrize(
        ("images", "message"),
        [
            (np.zeros((0, 9, 9, 3), np.uint8), "images: expected at least one"),
            (np.zeros((1, 9, 9, 3), np.float32), "images: expected uint8"),
            (np.zeros((9, 9, 3), np.uint8), "images: expected uint8"),
            (np.zeros((1, 9, 9, 1), np.uint8), "images: expected uint8"),
            (np.zeros((1, 1, 2_000_000, 3), np.uint8), r"images\[0\]: .*2000000 x 1 pixels"),
        ],
    )
    def test_images_of_another_kind_are_refused(self, client, images, message):
        with pytest.raises(ValueError, match=message):
            client.predict_on_batch(images)


class TestDetect:
    def test_files_arrays_and_pil_images_give_what_the_detector_finds_in_them(
        self, client, server, detector, photos, photo_files
    ):
        sources = [*photo_files, *photos, Image.fromarray(photos[0]), str(photo_files[0])]
        found = list(client.detect(sources, confidence_threshold=0.0, batch_size=4))
        assert server.requests == 1 + 3
        expected = detector.detect(sources, confidence_threshold=0.0)
        for ours, theirs in zip(found, expected, strict=True):
            assert len(ours) == 9
            assert_close(ours, theirs)

    def test_one_source_and_no_source(self, client, photo_files, photos):
        path = photo_files[0]
        assert [found.image for found in client.detect(path)] == [str(path)]
        assert [found.size for found in client.detect(photos[1])] == [(200, 64)]
        assert list(client.detect([])) == []

    def test_only_what_scores_enough_is_yielded(self, client, photo_files):
        (found,) = client.detect(photo_files[0], confidence_threshold=0.0)
        middle = float(found.scores[4])
        (above,) = client.detect(photo_files[0], confidence_threshold=middle)
        assert len(above) == 5

    @pytest.mark.parametrize("options", [{"confidence_threshold": 1.5}, {"batch_size": 0}])
    def test_wrong_arguments_are_refused_before_the_server_is_asked(self, options):
        with (
            Client("http://localhost:1/v1/models/m") as client,
            pytest.raises(ValueError, match=f"{next(iter(options))}: expected"),
        ):
            client.detect([], **options)

    def test_a_bad_source_is_raised_by_name_after_all_results_before_it(
        self, client, detector, photo_files, bad_files
    ):
        for bad in bad_files:
            sources = [*photo_files[:2], bad, photo_files[2]]
            results = client.detect(sources, batch_size=3)
            assert [next(results).image for _ in range(2)] == [str(p) for p in photo_files[:2]]
            with pytest.raises(CorruptImageError, match=bad.name) as raised:
                next(results)
            with pytest.raises(CorruptImageError) as expected:
                list(detector.detect(bad))
            assert str(raised.value) == str(expected.value)

    @pytest.mark.parametrize("batch_size", [1, 3, 8])
    def test_with_on_error_results_and_errors_come_in_order(
        self, client, photo_files, bad_files, batch_size, tmp_path
    ):
        missing, empty = tmp_path / "missing.jpg", tmp_path / "empty"
        empty.mkdir()
        good_and_bad = [bad_files[0], photo_files[0], missing, *bad_files[1:], photo_files[1]]
        sources = [*good_and_bad, None, np.zeros((4, 4)), empty, photo_files[2]]
        events = []
        for found in client.detect(sources, batch_size=batch_size, on_error=events.append):
            events.append(found.image)
        expected = [*good_and_bad, "sources[7]", "sources[8]", empty, photo_files[2]]
        for event, name in zip(map(str, events), expected, strict=True):
            assert event.startswith(str(name))

    def test_an_endless_source_is_read_one_batch_at_a_time(self, client, photos):
        read = []
        sources = (read.append(1) or photos[0] for _ in itertools.count())
        results = client.detect(sources, batch_size=3)
        assert read == []
        next(results)
        results.close()
        assert 3 <= len(read) <= 3 + 2 * 3 + 1  # a thread reads two batches ahead

    def test_a_folder_of_pictures_is_written(self, client, photo_files, tmp_path):
        sources = [photo_files[0], tmp_path / "missing.jpg"]
        problems = detect_to_folder(client, sources, tmp_path / "out", confidence_threshold=0.0)
        assert len(problems) == 1
        assert "missing.jpg" in problems[0]
        assert (tmp_path / "out" / "photo0.jpg").is_file()


class TestServer:
    def test_a_version_can_be_asked_for(self, address, photo_files):
        with Client(f"{address}/versions/1") as client:
            assert len(list(client.detect(photo_files))) == 4
        with (
            Client(f"{address}/versions/2") as client,
            pytest.raises(ValueError, match=r"the server has no model tiny/versions/2 .*not found"),
        ):
            _ = client.image_size

    def test_another_name_is_told(self, address):
        client = Client(f"{address}2")
        with client, pytest.raises(ValueError, match=r"the server has no model tiny2 .*not found"):
            _ = client.image_size

    def test_an_unavailable_one_is_asked_again(self, client, server, photo_files):
        server.unavailable = 2
        assert len(list(client.detect(photo_files))) == 4
        assert server.requests == 2 + 2

    def test_one_that_stays_unavailable_is_given_up(self, address, server, photo_files):
        server.unavailable = 100
        client = Client(address, retries=2)
        with client, pytest.raises(ConnectionError, match=r"after 3 tries .*queue is full"):
            list(client.detect(photo_files))
        assert server.requests == 3

    @pytest.mark.parametrize("form", ["grpc://127.0.0.1:{}/m", "http://127.0.0.1:{}/v1/models/m"])
    def test_an_absent_one_is_named(self, form, free_ports, photo_files):
        port = free_ports[0]
        client = Client(form.format(port), retries=1)
        with client, pytest.raises(ConnectionError, match=f"{port}/.*unavailable after 2 tries"):
            list(client.detect(photo_files))

    def test_one_that_takes_too_long_is_not_waited_for(self, address, server):
        server.delay = 1.0
        client = Client(address, timeout=0.2)
        with client, pytest.raises(TimeoutError, match=r"no answer within 0\.2 seconds"):
            _ = client.image_size
        assert server.requests == 1

    def test_its_failure_is_told_and_no_source_is_blamed(
        self, client, server, photo_files, monkeypatch
    ):
        monkeypatch.setattr(server.batcher, "signatures", {})
        errors = []
        with pytest.raises(ValueError, match=r"refused the request \(400: .*describe"):
            list(client.detect(photo_files, on_error=errors.append))
        assert errors == []


class TestArguments:
    @pytest.mark.parametrize(
        "server",
        ["", "localhost:8500", "grpc://localhost/m", "grpc://localhost:8500",
         "http://localhost:8501/m", "http://localhost:8501/v1/models/",
         "ftp://localhost:8501/v1/models/m", "http://localhost:port/v1/models/m",
         "http://localhost:99999/v1/models/m", "http:///v1/models/m",
         "http://localhost:8501/v1/models/m?a=b", "http://localhost:8501/v1/models/m/versions/x",
         "http://local host:8501/v1/models/m", "http://localhost:8501/v1/models/m\n",
         "http://localhost:8501/v1/models/m:predict",
         "http://localhost:8501/v1/models/m/versions/1:predict"],
    )  # fmt: skip
    def test_an_address_of_another_form_is_refused(self, server):
        with pytest.raises(ValueError, match=r"server: .*expected grpc://HOST:PORT/NAME or http:"):
            Client(server)

    def test_a_password_in_the_address_is_refused_and_not_shown(self):
        with pytest.raises(ValueError, match="server: an address with a user name") as raised:
            Client("https://me:secret@localhost/v1/models/m")
        assert "secret" not in str(raised.value)

    @pytest.mark.parametrize(
        "server", ["https://host/v1/models/m", "http://[::1]:8501/a/v1/models/m"]
    )
    def test_the_port_may_be_left_out_and_a_path_may_come_first(self, server):
        assert repr(Client(server)) == f"Client({server!r})"

    @pytest.mark.parametrize(
        "options",
        [{"timeout": 0}, {"timeout": float("nan")}, {"timeout": float("inf")}, {"retries": -1}],
    )
    def test_numbers_out_of_range_are_refused(self, options):
        with pytest.raises(ValueError, match=f"{next(iter(options))}: expected"):
            Client("http://localhost:1/v1/models/m", **options)


def test_300_requests_of_8_threads_each_get_their_own_answer(client, server, detector, photos):
    expected = [detector.predict(photo[None], verbose=0) for photo in photos]
    choices = np.random.default_rng(0).integers(0, 4, 300)
    server.batcher.batches.clear()
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda index: client.predict_on_batch(photos[index][None]), choices)
        for index, found in zip(choices, results, strict=True):
            for name, values in expected[index].items():
                np.testing.assert_allclose(found[name], values, atol=1e-5)
    assert max(server.batcher.batches) > 1
