"""The SavedModel of a detector: what it finds, where it runs, and the files beside it."""

import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import keras_ssd
from keras_ssd.formats.saved_model import write as saved_model
from keras_ssd.formats.saved_model.write import export_saved_model

SIZE = 128  # SSDTiny128's
RUN_BY_C_API = Path(__file__).with_name("run_by_c_api.py")

# Loads the SavedModel where neither Keras nor this package can be imported.
RUN_WITHOUT_KERAS = """
import pickle, sys

class NotInstalled:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("keras", "keras_ssd"):
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path = [NotInstalled(finder) for finder in sys.meta_path]
import tensorflow as tf

folder, signature, name, values = pickle.load(sys.stdin.buffer)
outputs = tf.saved_model.load(folder).signatures[signature](**{name: tf.constant(values)})
assert not {"keras", "keras_ssd"} & {module.split(".")[0] for module in sys.modules}
pickle.dump({name: value.numpy() for name, value in outputs.items()}, sys.stdout.buffer)
"""


def photos(count=2, height=90, width=150):
    noise = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    return np.stack([cv2.GaussianBlur(image, (15, 15), 0) for image in noise])


def encode(image, extension=".png"):
    return cv2.imencode(extension, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def assert_same(outputs, expected, rows=slice(None)):
    for name in ("boxes", "labels", "scores", "num_detections"):
        given = np.asarray(outputs[name])[rows]
        np.testing.assert_allclose(given, expected[name], atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def signatures(exported):
    loaded = tf.saved_model.load(str(exported))
    yield loaded.signatures
    del loaded  # it holds the signatures' variables


@pytest.fixture(scope="module")
def found(detector):
    found = detector.predict(photos(), verbose=0)
    assert found["num_detections"].tolist() == [9, 9]
    return found


def meta_graph(folder):
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((folder / "saved_model.pb").read_bytes())
    return model.meta_graphs[0]


@pytest.mark.parametrize("name", ["serving_default", "predict_images"])
def test_images_give_what_the_detector_finds(signatures, found, name):
    outputs = signatures[name](images=tf.constant(photos()))
    assert_same(outputs, found)
    assert outputs["labels"].dtype == outputs["num_detections"].dtype == tf.int32
    names = [[name.decode() for name in row] for row in outputs["class_names"].numpy()]
    assert names == [["cat", "dög", "犬"]] * 2


def test_bytes_give_the_same_and_bad_ones_do_not_disturb(signatures, found):
    first, second = map(encode, photos())
    batch = [b"", first, second[:-30], b"no image", second, b"\xff\xd8\xff" + bytes(100)]
    outputs = signatures["predict_bytes"](image_bytes=tf.constant(batch))
    assert_same(outputs, found, rows=[1, 4])
    bad = [0, 2, 3, 5]
    assert outputs["num_detections"].numpy()[bad].tolist() == [-1] * 4
    assert not outputs["boxes"].numpy()[bad].any()
    assert not outputs["scores"].numpy()[bad].any()
    assert (outputs["labels"].numpy()[bad] == -1).all()
    sizes = outputs["image_sizes"].numpy().tolist()
    assert sizes == [[0, 0], [90, 150], [0, 0], [0, 0], [90, 150], [0, 0]]
    assert outputs["class_names"].shape == (6, 3)


def test_bytes_of_different_sizes_share_a_batch(signatures, detector):
    images = [photos(1, *size)[0] for size in ((90, 150), (300, 40), (1, 1), (128, 128))]
    outputs = signatures["predict_bytes"](image_bytes=tf.constant([encode(i) for i in images]))
    assert outputs["image_sizes"].numpy().tolist() == [list(i.shape[:2]) for i in images]
    for index, image in enumerate(images):
        assert_same(outputs, detector.predict(image[None], verbose=0), rows=[index])


def test_raw_gives_what_the_network_within_does(signatures, detector):
    images = photos(2, SIZE, SIZE).astype(np.float32)
    outputs = signatures["raw"](images=tf.constant(images))
    expected = detector.ssd.predict(images, verbose=0)
    assert set(outputs) == set(expected) == {"offsets", "classes"}
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, atol=1e-5)


def test_no_operation_is_python(exported):
    graph = meta_graph(exported).graph_def
    functions = [node.op for function in graph.library.function for node in function.node_def]
    operations = {node.op for node in graph.node} | set(functions)
    assert "DecodeJpeg" in operations
    assert {op for op in operations if "py" in op.lower() and "copy" not in op.lower()} == set()


def test_it_runs_where_keras_and_this_package_cannot_be_imported(exported, found):
    batch = [encode(photos()[0]), b"no image", encode(photos()[1])]
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITHOUT_KERAS],
        input=pickle.dumps((str(exported), "predict_bytes", "image_bytes", batch)),
        capture_output=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr.decode()
    outputs = pickle.loads(done.stdout)
    assert_same(outputs, found, rows=[0, 2])
    assert outputs["num_detections"][1] == -1


