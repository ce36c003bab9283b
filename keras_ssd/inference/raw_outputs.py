"""Detectors in files that end at an SSD's raw outputs."""

import numpy as np

from keras_ssd.images import resize_image
from keras_ssd.inference.decode import decode_detections, read_settings
from keras_ssd.inference.exported import ExportedDetector


class RawOutputsDetector(ExportedDetector):
    """Runs a network and decodes what it puts out. Subclasses add `_run`.

    Args:
        labels: the names, one a line.
        decoding: the settings that the file holds, see `read_settings`.
    """

    def __init__(self, labels: str, decoding: str):
        self.class_names = tuple(labels.splitlines())
        self.image_size, self._decoding = read_settings(decoding)

    def predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """See `ExportedDetector`; images of another size are warped first."""
        warped = np.stack([resize_image(image, self.image_size) for image in images])
        found = [
            decode_detections(offsets, logits, **self._decoding)
            for offsets, logits in zip(*self._run(warped), strict=True)
        ]
        return {name: np.stack([one[name] for one in found]) for name in found[0]}

    def _run(self, images):
        """The offsets (B, N, 4) and logits (B, N, K + 1) for uint8 images (B, S, S, 3)."""
        raise NotImplementedError
