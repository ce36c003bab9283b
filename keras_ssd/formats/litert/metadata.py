"""TFLite metadata, which tell other programs the meaning of the tensors in a `.tflite` file.

MediaPipe Tasks and Android's task library read them. Source: `metadata_schema.fbs` of TensorFlow
Lite Support, version 1.2.0; the numbers below are the positions of its fields.
"""

import io
import zipfile
from typing import Any

import flatbuffers

from keras_ssd.formats.litert.graph import add_buffer, schema

LABELS_FILE = "labels.txt"
_MIN_PARSER_VERSION = "1.2.0"
# The numbers of the union ContentProperties.
_FEATURE, _IMAGE, _BOUNDING_BOX = 1, 2, 3
_RGB = 1
_BOUNDARIES = 1
_TENSOR_VALUE_LABELS = 3


def add_metadata(model: Any, name: str, image_size: int, *, nms: bool) -> None:
    """Adds metadata to a ModelT.

    Args:
        model: the ModelT, as `litert_graph.unpack` returns it.
        name: the name of the model.
        image_size: the side of its square input in pixels.
        nms: True if its outputs are detections, False if they are the raw outputs.
    """
    builder = flatbuffers.Builder(1024)
    labels = _table(builder, {0: _text(builder, LABELS_FILE)}, {2: _TENSOR_VALUE_LABELS})
    image = _tensor(builder, "image", "RGB, warped to size", _image(builder, image_size))
    if nms:
        # The detections are along dimension 1 of the first three outputs; readers expect range 2.
        outputs = [
            _tensor(builder, "location", "ymin, xmin, ymax, xmax", _boxes(builder)),
            _tensor(builder, "category", "of each box", _values(builder, 2), [labels]),
            _tensor(builder, "score", "of each box", _values(builder, 2)),
            _tensor(builder, "number of detections", "of the image", _values(builder)),
        ]
        members = [_text(builder, member) for member in ("location", "category", "score")]
        group = {0: _text(builder, "detection_result"), 1: _vector(builder, members)}
        groups, files = [_table(builder, group)], []
    else:
        outputs = [
            _tensor(builder, "offsets", "of each default box", _values(builder)),
            _tensor(builder, "classes", "logits, background first", _values(builder)),
        ]
        groups, files = [], [labels]
    subgraph = {
        2: _vector(builder, [image]),
        3: _vector(builder, outputs),
        4: _vector(builder, files),
        8: _vector(builder, groups),
    }
    whole = {
        0: _text(builder, name),
        3: _vector(builder, [_table(builder, subgraph)]),
        7: _text(builder, _MIN_PARSER_VERSION),
    }
    builder.Finish(_table(builder, whole), file_identifier=b"M001")
    index = add_buffer(model, bytes(builder.Output()))
    model.metadata = [*(model.metadata or []), schema().MetadataT("TFLITE_METADATA", index)]


def with_files(content: bytes, files: dict[str, str]) -> bytes:
    """Returns the `.tflite` file with text files appended, in the form of a zip archive."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, text in files.items():
            # A fixed date, so that the same model gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()


def _tensor(builder, name, description, content, files=()):
    fields = {0: _text(builder, name), 1: _text(builder, description), 3: content}
    return _table(builder, {**fields, 6: _vector(builder, files)})


def _image(builder, side):
    builder.StartObject(2)
    builder.PrependUint32Slot(0, side, 0)
    builder.PrependUint32Slot(1, side, 0)
    size = builder.EndObject()
    properties = _table(builder, {1: size}, {0: _RGB})
    return _table(builder, {1: properties}, {0: _IMAGE})


def _boxes(builder):
    builder.StartVector(4, 4, 4)
    for position in reversed((1, 0, 3, 2)):  # of left, top, right, bottom
        builder.PrependUint32(position)
    properties = _table(builder, {0: builder.EndVector()}, {1: _BOUNDARIES})
    return _table(builder, {1: properties, 2: _range(builder, 2)}, {0: _BOUNDING_BOX})


def _values(builder, dimension=None):
    fields = {1: _table(builder, {})}
    if dimension is not None:
        fields[2] = _range(builder, dimension)
    return _table(builder, fields, {0: _FEATURE})


def _range(builder, dimension):
    builder.StartObject(2)
    builder.PrependInt32Slot(0, dimension, 0)
    builder.PrependInt32Slot(1, dimension, 0)
    return builder.EndObject()


def _text(builder, text):
    return builder.CreateString(text)


def _vector(builder, tables):
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def _table(builder, references, numbers=None):
    """Builds a table from tables that it refers to and bytes, such as enums, by field position."""
    numbers = numbers or {}
    builder.StartObject(max([*references, *numbers], default=-1) + 1)
    for position, reference in references.items():
        builder.PrependUOffsetTRelativeSlot(position, reference, 0)
    for position, number in numbers.items():
        builder.PrependInt8Slot(position, number, 0)
    return builder.EndObject()
