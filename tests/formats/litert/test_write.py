"""LiteRT files of a detector of random weights, run by the runtime itself."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_ssd import SSD, Detector, load_detector
from keras_ssd.config import SSD_TINY_128, FeatureMap, SSDConfig
from keras_ssd.formats import compare, file_size
from keras_ssd.formats.litert import graph as litert_graph
from keras_ssd.formats.litert.read import LiteRTDetector
from keras_ssd.formats.litert.write import export_litert
from keras_ssd.images import read_image, resize_image
from keras_ssd.models import backbones
from keras_ssd.models.layers import L2Normalization

schema = litert_graph.schema()

# Every precision and both forms; each file takes a second or two to make.
CASES = [(None, False), (None, True), ("float16", True), ("dynamic_int8", False), ("int8", True)]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)


@pytest.fixture(scope="module")
def files(detector, images, tmp_path_factory):
    """The files of CASES, by (quantize, nms)."""
    folder = tmp_path_factory.mktemp("litert")
    return {
        (quantize, nms): export_litert(
            detector,
            folder / f"{quantize}-{nms}.tflite",
            quantize=quantize,
            nms=nms,
            calibration_images=images,
        )
        for quantize, nms in CASES
    }


def read(path):
    return schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)


def names_and_shapes(model, indices):
    tensors = [model.subgraphs[0].tensors[index] for index in indices]
    return {tensor.name.decode(): list(tensor.shape) for tensor in tensors}


def kernel_types(path):
    """Returns the dtypes of the kernels of convolutions, by the size of the kernels."""
    (graph,), codes = read(path).subgraphs, read(path).operatorCodes
    kernels = [
        graph.tensors[operator.inputs[1]]
        for operator in graph.operators
        if codes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.CONV_2D
    ]
    types = {kernel.shape[1]: set() for kernel in kernels}
    for kernel in kernels:
        types[kernel.shape[1]].add(kernel.type)
    return types


@pytest.mark.parametrize(("quantize", "nms"), CASES)
class TestEveryFile:
    def test_takes_one_uint8_image_of_the_networks_size(self, files, quantize, nms):
        model = read(files[quantize, nms])
        (image,) = model.subgraphs[0].inputs
        assert names_and_shapes(model, [image]) == {"images": [1, 128, 128, 3]}
        assert model.subgraphs[0].tensors[image].type == schema.TensorType.UINT8

    def test_has_float32_outputs_in_the_documented_order(self, files, quantize, nms):
        model = read(files[quantize, nms])
        outputs = model.subgraphs[0].outputs
        raw = {"offsets": [1, 1360, 4], "classes": [1, 1360, 4]}
        found = {
            "detection_boxes": [1, 9, 4],
            "detection_classes": [1, 9],
            "detection_scores": [1, 9],
            "num_detections": [1],
        }
        expected = found if nms else raw
        assert list(names_and_shapes(model, outputs).items()) == list(expected.items())
        types = {model.subgraphs[0].tensors[index].type for index in outputs}
        assert types == {schema.TensorType.FLOAT32}

    def test_has_no_operation_but_built_in_ones(self, files, quantize, nms):
        assert {code.customCode for code in read(files[quantize, nms]).operatorCodes} == {None}

    def test_holds_names_and_metadata(self, files, quantize, nms):
        with zipfile.ZipFile(files[quantize, nms]) as archive:
            assert archive.read("labels.txt").decode() == "cat\ndög\n犬\n"
        model = read(files[quantize, nms])
        content = {entry.name: model.buffers[entry.buffer].data for entry in model.metadata}
        assert content[b"TFLITE_METADATA"].tobytes()[4:8] == b"M001"

    def test_constants_start_at_multiples_of_16_bytes(self, files, quantize, nms):
        buffer = files[quantize, nms].read_bytes()
        model = schema.Model.GetRootAs(buffer, 0)
        starts = [
            model.Buffers(index)._tab.Vector(model.Buffers(index)._tab.Offset(4))
            for index in range(model.BuffersLength())
            if not model.Buffers(index).DataIsNone()
        ]
        assert len(starts) > 10
        assert {start % 16 for start in starts} == {0}


def test_raw_float32_outputs_are_those_of_the_ssd(detector, files, images):
    ours = detector.ssd(images[:1].astype(np.float32), training=False)
    theirs = load_detector(files[None, False]).raw_outputs(images[:1])
    for name in ("offsets", "classes"):
        np.testing.assert_allclose(theirs[name], ours[name], atol=1e-4)


@pytest.mark.parametrize("nms", [False, True])
def test_float32_finds_what_keras_finds(detector, files, images, nms):
    ours = detector.predict(images, verbose=0)
    exported = load_detector(files[None, nms])
    assert exported.class_names == ("cat", "dög", "犬")
    assert exported.image_size == 128
    theirs = exported.predict(images)
    assert ours["num_detections"].min() == 9
    for name in ours:
        assert theirs[name].dtype == ours[name].dtype
        np.testing.assert_allclose(theirs[name], ours[name], atol=1e-4)


@pytest.mark.parametrize(
    ("quantize", "nms", "share", "score"),
    [
        ("float16", True, 0.6, 0.0005),
        ("dynamic_int8", False, 0.4, 0.01),
        ("int8", True, 0.4, 0.01),
    ],
)
def test_quantized_files_are_smaller_and_find_much_the_same(
    detector, files, images, quantize, nms, share, score
):
    assert file_size(files[quantize, nms]) < share * file_size(files[None, nms])
    found = compare(detector, load_detector(files[quantize, nms]), images)
    assert found.scores < score
    assert found.lost < 0.1


def test_full_int8_joins_boxes_and_scores_in_int8_each_with_a_scale_of_its_own(files):
    graph = read(files["int8", True]).subgraphs[0]
    raw = [tensor for tensor in graph.tensors if list(tensor.shape) == [1, 1360, 4]]
    joined = [tensor for tensor in raw if tensor.type == schema.TensorType.INT8]
    offset_scale, class_scale = (tensor.quantization.scale[0] for tensor in joined)
    assert offset_scale != class_scale


def test_the_network_of_full_int8_comes_before_the_first_operator_in_float32(files):
    model = litert_graph.read(files["int8", True].read_bytes())
    (graph,) = model.subgraphs
    int8 = [graph.tensors[one.outputs[0]].type == schema.TensorType.INT8 for one in graph.operators]
    assert int8 == sorted(int8, reverse=True)
    assert 0 < sum(int8) < len(int8)


def test_decoding_of_full_int8_stays_float32(files):
    model = read(files["int8", True])
    graph = model.subgraphs[0]
    codes = [model.operatorCodes[one.opcodeIndex].builtinCode for one in graph.operators]
    decoding = graph.operators[codes.index(schema.BuiltinOperator.SOFTMAX) :]
    types = {graph.tensors[index].type for one in decoding for index in (*one.inputs, *one.outputs)}
    assert schema.BuiltinOperator.NON_MAX_SUPPRESSION_V4 in codes
    assert len(decoding) > 10
    assert types.isdisjoint({schema.TensorType.INT8, schema.TensorType.UINT8})


def test_threads_find_the_same(detector, files, images):
    # LiteRT's own TFLite_Detection_PostProcess does not: of 2 threads it loses class 2.
    ours = detector.predict(images, verbose=0)
    for num_threads in (1, 2, 3):
        theirs = LiteRTDetector(files[None, True], num_threads=num_threads).predict(images)
        np.testing.assert_array_equal(theirs["labels"], ours["labels"])


def test_the_same_detector_gives_the_same_bytes(detector, files, tmp_path):
    again = export_litert(detector, tmp_path / "again.tflite", nms=True)
    assert again.read_bytes() == files[None, True].read_bytes()


def test_a_wrong_name_is_refused_and_nothing_is_written(detector, tmp_path):
    with pytest.raises(ValueError, match=r"a\.bin: the name must end in \.tflite"):
        export_litert(detector, tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_packaged_detector_finds_in_photos_what_it_finds_in_keras(tmp_path):
    detector = load_detector("ssd_mobilenet_320_voc")
    photos = sorted((Path(__file__).parents[3] / "examples" / "photos").glob("*.jpg"))
    images = np.stack([resize_image(read_image(photo), 320) for photo in photos])
    for nms in (False, True):
        path = export_litert(detector, tmp_path / "a.tflite", quantize="float16", nms=nms)
        found = compare(detector, load_detector(path), images)
        assert found.scores < 0.01
        assert found.lost < 0.05


def test_l2_normalization_of_full_int8_stays_float32(images, tmp_path):
    tiny = backbones.tiny(128)
    first, *others = tiny.outputs
    backbone = keras.Model(tiny.inputs, [L2Normalization()(first), *others])
    detector = Detector(SSD.from_backbone(backbone, SSD_TINY_128, 2), ("a", "b"))
    path = tmp_path / "a.tflite"
    export_litert(detector, path, quantize="int8", calibration_images=images)
    (graph,), codes = read(path).subgraphs, read(path).operatorCodes
    normalizations = [
        operator
        for operator in graph.operators
        if codes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.L2_NORMALIZATION
    ]
    (output,) = (operator.outputs[0] for operator in normalizations)
    assert graph.tensors[output].type == schema.TensorType.FLOAT32


def test_all_convolutions_of_full_int8_are_int8(images, tmp_path):
    ssd = SSD.from_backbone(backbones.tiny(128), SSD_TINY_128, 2, separable_heads=True)
    path = tmp_path / "a.tflite"
    export_litert(Detector(ssd, ("a", "b")), path, quantize="int8", calibration_images=images)
    assert kernel_types(path) == {3: {schema.TensorType.INT8}, 1: {schema.TensorType.INT8}}


ONE_MAP = SSDConfig("one map", 32, (FeatureMap(8, 1 / 8, ((0.2, 0.2), (0.4, 0.4))),))


def custom_backbone():
    """Operations, a model within, and convolutions with plain or no batch normalization."""
    images = keras.Input((32, 32, 3))
    inner = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3, padding="same")])
    x = inner(images / 127.5 - 1)
    shared = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)
    x = keras.layers.BatchNormalization()(shared(keras.ops.relu(shared(x))))
    x = keras.layers.Conv2D(16, 1, use_bias=False)(x)
    return keras.Model(images, keras.ops.relu6(x))


@pytest.mark.parametrize("separable_heads", [False, True])
def test_full_int8_of_one_feature_map_of_a_custom_backbone(tmp_path, separable_heads):
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    ssd = SSD.from_backbone(custom_backbone(), ONE_MAP, 2, separable_heads=separable_heads)
    path = tmp_path / "a.tflite"
    export_litert(Detector(ssd, ("a", "b")), path, quantize="int8", calibration_images=images)
    ours = ssd(images[:1].astype(np.float32), training=False)
    theirs = load_detector(path).raw_outputs(images[:1])
    for name in ("offsets", "classes"):
        largest = np.abs(ours[name]).max()
        np.testing.assert_allclose(theirs[name], ours[name], atol=0.05 * largest)


def test_full_int8_takes_every_pixel_as_it_is_however_pale_the_calibration_images(
    detector, images, tmp_path
):
    path = tmp_path / "a.tflite"
    pale = images // 4 + 60
    export_litert(detector, path, quantize="int8", calibration_images=pale)
    (graph,) = read(path).subgraphs
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert (quantization.scale, quantization.zeroPoint) == (1.0, 0)
