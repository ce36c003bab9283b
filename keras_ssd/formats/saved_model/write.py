"""Writes detectors as a SavedModel, which TensorFlow and TensorFlow Serving run without Keras."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ssd import __version__
from keras_ssd.default_boxes import default_boxes
from keras_ssd.formats.backend import require_tensorflow
from keras_ssd.formats.raw_outputs import decoding_settings, labels_text
from keras_ssd.formats.saved_model.encoded_images import decode_images
from keras_ssd.formats.saved_model.warmup import write_warmup_requests


def export_saved_model(
    detector: Any,
    path: str | Path,
    *,
    version: int | None = None,
    verify: Callable[[Path], object] | None = None,
) -> Path:
    """Writes a detector as the SavedModel `path/version/`.

    Each signature takes one input of B elements, at least one:
        "serving_default", "predict_images": `images`, uint8 RGB (B, H, W, 3) of any size.
        "predict_bytes": `image_bytes`, string (B,), JPEG or PNG files of any sizes. A bad file gets
            `num_detections` -1 and does not affect the others; see `decode_images`.
        "raw": `images`, float32 RGB in 0..255, (B, S, S, 3), the input of the SSD.
        "describe": `anything`, string (B,). The text is not read.

    Each signature returns a dictionary of B rows:
        "serving_default", "predict_images", "predict_bytes": the detector's outputs, which are
            "boxes", "labels", "scores" and "num_detections"; and "class_names", string (B, K):
            the name of a detection is class_names[image, label]. "predict_bytes" adds
            "image_sizes", int32 (B, 2): the height and width of each image in pixels, after its
            EXIF orientation was applied.
        "raw": "offsets" (B, N, 4) and "classes" (B, N, K + 1); see `SSD`.
        "describe": "class_names", string (B, K); "image_size" and "max_detections", int32 (B,);
            "confidence_threshold" and "iou_threshold", float64 (B,).

    The folder `assets.extra` in the SavedModel contains `labels.txt`, with one class name in each
    line; `metadata.json`, with the names, the thresholds and the SSDConfig; and
    `tf_serving_warmup_requests`, which TensorFlow Serving runs before it makes the model available.

    Args:
        detector: a `Detector`. Its thresholds and its dtype are exported as they are.
        path: a folder, which is made if it does not exist. Its name should be the name of the model
            on TensorFlow Serving.
        version: the number of the version. None takes one more than the highest in the folder.
        verify: a function that is called with the complete SavedModel before it becomes a version.
            If it raises an error, there is no new version.

    Returns:
        The folder `path/version`. It appears when it is complete, so a server may watch `path`.

    Raises:
        ValueError: the version exists, or is below 1; or `path` is not a folder; or Keras's backend
            is not TensorFlow.
    """
    require_tensorflow()
    path = Path(path).absolute()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path}: expected a folder for the versions of a SavedModel")
    if version is not None and version < 1:
        raise ValueError(f"version: expected 1 or more, not {version}")
    if version is not None and (path / str(version)).exists():
        raise ValueError(f"{path / str(version)}: this version exists; expected a new one")

    path.mkdir(parents=True, exist_ok=True)
    # A server ignores folders with names that are not numbers.
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=path) as unfinished:
        complete = Path(unfinished) / "complete"
        module, signatures = _signatures(detector)
        tf.saved_model.save(module, str(complete), signatures)
        _write_extra_assets(detector, complete / "assets.extra", path.name)
        if verify is not None:
            verify(complete)
        return _put_in_place(complete, path, version)


def _put_in_place(complete, path, version):
    """Renames the complete folder to its version, unless another process has made that version."""
    while True:
        folder = path / str(version or _next_version(path))
        try:
            return complete.rename(folder)
        except OSError as error:
            if not folder.exists():
                raise
            if version is not None:
                raise ValueError(f"{folder}: this version exists; expected a new one") from error


def _next_version(path):
    return 1 + max((int(p.name) for p in path.glob("*") if p.name.isdecimal()), default=0)


def _signatures(detector):
    """Returns a module with the variables, and the functions of the signatures by name."""
    size, names = detector.image_size, tf.constant(detector.class_names)
    ssd, decode = detector.ssd, detector.decode
    all_default_boxes = default_boxes(detector.config)
    description = {
        "class_names": names,
        "image_size": tf.constant(size, tf.int32),
        "confidence_threshold": tf.constant(detector.confidence_threshold, tf.float64),
        "iou_threshold": tf.constant(detector.iou_threshold, tf.float64),
        "max_detections": tf.constant(detector.max_detections, tf.int32),
    }

    def with_names(found):
        count = tf.shape(found["num_detections"])[0]
        return {**found, "class_names": tf.repeat(names[None], count, axis=0)}

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, "images")])
    def predict_images(images):
        return with_names(detector(_if_any(images), training=False))

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")])
    def predict_bytes(image_bytes):
        images, sizes = decode_images(_if_any(image_bytes), size)
        outputs = ssd(images, training=False)
        found = decode(outputs["offsets"], outputs["classes"], all_default_boxes)
        is_good = sizes[:, 0] > 0
        if_bad = {"boxes": 0.0, "labels": -1, "scores": 0.0, "num_detections": -1}
        for name, value in if_bad.items():
            ones = (1,) * (found[name].shape.rank - 1)
            found[name] = tf.where(tf.reshape(is_good, (-1, *ones)), found[name], value)
        return {**with_names(found), "image_sizes": sizes}

    @tf.function(input_signature=[tf.TensorSpec((None, size, size, 3), tf.float32, "images")])
    def raw(images):
        return ssd(_if_any(images), training=False)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "anything")])
    def describe(anything):
        count = tf.size(anything)
        return {name: tf.repeat(value[None], count, axis=0) for name, value in description.items()}

    module = tf.Module()
    module.weights = [variable.value for variable in detector.variables]
    return module, {
        "serving_default": predict_images,
        "predict_images": predict_images,
        "predict_bytes": predict_bytes,
        "raw": raw,
        "describe": describe,
    }


def _if_any(images):
    """Returns the batch of images; fails with a clear error if it is empty."""
    message = "expected at least one image"
    with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(images)[0], message)]):
        return tf.identity(images)


def _write_extra_assets(detector, folder, model_name):
    size = detector.image_size
    metadata = {
        "name": detector.name,
        "keras_ssd_version": __version__,
        "class_names": detector.class_names,
        "image_size": size,
        **json.loads(decoding_settings(detector).to_json()),
    }
    folder.mkdir()
    (folder / "labels.txt").write_text(labels_text(detector), encoding="utf-8")
    (folder / "metadata.json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")
    black = np.zeros((1, size, size, 3), np.uint8)
    requests = [
        ("serving_default", "images", black),
        ("predict_images", "images", black),
        ("predict_bytes", "image_bytes", np.array([tf.io.encode_png(black[0]).numpy()])),
        ("raw", "images", black.astype(np.float32)),
        ("describe", "anything", np.array([b""])),
    ]
    write_warmup_requests(folder / "tf_serving_warmup_requests", model_name, requests)
