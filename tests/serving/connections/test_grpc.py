"""The client and gRPC: codes, tries, metadata, TLS, and answers of another model."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from keras_ssd.serving import Client

pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

IMAGE = np.zeros((1, 30, 40, 3), np.uint8)
CODES = grpc.StatusCode


class Scripted(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Finds one dog in every image, or fails as told.

    Attributes:
        script: (code, details) of the next answers.
        description, row: the outputs of the others, as in the scripted server of REST.
        requests: the metadata of each request that came.
    """

    def __init__(self, scripted):
        self.script, self.requests = [], []
        self.description, self.row = scripted.description, scripted.row

    def Predict(self, request, context):
        self.requests.append(dict(context.invocation_metadata()))
        if self.script:
            context.abort(*self.script.pop(0))
        is_description = request.model_spec.signature_name == "describe"
        (tensor,) = request.inputs.values()
        count = len(tf.make_ndarray(tensor))
        response = predict_pb2.PredictResponse()
        for name, value in (self.description if is_description else self.row).items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto([value] * count))
        return response


class Server:
    def __init__(self, service, credentials=None):
        self.service = service
        self._server = grpc.server(ThreadPoolExecutor(4))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, self._server)
        if credentials is None:
            port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            port = self._server.add_secure_port("127.0.0.1:0", credentials)
        self._server.start()
        self.address = f"grpc{'' if credentials is None else 's'}://127.0.0.1:{port}/m"

    def close(self):
        self._server.stop(0).wait()


@pytest.fixture
def server(scripted):
    server = Server(Scripted(scripted))
    yield server
    server.close()


@pytest.fixture
def encrypted(scripted, authority):
    certificate = authority.issue_cert("127.0.0.1")
    chain = b"".join(part.bytes() for part in certificate.cert_chain_pems)
    pair = (certificate.private_key_pem.bytes(), chain)
    server = Server(Scripted(scripted), grpc.ssl_server_credentials([pair]))
    yield server
    server.close()


def ask(server, **options):
    with Client(server.address, **options) as client:
        return client.image_size


def test_what_the_server_finds_is_returned(server):
    with Client(server.address) as client:
        found = client.predict_on_batch(IMAGE)
        assert client.class_names == ("cat", "dog")
    assert found["labels"].tolist() == [[1, -1]]
    assert found["scores"].dtype == np.float32


@pytest.mark.parametrize(
    ("code", "details", "message"),
    [
        (CODES.UNAUTHENTICATED, "go away", r"a token is missing .*\(401: UNAUTHENTICATED: go away"),
        (CODES.PERMISSION_DENIED, "go away", r"forbids the request .*\(403: PERMISSION_DENIED"),
        (CODES.NOT_FOUND, "go away", r"the server has no model m \(404: NOT_FOUND: go away"),
        (CODES.INVALID_ARGUMENT, "go away", r"refused the request \(400: INVALID_ARGUMENT"),
        (CODES.INTERNAL, "", r"refused the request \(400: INTERNAL"),
        (CODES.RESOURCE_EXHAUSTED, "Received message larger than max (5 vs. 4)", "use a smaller"),
    ],
)
def test_a_refusal_is_told_at_once(server, waits, code, details, message):
    server.service.script = [(code, details)] * 9
    with pytest.raises(ValueError, match=message) as raised:
        ask(server)
    assert str(raised.value).startswith(server.address)
    assert len(server.service.requests) == 1


@pytest.mark.parametrize("code", [CODES.UNAVAILABLE, CODES.RESOURCE_EXHAUSTED])
def test_a_busy_server_is_asked_again(server, waits, code):
    server.service.script = [(code, "busy")] * 2
    assert ask(server) == 16
    assert len(waits) == 2
    server.service.script = [(code, "busy")] * 2
    with pytest.raises(ConnectionError, match=rf"unavailable after 2 tries \(\d+: {code.name}: b"):
        ask(server, retries=1)


def test_headers_are_sent_as_metadata(server):
    assert ask(server, headers={"Authorization": "Bearer secret"}) == 16
    assert server.service.requests[0]["authorization"] == "Bearer secret"


def test_a_server_of_a_trusted_authority_answers(encrypted, ca_file):
    assert encrypted.address.startswith("grpcs://")
    assert ask(encrypted, ca_file=ca_file) == 16


def test_another_is_told_at_once(encrypted, waits):
    with pytest.raises(ConnectionError, match=r"certificate is not trusted .*ca_file"):
        ask(encrypted)
    assert waits == []


def test_a_closed_client_is_refused(server):
    client = Client(server.address)
    assert client.image_size == 16
    client.close()
    client.close()
    with pytest.raises(ValueError, match=rf"{server.address}: .*closed"):
        client.predict_on_batch(IMAGE)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("scores", None, "scores is missing"),
        ("scores", "text", "scores: expected numbers"),
        ("scores", [float("nan"), 0.0], "scores: expected 0 to 1"),
        ("labels", [2, -1], "labels: expected -1 to 1"),
        ("class_names", [b"cat", b"\xff"], "not the answer of a detector"),
    ],
)
def test_an_answer_that_is_not_a_detectors_is_refused(server, name, value, reason):
    if value is None:
        del server.service.row[name]
    else:
        server.service.row[name] = value
    client = Client(server.address)
    with client, pytest.raises(ValueError, match=reason) as raised:
        client.predict_on_batch(IMAGE)
    assert str(raised.value).startswith(server.address)
