import io
import zipfile

import keras
import numpy as np
import pytest
from keras import ops

from keras_ssd.checkpoints import vgg16
from keras_ssd.checkpoints.vgg16 import read_vgg16_weights
from keras_ssd.models import backbones

CONVOLUTIONS = [
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"),
    *("conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3"),
]


def keras_name(name):
    return name.replace("conv", "block").replace("_", "_conv")


CHANNELS = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
SHAPES = {
    name: (3, 3, CHANNELS[index], CHANNELS[index + 1]) for index, name in enumerate(CONVOLUTIONS)
}
SHAPES |= {"fc6": (3, 3, 512, 1024), "fc7": (1, 1, 1024, 1024)}


def write_npz(path, int8=True, omit=()):
    """An .npz of random layers; returns their true kernels and biases."""
    rng = np.random.default_rng(0)
    arrays, true = {}, {}
    for name, shape in SHAPES.items():
        arrays[f"{name}/bias"] = rng.normal(size=shape[-1]).astype(np.float32)
        arrays[f"{name}/kernel"] = rng.integers(-127, 128, shape, np.int8)
        scale = rng.uniform(0.001, 0.002, shape[-1]).astype(np.float32)
        kernel = arrays[f"{name}/kernel"] * scale
        if int8:
            arrays[f"{name}/scale"] = scale
        else:
            arrays[f"{name}/kernel"] = kernel
        true[name] = kernel, arrays[f"{name}/bias"]
    np.savez(path, **{key: array for key, array in arrays.items() if key not in omit})
    return true


@pytest.mark.parametrize("int8", [True, False])
def test_an_npz_gives_kernels_times_scale(tmp_path, int8):
    path = tmp_path / "vgg16.npz"
    true = write_npz(path, int8)
    weights = read_vgg16_weights(path)
    expected_names = [*map(keras_name, CONVOLUTIONS), "fc6", "fc7"]
    assert list(weights) == expected_names
    for name, (kernel, bias) in true.items():
        read_kernel, read_bias = weights[name if name in weights else keras_name(name)]
        if name == "conv1_1":
            kernel = kernel[:, :, ::-1]  # from BGR to RGB; all other layers see no colors
        assert read_kernel.dtype == read_bias.dtype == np.float32
        np.testing.assert_allclose(read_kernel, kernel, rtol=1e-6)
        np.testing.assert_array_equal(read_bias, bias)


@pytest.mark.parametrize("key", ["conv4_2/kernel", "fc7/bias"])
def test_a_key_that_an_npz_lacks_is_named_with_the_file(tmp_path, key):
    write_npz(tmp_path / "half.npz", omit=[key])
    with pytest.raises(ValueError, match=rf"backbone_weights: .*half\.npz: lacks {key}$"):
        read_vgg16_weights(tmp_path / "half.npz")


def test_a_text_file_called_npz_is_refused_by_name(tmp_path):
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ValueError, match=r"backbone_weights: .*text\.npz: not a \.npz file"):
        read_vgg16_weights(tmp_path / "text.npz")


def test_what_an_npz_holds_is_checked_by_name(tmp_path):
    path = tmp_path / "vgg16.npz"
    write_npz(path)
    with np.load(path) as file:
        whole = dict(file)
    for key, array, message in (
        ("conv3_1/kernel", whole["conv3_2/kernel"], r"block3_conv1 kernel is float32 \(3, 3, 256"),
        ("fc7/bias", np.zeros(3), r"fc7 bias is float32 \(3,\), not float \(1024,\)"),
        ("fc6/scale", np.ones((2, 1, 1, 1, 1)), r"fc6 kernel is float32 \(2, 3, 3, 512, 1024\)"),
        ("fc6/bias", np.array([None]), r"not a \.npz file \(Object arrays cannot be loaded"),
        ("fc6/bias", np.array(["a"]), r"not a \.npz file \(could not convert string"),
        ("fc6/scale", np.ones(7), r"not a \.npz file \(operands could not be broadcast"),
    ):
        np.savez(path, **whole | {key: array})
        with pytest.raises(ValueError, match=rf"backbone_weights: .*vgg16\.npz: .*{message}"):
            read_vgg16_weights(path)


def test_an_npz_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path):
    path = tmp_path / "vgg16.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in (*CONVOLUTIONS, "fc6", "fc7"):
            for part in ("kernel", "bias"):
                with file.open(f"{name}/{part}.npy", "w") as member:
                    header = {"descr": "<f4", "fortran_order": False, "shape": (2**22,)}
                    np.lib.format.write_array_header_1_0(member, header)
                    member.write(bytes(2**24))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ValueError, match=r"vgg16\.npz: not a .*unpacks to more than 268435456"):
        read_vgg16_weights(path)


