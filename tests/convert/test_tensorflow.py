"""TensorFlow's SSDLite: a network of docs/ssd_facts.md section 1.7b, written in TensorFlow's own
operations and order of boxes, must predict what the SSD made of its checkpoint predicts."""

import dataclasses
import tarfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssd import cli, geometry
from keras_ssd.classes import COCO_CLASSES_BY_ID
from keras_ssd.config import SSD_MOBILENET_300, SSD_MOBILENET_320
from keras_ssd.convert.tensorflow import convert_tensorflow_checkpoint
from keras_ssd.default_boxes import default_boxes
from keras_ssd.loading import load_detector

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the same on every backend"
)

NETWORK = "FeatureExtractor/MobilenetV2"
# Of MobileNetV2: (outputs, stride, repeats), each block widened sixfold but the first.
BLOCKS = [(24, 2, 2), (32, 2, 3), (64, 2, 4), (96, 1, 3), (160, 2, 3), (320, 1, 1)]
GRIDS = (19, 10, 5, 3, 2, 1)
SCALES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)


class TensorFlowSSDLite:
    """The original's network with random weights, which it makes as it is first run.

    Attributes:
        variables: name -> array, as in the checkpoint.
    """

    def __init__(self, outputs):
        self.outputs = outputs
        self.random = np.random.default_rng(0)
        self.variables = {}

    def variable(self, name, shape, low, high):
        if name not in self.variables:
            self.variables[name] = self.random.uniform(low, high, shape).astype(np.float32)
        return self.variables[name]

    def weights(self, name, shape, fan_in):
        bound = (6 / fan_in) ** 0.5
        return self.variable(name, shape, -bound, bound)

    def convolution(self, x, name, channels, size=1, stride=1, activate=True):
        """`SAME`, batch normalization of epsilon 0.001, ReLU6; depthwise without `channels`."""
        inputs = x.shape[-1]
        if channels is None:
            kernel = self.weights(f"{name}/depthwise_weights", (3, 3, inputs, 1), 9)
            x = tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "SAME")
        else:
            shape = (size, size, inputs, channels)
            kernel = self.weights(f"{name}/weights", shape, size * size * inputs)
            x = tf.nn.conv2d(x, kernel, stride, "SAME")
        gamma, beta, mean, variance = (
            self.variable(f"{name}/BatchNorm/{part}", x.shape[-1], low, high)
            for part, low, high in (
                ("gamma", 0.5, 1.5),
                ("beta", -0.5, 1.0),
                ("moving_mean", -0.5, 0.5),
                ("moving_variance", 0.5, 2.0),
            )
        )
        x = gamma * (x - mean) / np.sqrt(variance + np.float32(0.001)) + beta
        return tf.nn.relu6(x) if activate else x

    def maps(self, pixels):
        x = self.convolution(pixels * 2 / 255 - 1, f"{NETWORK}/Conv", 32, size=3, stride=2)
        x = self.convolution(x, f"{NETWORK}/expanded_conv/depthwise", None)
        x = self.convolution(x, f"{NETWORK}/expanded_conv/project", 16, activate=False)
        maps, number = [], 0
        for channels, first_stride, repeats in BLOCKS:
            for repeat in range(repeats):
                number += 1
                name = f"{NETWORK}/expanded_conv_{number}"
                wide = self.convolution(x, f"{name}/expand", 6 * x.shape[-1])
                if number == 13:
                    maps.append(wide)
                stride = 1 if repeat else first_stride
                y = self.convolution(wide, f"{name}/depthwise", None, stride=stride)
                y = self.convolution(y, f"{name}/project", channels, activate=False)
                x = x + y if repeat else y
        maps.append(self.convolution(x, f"{NETWORK}/Conv_1", 1280))
        for index, channels in enumerate((512, 256, 256, 128), start=2):
            narrow = f"{NETWORK}/layer_19_1_Conv2d_{index}_1x1_{channels // 2}"
            wide = f"{NETWORK}/layer_19_2_Conv2d_{index}_3x3_s2_{channels}"
            x = self.convolution(maps[-1], narrow, channels // 2)
            x = self.convolution(x, f"{wide}_depthwise", None, stride=2)
            maps.append(self.convolution(x, wide, channels))
        return maps

    def head(self, x, name, width, boxes_per_cell):
        x = self.convolution(x, f"{name}_depthwise", None)
        channels = width * boxes_per_cell
        kernel = self.weights(f"{name}/weights", (1, 1, x.shape[-1], channels), x.shape[-1])
        x = tf.nn.conv2d(x, kernel, 1, "SAME")
        x += self.variable(f"{name}/biases", channels, -0.5, 0.5)
        return x.numpy().reshape(-1, width)

    def __call__(self, pixels):
        """Returns each map's boxes (cells * boxes, 4), y1, x1, y2, x2, and logits (.., outputs)."""
        found = []
        for index, (x, grid) in enumerate(zip(self.maps(pixels), GRIDS, strict=True)):
            assert x.shape[1:3] == (grid, grid)
            count, name = 6 if index else 3, f"BoxPredictor_{index}"
            codes = self.head(x, f"{name}/BoxEncodingPredictor", 4, count)
            logits = self.head(x, f"{name}/ClassPredictor", self.outputs, count)
            found.append((decode(codes, anchors(index)), logits))
        return found


def anchors(index):
    """(y, x, height, width) of a map's anchors, box by box; `tile_anchors` of the original."""
    scale, next_scale = SCALES[index : index + 2]
    specs = [(scale, 1), (scale, 2), (scale, 1 / 2), (scale, 3), (scale, 1 / 3)]
    specs += [((scale * next_scale) ** 0.5, 1)]
    if index == 0:
        specs = [(0.1, 1), (scale, 2), (scale, 1 / 2)]
    grid = GRIDS[index]
    return np.array(
        [
            ((row + 0.5) / grid, (column + 0.5) / grid, size / ratio**0.5, size * ratio**0.5)
            for row in range(grid)
            for column in range(grid)
            for size, ratio in specs
        ]
    )


def decode(codes, anchors):
    """`FasterRcnnBoxCoder._decode` of the original with its scales 10, 10, 5 and 5."""
    ty, tx, th, tw = codes.T / np.array([[10], [10], [5], [5]])
    y, x, height, width = anchors.T
    center_y, center_x = ty * height + y, tx * width + x
    height, width = np.exp(th) * height, np.exp(tw) * width
    low = center_y - height / 2, center_x - width / 2
    return np.stack([*low, center_y + height / 2, center_x + width / 2], axis=-1)


def save(prefix, variables):
    names = sorted(variables)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(variables[name]) for name in names],
    )
    return prefix


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).uniform(0, 255, (1, 300, 300, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def net():
    return TensorFlowSSDLite(91)


@pytest.fixture(scope="module")
def original(net, pixels):
    return net(pixels)


@pytest.fixture(scope="module")
def checkpoint(net, original, tmp_path_factory):
    """A checkpoint with the variables of the model zoo's, and some that a training adds."""
    variables = net.variables | {"global_step": np.int64(200_000)}
    variables["BoxPredictor_0/ClassPredictor/biases/RMSProp"] = np.zeros(273, np.float32)
    return save(tmp_path_factory.mktemp("zoo") / "model.ckpt", variables)


@pytest.fixture(scope="module")
def converted(checkpoint):
    return convert_tensorflow_checkpoint(checkpoint)


def assert_same_predictions(ssd, original, pixels):
    """Asserts that each cell has the same boxes with the same logits in both, in any order."""
    outputs = ssd(pixels)
    offsets, logits = outputs["offsets"].numpy()[0], outputs["classes"].numpy()[0]
    assert offsets.std() > 0.5
    assert logits.std() > 0.5
    decoded = geometry.decode(offsets, default_boxes(SSD_MOBILENET_300), (0.1, 0.1, 0.2, 0.2))
    ours = np.concatenate([decoded[:, [1, 0, 3, 2]], logits], axis=1)
    assert len(ours) == 1917
    for index, (theirs, grid) in enumerate(zip(original, GRIDS, strict=True)):
        count = 6 if index else 3
        theirs = np.concatenate(theirs, axis=1).reshape(grid * grid, count, -1)
        in_map, ours = np.split(ours, [grid * grid * count])
        for a, b in zip(in_map.reshape(theirs.shape), theirs, strict=True):
            nearest = np.abs(a[:, None] - b).max(axis=-1).argmin(axis=1)
            assert sorted(nearest) == list(range(count))
            np.testing.assert_allclose(a[:, :4], b[nearest, :4], rtol=0, atol=1e-4)
            np.testing.assert_allclose(a[:, 4:], b[nearest, 4:], rtol=0, atol=1e-3)


def test_the_ssd_predicts_the_original_s_boxes_and_logits(converted, original, pixels):
    assert_same_predictions(converted[0], original, pixels)


def test_its_name_its_classes_and_its_default_boxes(converted):
    ssd, class_names = converted
    assert ssd.name == "ssd_mobilenet_300_tensorflow"
    assert class_names == COCO_CLASSES_BY_ID
    assert ssd.config == SSD_MOBILENET_300


def test_the_configuration_is_that_for_320_px_on_the_grids_of_300():
    assert SSD_MOBILENET_300.image_size == 300
    assert [m.grid for m in SSD_MOBILENET_300.feature_maps] == list(GRIDS)
    assert [m.step for m in SSD_MOBILENET_300.feature_maps] == [1 / grid for grid in GRIDS]
    assert SSD_MOBILENET_300.num_default_boxes == 1917
    for a, b in zip(SSD_MOBILENET_300.feature_maps, SSD_MOBILENET_320.feature_maps, strict=True):
        assert dataclasses.replace(a, grid=b.grid, step=b.step) == b


def test_the_command_takes_the_model_zoo_s_archive(checkpoint, original, pixels, tmp_path, capsys):
    archive = tmp_path / "ssdlite.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:
        for path in sorted(checkpoint.parent.iterdir()):
            file.add(path, f"ssdlite_mobilenet_v2_coco_2018_05_09/{path.name}")
    output = tmp_path / "coco.keras"
    assert cli.main(["convert", str(archive), str(output)]) == 0
    assert capsys.readouterr().out.startswith(
        "ssd_mobilenet_300_tensorflow_detector: person, bicycle, "
    )
    assert_same_predictions(load_detector(output).ssd, original, pixels)
    output.unlink()
    archive.unlink()


def test_what_does_not_fit_is_named(net, original, tmp_path):
    def convert(changes=(), drop=(), **arguments):
        variables = {name: net.variables[name] for name in net.variables if name not in drop}
        path = save(tmp_path / "model.ckpt", variables | dict(changes))
        return convert_tensorflow_checkpoint(path, **arguments)

    name, stem = f"{NETWORK}/expanded_conv_3/expand/weights", f"{NETWORK}/Conv/weights"
    message = rf"model\.ckpt: lacks {name}; has unexpected more/weights$"
    with pytest.raises(ValueError, match=message):
        convert({"more/weights": np.zeros(1)}, drop=[name])
    message = (
        rf"model\.ckpt: wrong shapes: {stem} is float32 \(7,\), not float \(3, 3, 3, 32\); "
        rf"{name} is int32 \(1, 1, 24, 144\), not float \(1, 1, 24, 144\)$"
    )
    with pytest.raises(ValueError, match=message):
        convert({stem: np.zeros(7, np.float32), name: np.zeros((1, 1, 24, 144), np.int32)})
    biases = "BoxPredictor_0/ClassPredictor/biases"
    for shape in ((274,), (3,), (0,), (91, 3), ()):
        with pytest.raises(ValueError, match=rf"{biases} must have shape \(3 \* classes,\)"):
            convert({biases: np.zeros(shape, np.float32)})
    with pytest.raises(
        ValueError, match=r"has 4 foreground classes, neither .* 90; give their names"
    ):
        convert({biases: np.zeros(15, np.float32)})
    with pytest.raises(ValueError, match=r"class_names: 1 name given, but .*model\.ckpt has 90"):
        convert(class_names=["cat"])


def test_the_command_names_what_it_cannot_read(tmp_path, capsys):
    (tmp_path / "page.tar.gz").write_text("<html>404</html>")
    for path in (tmp_path, tmp_path / "page.tar.gz", tmp_path / "none.tar.gz"):
        assert cli.main(["convert", str(path), str(tmp_path / "ssd.keras")]) == 1
        assert f"keras-ssd convert: {path}: " in capsys.readouterr().err
    arguments = [str(tmp_path / "ssd.pth"), str(tmp_path / "ssd.keras"), "--source", "tensorflow"]
    assert cli.main(["convert", *arguments]) == 1
    assert "ssd.pth: no such file" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["page.tar.gz"]
