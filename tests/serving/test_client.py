"""The client over real connections to the small server of conftest.py."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import keras_ssd
from keras_ssd.images import CorruptImageError
from keras_ssd.serving import Client

pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")


def assert_close(found, expected):
    assert found.size == expected.size
    assert found.class_names == expected.class_names
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.scores, expected.scores, atol=2e-4)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.05)


@pytest.fixture(scope="module")
def alone(signatures):
    """What the SavedModel finds in one file by itself."""

    def find(path):
        import tensorflow as tf

        outputs = signatures["predict_bytes"](image_bytes=tf.constant([path.read_bytes()]))
        outputs = {name: values.numpy() for name, values in outputs.items()}
        names = [name.decode() for name in outputs["class_names"][0]]
        size = tuple(outputs["image_sizes"][0].tolist())
        return keras_ssd.results.Detections.from_prediction(outputs, 0, path, size, names)

    return find


def test_files_of_different_sizes_share_a_request(address, server, photo_files, alone):
    found = list(Client(address).detect(photo_files, confidence_threshold=0.0))
    assert [result.image for result in found] == [str(path) for path in photo_files]
    assert server.requests == 1
    for result, path in zip(found, photo_files, strict=True):
        assert len(result) == 9
        assert_close(result, alone(path))


def test_arrays_give_what_the_detector_finds_in_them(address, detector, photos):
    found = list(Client(address).detect(photos, confidence_threshold=0.0))
    for index, (result, photo) in enumerate(zip(found, photos, strict=True)):
        prediction = detector.predict(photo[None], verbose=0)
        names = keras_ssd.class_names(detector)
        assert result.image == str(index)
        assert_close(
            result,
            keras_ssd.results.Detections.from_prediction(
                prediction, 0, index, photo.shape[:2], names
            ),
        )


def test_one_source_alone_and_no_source(address, photo_files, photos):
    client = Client(address)
    assert [found.image for found in client.detect(photo_files[0])] == [str(photo_files[0])]
    assert [found.image for found in client.detect(str(photo_files[0]))] == [str(photo_files[0])]
    assert [found.size for found in client.detect(photos[1])] == [(200, 64)]
    assert list(client.detect([])) == []


def test_only_what_scores_enough_is_yielded(address, photo_files):
    (found,) = Client(address).detect(photo_files[0], confidence_threshold=0.0)
    middle = float(found.scores[4])
    (above,) = Client(address).detect(photo_files[0], confidence_threshold=middle)
    assert len(above) == 5


def test_a_version_can_be_asked_for(address, photo_files):
    assert len(list(Client(f"{address}/versions/1").detect(photo_files))) == 4
    with pytest.raises(ValueError, match=r"refused the request .*not found"):
        list(Client(f"{address}/versions/2").detect(photo_files))


class TestBadImages:
    @pytest.mark.parametrize("batch_size", [1, 3, 8])
    def test_each_is_raised_by_name_after_all_before_it(
        self, address, photo_files, bad_files, batch_size
    ):
        for bad in bad_files:
            sources = [*photo_files[:2], bad, photo_files[2]]
            results = Client(address).detect(sources, batch_size=batch_size)
            assert [next(results).image for _ in range(2)] == [str(p) for p in photo_files[:2]]
            with pytest.raises(CorruptImageError, match=bad.name):
                next(results)

    @pytest.mark.parametrize("batch_size", [1, 3, 8])
    def test_with_on_error_all_come_in_order(
        self, address, photo_files, bad_files, batch_size, tmp_path
    ):
        missing, folder = tmp_path / "missing.jpg", tmp_path
        sources = [bad_files[0], photo_files[0], missing, *bad_files[1:], photo_files[1]]
        sources += [None, np.zeros((4, 4)), folder, photo_files[2]]
        events = []
        client = Client(address)
        for found in client.detect(sources, batch_size=batch_size, on_error=events.append):
            events.append(found.image)
        events = [str(event) for event in events]
        expected = [bad_files[0], photo_files[0], missing, *bad_files[1:], photo_files[1]]
        expected += ["sources[7]", "sources[8]", folder, photo_files[2]]
        assert len(events) == len(expected)
        for event, name in zip(events, expected, strict=True):
            assert event.startswith(str(name))

    def test_an_endless_source_is_read_one_batch_at_a_time(self, address, photos):
        read = []
        sources = (read.append(1) or photos[0] for _ in itertools.count())
        results = Client(address).detect(sources, batch_size=3)
        assert read == []
        next(results)
        assert len(read) == 3


class TestTheServer:
    def test_an_unavailable_one_is_asked_again(self, address, server, photo_files):
        server.unavailable = 2
        assert len(list(Client(address).detect(photo_files))) == 4
        assert server.requests == 3

    def test_one_that_stays_unavailable_is_given_up(self, address, server, photo_files):
        server.unavailable = 100
        with pytest.raises(ConnectionError, match=r"unavailable after 3 tries .*queue is full"):
            list(Client(address, retries=2).detect(photo_files))
        assert server.requests == 3

    @pytest.mark.parametrize("form", ["grpc://127.0.0.1:{}/m", "http://127.0.0.1:{}/v1/models/m"])
    def test_none_at_the_address_is_named(self, form, free_ports, photo_files):
        port = free_ports[0]
        with pytest.raises(ConnectionError, match=f"{port}/.*unavailable after 2 tries"):
            list(Client(form.format(port), retries=1).detect(photo_files))

    def test_one_that_takes_too_long_is_not_waited_for(self, address, server, photo_files):
        server.delay = 1.0
        with pytest.raises(TimeoutError, match=r"no answer within 0\.2 seconds"):
            list(Client(address, timeout=0.2).detect(photo_files))
        assert server.requests == 1

    def test_one_without_the_model_refuses(self, address, server, photo_files):
        with pytest.raises(ValueError, match=r"refused the request .*not found"):
            list(Client(f"{address}2").detect(photo_files))
        assert server.requests == 1

    def test_its_failure_is_told_and_no_source_is_blamed(
        self, address, server, photo_files, monkeypatch
    ):
        monkeypatch.setattr(server.batcher, "signatures", {})
        errors = []
        with pytest.raises(ValueError, match="predict_bytes"):
            list(Client(address).detect(photo_files, on_error=errors.append))
        assert errors == []


@pytest.mark.parametrize(
    "server",
    ["", "localhost:8500", "grpc://localhost/m", "grpc://localhost:8500", "http://localhost:8501/m",
     "http://localhost:8501/v1/models/", "ftp://localhost:8501/v1/models/m"],
)  # fmt: skip
def test_an_address_of_another_form_is_refused(server):
    with pytest.raises(ValueError, match=r"server: .*expected grpc://HOST:PORT/NAME or http://"):
        Client(server)


@pytest.mark.parametrize("options", [{"timeout": 0}, {"retries": -1}])
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))}: expected"):
        Client("http://localhost:1/v1/models/m", **options)


@pytest.mark.parametrize("options", [{"confidence_threshold": 1.5}, {"batch_size": 0}])
def test_wrong_arguments_are_refused_at_once(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))}: expected"):
        Client("http://localhost:1/v1/models/m").detect([], **options)


def test_keras_ssd_detect_takes_a_client(address, photo_files, tmp_path, alone):
    problems = keras_ssd.detect_to_folder(
        Client(address),
        [photo_files[0], tmp_path / "missing.jpg"],
        tmp_path / "out",
        confidence_threshold=0.0,
    )
    assert len(problems) == 1
    assert "missing.jpg" in problems[0]
    assert (tmp_path / "out" / "photo0.png").is_file()


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_500_requests_of_8_threads_each_get_their_own_answer(
    kind, server, photo_files, bad_files, alone
):
    expected = {path: alone(path) for path in photo_files}
    choose = np.random.default_rng(0)
    jobs = [
        [bad_files if choose.random() < 0.05 else photo_files][0][choose.integers(4)]
        for _ in range(500)
    ]
    assert 15 <= sum(path in bad_files for path in jobs) <= 35
    client = Client(getattr(server, f"{kind}_address"))
    threads = set()

    def request(path):
        threads.add(threading.get_ident())
        try:
            (found,) = client.detect(path, confidence_threshold=0.0)
        except CorruptImageError as error:
            return error
        return found

    server.batcher.batches.clear()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(request, jobs))
    assert len(threads) == 8
    assert max(server.batcher.batches) > 1
    for path, result in zip(jobs, results, strict=True):
        if path in bad_files:
            assert isinstance(result, CorruptImageError)
            assert str(path) in str(result)
        else:
            assert_close(result, expected[path])