def test_an_npz_whose_arrays_claim_more_than_they_have_is_refused(tmp_path):
    path = tmp_path / "vgg16.npz"
    for shape in ((10**12,), (2**62, 2**62)):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": shape}
        )
        with zipfile.ZipFile(path, "w") as file:
            for name in (*CONVOLUTIONS, "fc6", "fc7"):
                for part in ("kernel", "bias"):
                    file.writestr(f"{name}/{part}.npy", header.getvalue())
        with pytest.raises(ValueError, match=r"vgg16\.npz: not a \.npz file"):
            read_vgg16_weights(path)


@pytest.mark.parametrize("name", ["gone.npz", "gone.h5", "gone.pth", "gone.weights.h5"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(ValueError, match=rf"backbone_weights: .*{name}: no such file"):
        read_vgg16_weights(str(tmp_path / name))


def test_another_kind_of_file_or_an_unknown_word_is_refused(tmp_path):
    (tmp_path / "vgg16.caffemodel").write_text("")
    expected = r'expected "imagenet", "reducedfc", a Keras \.h5, an \.npz'
    for source in (tmp_path / "vgg16.caffemodel", "coco"):
        with pytest.raises(ValueError, match=expected):
            read_vgg16_weights(source)


def test_reducedfc_is_downloaded(monkeypatch):
    asked = []
    monkeypatch.setattr(vgg16, "download", lambda url, check: asked.append(url) or "gone.pth")
    with pytest.raises(ValueError, match=r"gone\.pth"):
        read_vgg16_weights("reducedfc")
    assert asked == ["https://s3.amazonaws.com/amdegroot-models/vgg16_reducedfc.pth"]


def test_a_failed_download_says_what_to_do(monkeypatch):
    def offline(weights):
        raise Exception("URL fetch failure on https://example.org/vgg16.h5: None -- no network")

    monkeypatch.setattr(keras.applications, "VGG16", offline)
    with pytest.raises(ValueError, match=r"backbone_weights: imagenet: could not be downloaded; "):
        read_vgg16_weights("imagenet")
    with pytest.raises(ValueError, match=r"give its path \(URL fetch failure on https://ex"):
        read_vgg16_weights("imagenet")


def test_a_keras_file_of_another_model_is_refused_by_name(tmp_path, monkeypatch):
    def mismatch(weights):
        raise ValueError("Layer count mismatch. Model expected 16 layers, found 13 saved layers.")

    monkeypatch.setattr(keras.applications, "VGG16", mismatch)
    path = tmp_path / "notop.h5"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"notop\.h5: not a Keras file of VGG16 with its dense"):
        read_vgg16_weights(path)


class IndexedVGG16:
    """Replaces Keras's VGG16: every weight is its own row or column index."""

    def __init__(self, axis):
        self.axis = axis

    def __call__(self, weights):
        return self

    def get_layer(self, name):
        self.name = name
        return self

    def get_weights(self):
        rows, columns = {"fc1": (25088, 4096), "fc2": (4096, 4096)}.get(self.name, (3, 64))
        index = (np.arange(rows)[:, None], np.arange(columns)[None])[self.axis]
        kernel = np.broadcast_to(index, (rows, columns))  # takes no memory
        if not self.name.startswith("fc"):
            kernel = np.broadcast_to(kernel, (3, 3, rows, columns))
        return [kernel, np.arange(columns)]


def test_fc6_keeps_taps_0_3_6_and_every_fourth_channel(monkeypatch):
    monkeypatch.setattr(keras.applications, "VGG16", IndexedVGG16(axis=0))
    kernel, bias = read_vgg16_weights("imagenet")["fc6"]
    assert kernel.shape == (3, 3, 512, 1024)
    y, x, channel, _ = np.indices(kernel.shape, sparse=True)
    # Keras flattens (7, 7, 512) row by row
    rows = (3 * y * 7 + 3 * x) * 512 + channel
    np.testing.assert_array_equal(kernel, np.broadcast_to(rows, kernel.shape))
    np.testing.assert_array_equal(bias, 4 * np.arange(1024))
    monkeypatch.setattr(keras.applications, "VGG16", IndexedVGG16(axis=1))
    kernel, _ = read_vgg16_weights("imagenet")["fc6"]
    np.testing.assert_array_equal(kernel, np.broadcast_to(4 * np.arange(1024), kernel.shape))


def test_fc7_keeps_every_fourth_input_and_output(monkeypatch):
    monkeypatch.setattr(keras.applications, "VGG16", IndexedVGG16(axis=0))
    kernel, bias = read_vgg16_weights("imagenet")["fc7"]
    assert kernel.shape == (1, 1, 1024, 1024)
    every_fourth = np.broadcast_to(4 * np.arange(1024), (1024, 1024))
    np.testing.assert_array_equal(kernel[0, 0], every_fourth.T)
    np.testing.assert_array_equal(bias, 4 * np.arange(1024))
    monkeypatch.setattr(keras.applications, "VGG16", IndexedVGG16(axis=1))
    np.testing.assert_array_equal(read_vgg16_weights("imagenet")["fc7"][0][0, 0], every_fourth)


def test_colors_of_keras_s_first_convolution_are_turned_around(monkeypatch):
    monkeypatch.setattr(keras.applications, "VGG16", IndexedVGG16(axis=0))
    weights = read_vgg16_weights("imagenet")
    np.testing.assert_array_equal(weights["block1_conv1"][0][1, 1, :, 5], [2, 1, 0])
    np.testing.assert_array_equal(weights["block1_conv2"][0][1, 1, :, 5], [0, 1, 2])


def test_a_backbone_of_weights_trained_on_bgr_sees_the_same_in_rgb(tmp_path):
    true = write_npz(tmp_path / "vgg16.npz")
    model = backbones.vgg16(300, str(tmp_path / "vgg16.npz"))
    for name, (kernel, bias) in true.items():
        layer = model.get_layer(name if name.startswith("fc") else keras_name(name))
        expected = kernel[:, :, ::-1] if name == "conv1_1" else kernel
        np.testing.assert_allclose(ops.convert_to_numpy(layer.kernel), expected, rtol=1e-6)
        np.testing.assert_array_equal(ops.convert_to_numpy(layer.bias), bias)

    rgb = np.random.default_rng(1).uniform(0, 255, (1, 300, 300, 3)).astype(np.float32)
    bgr = rgb[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)
    kernel, bias = true["conv1_1"]
    expected = ops.relu(ops.conv(bgr, kernel, padding="same") + bias)
    first = keras.Model(model.input, model.get_layer("block1_conv1").output)
    np.testing.assert_allclose(
        ops.convert_to_numpy(first(rgb)), ops.convert_to_numpy(expected), atol=1e-3
    )


def test_a_torch_checkpoint_is_read_in_keras_s_layout_and_already_rgb(tmp_path):
    torch = pytest.importorskip("torch")
    indices = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 31, 33]
    state = {}
    for index, (height, width, inputs, outputs) in zip(indices, SHAPES.values(), strict=True):
        state[f"{index}.weight"] = torch.randn(outputs, inputs, height, width)
        state[f"{index}.bias"] = torch.randn(outputs)
    torch.save(state, tmp_path / "vgg16_reducedfc.pth")
    weights = read_vgg16_weights(tmp_path / "vgg16_reducedfc.pth")
    for name, index in zip([*CONVOLUTIONS, "fc6", "fc7"], indices, strict=True):
        kernel, bias = weights[name if name in weights else keras_name(name)]
        expected = state[f"{index}.weight"].numpy().transpose(2, 3, 1, 0)
        np.testing.assert_array_equal(kernel, expected)
        np.testing.assert_array_equal(bias, state[f"{index}.bias"].numpy())


@pytest.mark.slow  # writes and reads half a gigabyte
def test_weights_saved_by_keras_s_own_vgg16_are_read(tmp_path):
    application = keras.applications.VGG16(weights=None)
    path = tmp_path / "vgg16.weights.h5"
    application.save_weights(path)
    try:
        model = backbones.vgg16(300, str(path))
    finally:
        path.unlink()
    rgb = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    bgr = keras.applications.vgg16.preprocess_input(rgb.copy())
    theirs = keras.Model(application.input, application.get_layer("block3_conv3").output)
    padded = np.pad(rgb, ((0, 0), (0, 76), (0, 76), (0, 0)))
    ours = keras.Model(model.input, model.get_layer("block3_conv3").output)
    expected = ops.convert_to_numpy(theirs(bgr))[:, :40, :40]  # far from the padding
    found = ops.convert_to_numpy(ours(padded))[:, :40, :40]
    assert expected.max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.max())
    dense = application.get_layer("fc1").kernel
    fc6 = ops.convert_to_numpy(model.get_layer("fc6").kernel)
    assert fc6[1, 2, 7, 5] == dense[(3 * 7 + 6) * 512 + 7, 20]
