"""Detectors in a SavedModel, loaded back."""

import json
from pathlib import Path

from keras_ssd.inference.exported import ExportedDetector

_OUTPUTS = ("boxes", "labels", "scores", "num_detections")


class SavedModelDetector(ExportedDetector):
    """A SavedModel that `keras_ssd.formats.export_saved_model` wrote.

    Args:
        path: the folder that holds `saved_model.pb`, or one with numbered folders of that kind, of
            which the highest counts.

    Raises:
        ValueError: there is none, or it is no such SavedModel.
    """

    def __init__(self, path: str | Path):
        import tensorflow as tf

        folder = _version_folder(Path(path))
        try:
            metadata = json.loads((folder / "assets.extra" / "metadata.json").read_bytes())
            self.class_names = tuple(metadata["class_names"])
            self.image_size = metadata["image_size"]
            self._model = tf.saved_model.load(str(folder))
            self._predict = self._model.signatures["predict_images"]
        except Exception as error:  # a damaged file makes TensorFlow raise almost anything
            reason = str(error).partition("\n")[0]  # then comes advice on devices
            raise ValueError(f"{folder}: not a SavedModel of a detector ({reason})") from error

    def _predict_on_batch(self, images):
        import tensorflow as tf

        found = self._predict(images=tf.constant(images))
        return {name: found[name].numpy() for name in _OUTPUTS}


def _version_folder(path):
    if (path / "saved_model.pb").is_file():
        return path
    folders = [
        file.parent for file in path.glob("*/saved_model.pb") if file.parent.name.isdecimal()
    ]
    if not folders:
        raise ValueError(f"{path}: expected a folder with saved_model.pb, or one of its versions")
    return max(folders, key=lambda folder: int(folder.name))
