"""The files in saved_models/serving/."""

import inspect
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "saved_models" / "serving"


def test_every_file_that_the_server_is_given_is_there():
    given = re.findall(r"=/models/serving/(\S+)", (FOLDER / "docker-compose.yml").read_text())
    assert len(given) == 3
    assert [name for name in given if not (FOLDER / name).is_file()] == []


def test_the_models_configuration_is_one_that_the_server_knows():
    pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")
    from google.protobuf import text_format
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    text = (FOLDER / "models.config").read_text()
    (model,) = text_format.Parse(text, ModelServerConfig()).model_config_list.config
    assert (model.name, model.base_path) == ("ssd", "/models/ssd")
    assert model.model_version_policy.latest.num_versions == 2


def test_the_client_sends_no_more_than_the_server_takes():
    from keras_ssd.serving import Client

    text = (FOLDER / "batching_parameters.txt").read_text()
    (most,) = re.findall(r"max_batch_size \{ value: (\d+) \}", text)
    assert Client.detect.__kwdefaults__["batch_size"] <= int(most)
    assert inspect.signature(Client.predict).parameters["batch_size"].default <= int(most)
