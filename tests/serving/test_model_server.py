"""The client and TensorFlow Serving itself, where its program is installed."""

import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from keras_ssd.serving import Client

CONFIGURATION = Path(__file__).parents[2] / "saved_models" / "serving"
PROGRAM = shutil.which("tensorflow_model_server")


@pytest.fixture
def addresses(exported, free_ports, tmp_path):
    """The addresses of a server with the repository's configuration, except the model's folder."""
    text = (CONFIGURATION / "models.config").read_text()
    (tmp_path / "models.config").write_text(text.replace("/models/ssd", str(exported.parent)))
    grpc_port, rest_port = free_ports
    command = [
        PROGRAM,
        f"--port={grpc_port}",
        f"--rest_api_port={rest_port}",
        f"--model_config_file={tmp_path / 'models.config'}",
        "--enable_batching",
        f"--batching_parameters_file={CONFIGURATION / 'batching_parameters.txt'}",
        f"--monitoring_config_file={CONFIGURATION / 'monitoring.config'}",
    ]
    with subprocess.Popen(command) as server:
        model = f"http://127.0.0.1:{rest_port}/v1/models/ssd"
        try:
            wait_until_available(model)
            yield f"grpc://127.0.0.1:{grpc_port}/ssd", model
        finally:
            server.terminate()


def wait_until_available(model):
    for _ in range(120):
        try:
            with urllib.request.urlopen(model, timeout=1) as answer:
                if b'"AVAILABLE"' in answer.read():
                    return
        except OSError:
            pass
        time.sleep(0.5)
    pytest.fail(f"{model}: not available after a minute")


@pytest.mark.skipif(PROGRAM is None, reason="tensorflow_model_server is not on the path")
def test_the_real_server_finds_what_the_detector_does(addresses, detector, photos, photo_files):
    for address in addresses:
        with Client(address) as client:
            assert client.class_names == detector.class_names
            assert client.image_size == detector.image_size
            for photo in photos:
                found = client.predict_on_batch(photo[None])
                for name, expected in detector.predict(photo[None], verbose=0).items():
                    np.testing.assert_allclose(found[name], expected, atol=2e-4)
            found = list(client.detect(photo_files, confidence_threshold=0.0))
            assert [len(result) for result in found] == [9] * 4
