"""The client over REST in a process that can import neither TensorFlow nor Keras."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"tensorflow", "keras", "grpc", "tensorflow_serving", "google"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
import keras_ssd

address, *paths = sys.argv[1:]
with keras_ssd.serving.Client(address) as client:
    found = list(client.detect(paths, confidence_threshold=0.0))
    print(json.dumps([client.class_names, client.image_size]))
print(json.dumps([result.to_records() for result in found]))
try:
    keras_ssd.serving.Client("grpc://localhost:1/m")
except ImportError as error:
    print(error)
"""


def test_it_detects_and_says_what_grpc_needs(server, detector, photo_files):
    command = [sys.executable, "-c", PROGRAM, server.rest_address, *map(str, photo_files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    description, found, grpc = done.stdout.splitlines()
    assert json.loads(description) == [["cat", "dög", "犬"], 128]
    expected = detector.detect(photo_files, confidence_threshold=0.0)
    for records, result in zip(json.loads(found), expected, strict=True):
        assert len(records) == 9
        for ours, theirs in zip(records, result.to_records(), strict=True):
            assert (ours["image"], ours["label"]) == (theirs["image"], theirs["label"])
            assert abs(ours["score"] - theirs["score"]) < 1e-4
    assert grpc == 'grpc is missing: pip install "keras-ssd[serving]"'