@pytest.mark.parametrize("signature", ["serving_default", "predict_bytes"])
def test_it_runs_by_the_c_api_without_python(exported, found, signature):
    images = photos()
    batch = [encode(images[0]), b"no image", encode(images[1])]
    definition = meta_graph(exported).signature_def[signature]
    (given,) = definition.inputs.values()
    names = sorted(definition.outputs)
    request = {
        "folder": str(exported),
        "input": given.name,
        "outputs": [definition.outputs[name].name for name in names],
        "values": batch if signature == "predict_bytes" else images,
    }
    done = subprocess.run(
        [sys.executable, "-I", RUN_BY_C_API, Path(tf.__file__).parent],
        input=pickle.dumps(request),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    outputs = dict(zip(names, pickle.loads(done.stdout), strict=True))
    assert_same(outputs, found, rows=[0, 2] if signature == "predict_bytes" else slice(None))
    assert outputs["class_names"][0].tolist() == [name.encode() for name in ("cat", "dög", "犬")]


def test_the_warm_up_requests_run_every_signature(exported, signatures):
    prediction_log = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    path = exported / "assets.extra" / "tf_serving_warmup_requests"
    used = []
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        assert request.model_spec.name == "tiny"
        used.append(request.model_spec.signature_name)
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        outputs = signatures[used[-1]](
            **{name: tf.constant(values) for name, values in inputs.items()}
        )
        if "num_detections" in outputs:
            assert outputs["num_detections"].numpy().tolist() == [9]
    assert used == ["serving_default", "predict_images", "predict_bytes", "raw", "describe"]


def test_describe_says_what_the_detector_is(signatures):
    outputs = signatures["describe"](anything=tf.constant([b"a", b"b"]))
    outputs = {name: values.numpy().tolist() for name, values in outputs.items()}
    assert outputs == {
        "class_names": [[b"cat", "dög".encode(), "犬".encode()]] * 2,
        "image_size": [SIZE] * 2,
        "confidence_threshold": [0.01] * 2,
        "iou_threshold": [0.45] * 2,
        "max_detections": [9] * 2,
    }


@pytest.mark.parametrize(
    ("signature", "empty"),
    [
        ("predict_images", {"images": np.zeros((0, 20, 30, 3), np.uint8)}),
        ("predict_bytes", {"image_bytes": np.zeros(0, bytes)}),
        ("raw", {"images": np.zeros((0, SIZE, SIZE, 3), np.float32)}),
    ],
)
def test_an_empty_batch_is_refused_in_plain_words(signatures, signature, empty):
    inputs = {name: tf.constant(values) for name, values in empty.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected at least one image"):
        signatures[signature](**inputs)


def test_the_names_and_what_a_decoder_needs_are_beside_it(exported, detector):
    folder = exported / "assets.extra"
    assert (folder / "labels.txt").read_text(encoding="utf-8") == "cat\ndög\n犬\n"
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["keras_ssd_version"] == keras_ssd.__version__
    assert metadata["class_names"] == ["cat", "dög", "犬"]
    assert metadata["image_size"] == metadata["config"]["image_size"] == SIZE
    assert metadata["confidence_threshold"] == 0.01
    assert metadata["max_detections"] == 9
    assert len(metadata["config"]["feature_maps"]) == 4


class TestVersions:
    @pytest.fixture
    def write(self, monkeypatch):
        """The export of everything but the model, which takes seconds."""

        def save(module, folder, signatures):
            Path(folder).mkdir()
            (Path(folder) / "saved_model.pb").write_bytes(b"")

        monkeypatch.setattr(saved_model, "_signatures", lambda detector: (None, {}))
        monkeypatch.setattr(saved_model.tf.saved_model, "save", save)
        return export_saved_model

    def test_each_export_is_one_more_than_the_highest(self, write, detector, tmp_path):
        assert write(detector, tmp_path / "a" / "b").name == "1"
        assert write(detector, tmp_path / "a" / "b", version=9).name == "9"
        (tmp_path / "a" / "b" / "notes").mkdir()
        assert write(detector, tmp_path / "a" / "b") == tmp_path / "a" / "b" / "10"

    def test_a_version_that_exists_is_not_replaced(self, write, detector, tmp_path):
        (tmp_path / "3").mkdir()
        (tmp_path / "3" / "mine").write_text("mine")
        with pytest.raises(ValueError, match="3: this version exists"):
            write(detector, tmp_path, version=3)
        assert [path.name for path in tmp_path.rglob("*")] == ["3", "mine"]

    def test_a_version_below_1_is_refused(self, write, detector, tmp_path):
        with pytest.raises(ValueError, match="version: expected 1 or more, not 0"):
            write(detector, tmp_path, version=0)

    def test_a_file_in_place_of_the_folder_is_refused(self, write, detector, tmp_path):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(ValueError, match="file: expected a folder"):
            write(detector, tmp_path / "file")

    def test_a_failure_leaves_no_version_behind(self, write, detector, tmp_path, monkeypatch):
        def fail(*arguments):
            raise OSError("the disk is full")

        monkeypatch.setattr(saved_model, "write_warmup_requests", fail)
        with pytest.raises(OSError, match="full"):
            write(detector, tmp_path / "tiny")
        assert list((tmp_path / "tiny").iterdir()) == []

    def test_one_that_is_not_verified_is_not_put_in_place(self, write, detector, tmp_path):
        seen = []

        def verify(folder):
            seen.append((folder / "assets.extra" / "labels.txt").is_file())
            raise ValueError("too different")

        with pytest.raises(ValueError, match="too different"):
            write(detector, tmp_path / "tiny", verify=verify)
        assert seen == [True]
        assert list((tmp_path / "tiny").iterdir()) == []

    def test_threads_that_export_at_once_get_a_version_each(self, write, detector, tmp_path):
        with ThreadPoolExecutor(8) as pool:
            folders = list(pool.map(lambda _: write(detector, tmp_path / "tiny"), range(24)))
        assert sorted(int(folder.name) for folder in folders) == list(range(1, 25))
        assert {folder.parent for folder in folders} == {tmp_path / "tiny"}
        assert len(list((tmp_path / "tiny").iterdir())) == 24
