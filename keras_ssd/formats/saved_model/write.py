"""Detectors as a SavedModel, which TensorFlow and TensorFlow Serving run without Keras."""

import importlib.metadata
import json
import os
import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_ssd.default_boxes import default_boxes
from keras_ssd.formats.backend import require_tensorflow
from keras_ssd.formats.raw_outputs import decoding_settings, labels_text
from keras_ssd.formats.saved_model.encoded_images import decode_images
from keras_ssd.formats.saved_model.warmup import write_warmup_requests


def export_saved_model(detector, path: str | Path, *, version: int | None = None) -> Path:
    """Writes a detector as the SavedModel `path/version/` (TensorFlow's backend only).

    Its signatures, each with one input of B images:
        "serving_default", "predict_images": `images`, uint8 RGB (B, H, W, 3) of any size.
        "predict_bytes": `image_bytes`, string (B,), JPEG or PNG files of any sizes. A bad one
            has `num_detections` -1, and does not disturb the others; see `decode_images`.
        "raw": `images`, float32 RGB in 0..255, (B, S, S, 3), as the SSD within takes them.

    The outputs of all but "raw" are those of the detector: "boxes", relative, "labels", "scores"
    and "num_detections"; and "class_names", string (B, K), where the name of a detection is
    class_names[image, label]. "predict_bytes" has "image_sizes" as well, int32 (B, 2), each image's
    height and width in pixels, EXIF orientation applied. Those of "raw" are "offsets" (B, N, 4)
    and "classes" (B, N, K + 1), see `SSD`.

    Beside the model, in `assets.extra`: `labels.txt`, a name a line; `metadata.json`, the names,
    thresholds and configuration; and `tf_serving_warmup_requests`.

    Args:
        detector: a `Detector`; its thresholds and its dtype are exported as they are.
        path: a folder, made if it is not there, whose name TensorFlow Serving calls the model.
        version: None: one more than the highest there.

    Returns:
        The folder `path/version`. It appears once it is complete, so that a server may watch.

    Raises:
        ValueError: the version is there already, is no positive number, or `path` is no folder; or
            Keras's backend is not TensorFlow's.
    """
    require_tensorflow()
    path = Path(path).absolute()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path}: expected a folder for the versions of a SavedModel")
    if version is None:
        version = 1 + max((int(p.name) for p in path.glob("*") if p.name.isdecimal()), default=0)
    if version < 1:
        raise ValueError(f"version: expected 1 or more, not {version}")
    folder = path / str(version)
    if folder.exists():
        raise ValueError(f"{folder}: this version is there already; expected a new one")

    path.mkdir(parents=True, exist_ok=True)
    unfinished = path / f"unfinished-{os.getpid()}"
    try:
        module, signatures = _signatures(detector)
        tf.saved_model.save(module, str(unfinished), signatures)
        _write_extra_assets(detector, unfinished / "assets.extra", path.name)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _signatures(detector):
    """A module that holds the variables, and the signatures' functions by name."""
    size, names = detector.image_size, tf.constant(detector.class_names)
    ssd, decode = detector.ssd, detector.decode
    all_default_boxes = default_boxes(detector.config)

    def with_names(found):
        count = tf.shape(found["num_detections"])[0]
        return {**found, "class_names": tf.tile(names[None], (count, 1))}

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, "images")])
    def predict_images(images):
        return with_names(detector(images, training=False))

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")])
    def predict_bytes(image_bytes):
        images, sizes = decode_images(image_bytes, size)
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
        return ssd(images, training=False)

    module = tf.Module()
    module.weights = [variable.value for variable in detector.variables]
    return module, {
        "serving_default": predict_images,
        "predict_images": predict_images,
        "predict_bytes": predict_bytes,
        "raw": raw,
    }


def _write_extra_assets(detector, folder, model_name):
    size = detector.image_size
    metadata = {
        "name": detector.name,
        "keras_ssd_version": importlib.metadata.version("keras-ssd"),
        "class_names": detector.class_names,
        "image_size": size,
        **decoding_settings(detector),
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
    ]
    write_warmup_requests(folder / "tf_serving_warmup_requests", model_name, requests)
