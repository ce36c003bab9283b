"""A small server that speaks TensorFlow Serving's protocols, and the model on it."""

import base64
import json
import queue
import socket
import threading
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import keras
import numpy as np
import pytest

from keras_ssd import Detector, SSDTiny128

NAMES = ("cat", "dög", "犬")


class Batcher:
    """Runs signatures; requests that come at the same time share a run, and its failure."""

    max_batch_size, seconds = 32, 0.002

    def __init__(self, signatures):
        self.signatures = signatures
        self.batches = []  # numbers of requests that shared a run
        self._tasks = queue.Queue()
        threading.Thread(target=self._work, daemon=True).start()

    def run(self, signature, name, values):
        result = futures.Future()
        self._tasks.put((signature, name, values, result))
        return result.result()

    def close(self):
        self._tasks.put(None)

    def _work(self):
        while (task := self._tasks.get()) is not None:
            tasks, end = [task], time.monotonic() + self.seconds
            while sum(len(task[2]) for task in tasks) < self.max_batch_size:
                try:
                    task = self._tasks.get(timeout=max(0, end - time.monotonic()))
                except queue.Empty:
                    break
                if task is None:
                    self._tasks.put(None)  # the end comes after these tasks
                    break
                tasks.append(task)
            for key in {task[:2] for task in tasks}:
                self._run_and_hand_out([task for task in tasks if task[:2] == key])

    def _run_and_hand_out(self, tasks):
        self.batches.append(len(tasks))
        try:
            outputs = self._run_merged(tasks)
        except Exception as error:
            for *_, result in tasks:
                result.set_exception(error)
            return
        for (*_, result), output in zip(tasks, outputs, strict=True):
            result.set_result(output)

    def _run_merged(self, tasks):
        import tensorflow as tf

        signature, name = tasks[0][:2]
        merged = np.concatenate([values for _, _, values, _ in tasks])
        outputs = self.signatures[signature](**{name: tf.constant(merged)})
        ends = np.cumsum([len(values) for _, _, values, _ in tasks])[:-1]
        split = {name: np.split(value.numpy(), ends) for name, value in outputs.items()}
        return [
            {name: parts[index] for name, parts in split.items()} for index in range(len(tasks))
        ]


class Server:
    """The model "tiny" by gRPC and REST, each on a port of its own on 127.0.0.1.

    Attributes:
        unavailable: the number of requests to come that are turned away as too many.
        delay: the seconds that every answer takes longer.
        requests: the number of requests that came.
    """

    def __init__(self, signatures):
        self.batcher = Batcher(signatures)
        self._lock = threading.Lock()
        self.reset()
        self.grpc_port, self._grpc = serve_grpc(self)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), rest_handler(self))
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        self.grpc_address = f"grpc://127.0.0.1:{self.grpc_port}/tiny"
        self.rest_address = f"http://127.0.0.1:{self._http.server_port}/v1/models/tiny"

    def is_unavailable(self):
        with self._lock:
            self.requests += 1
            self.unavailable -= 1
            return self.unavailable >= 0

    def reset(self):
        self.unavailable, self.delay, self.requests = 0, 0.0, 0

    def close(self):
        self._grpc.stop(0)
        self._http.shutdown()
        self._http.server_close()
        self.batcher.close()


def serve_grpc(server):
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            if server.is_unavailable():
                context.abort(grpc.StatusCode.UNAVAILABLE, "the queue is full")
            time.sleep(server.delay)
            spec = request.model_spec
            if spec.name != "tiny" or spec.version.value not in (0, 1):
                context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found: {spec.name}")
            ((name, tensor),) = request.inputs.items()
            try:
                outputs = server.batcher.run(spec.signature_name, name, tf.make_ndarray(tensor))
            except Exception as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            response = predict_pb2.PredictResponse()
            for name, values in outputs.items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(values))
            return response

    grpc_server = grpc.server(futures.ThreadPoolExecutor(16))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), grpc_server)
    port = grpc_server.add_insecure_port("127.0.0.1:0")
    grpc_server.start()
    return port, grpc_server


def rest_handler(server):
    inputs = {"predict_bytes": "image_bytes", "describe": "anything"}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # its connections stay open
        disable_nagle_algorithm = True
        timeout = 30

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if server.is_unavailable():
                return self.answer(503, {"error": "the queue is full"})
            time.sleep(server.delay)
            if self.path not in ("/v1/models/tiny:predict", "/v1/models/tiny/versions/1:predict"):
                return self.answer(404, {"error": f"Servable not found: {self.path}"})
            values = [base64.b64decode(instance["b64"]) for instance in body["instances"]]
            signature = body["signature_name"]
            try:
                outputs = server.batcher.run(signature, inputs[signature], np.array(values, object))
            except Exception as error:
                return self.answer(400, {"error": str(error)})
            rows = [
                {name: plain(of_all[index]) for name, of_all in outputs.items()}
                for index in range(len(values))
            ]
            return self.answer(200, {"predictions": rows})

        def answer(self, status, content):
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return Handler


def plain(values):
    values = values.tolist()
    if isinstance(values, list) and values and isinstance(values[0], bytes):
        return [value.decode() for value in values]
    return values


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="package")
def detector():
    keras.utils.set_random_seed(0)
    return Detector(SSDTiny128(3), NAMES, max_detections=9)


@pytest.fixture(scope="package")
def exported(detector, tmp_path_factory):
    from keras_ssd.formats.saved_model.write import export_saved_model

    return export_saved_model(detector, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="package")
def signatures(exported):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(exported))
    yield loaded.signatures
    del loaded  # it holds the signatures' variables


@pytest.fixture(scope="package")
def running_server(signatures):
    server = Server(signatures)
    yield server
    server.close()


@pytest.fixture
def server(running_server):
    running_server.reset()
    yield running_server
    running_server.reset()


@pytest.fixture(params=["grpc", "rest"])
def address(request, server):
    return getattr(server, f"{request.param}_address")


@pytest.fixture
def free_ports():
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


@pytest.fixture(scope="session")
def photos():
    """RGB arrays of different sizes."""
    noise = np.random.default_rng(0)
    sizes = [(90, 150), (200, 64), (128, 128), (33, 20)]
    images = [noise.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    return [cv2.GaussianBlur(image, (15, 15), 0) for image in images]


@pytest.fixture
def photo_files(photos, tmp_path):
    """The photos as files; JPEG and PNG in turn."""
    paths = []
    for index, photo in enumerate(photos):
        extension = (".jpg", ".png")[index % 2]
        path = tmp_path / f"photo{index}{extension}"
        path.write_bytes(cv2.imencode(extension, cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))[1])
        paths.append(path)
    return paths


@pytest.fixture
def bad_files(photo_files, tmp_path):
    contents = {
        "empty.jpg": b"",
        "text.jpg": b"no image",
        "cut.jpg": photo_files[0].read_bytes()[:-50],
        "cut.png": photo_files[1].read_bytes()[:-50],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [tmp_path / name for name in contents]
