"""Detectors as ONNX files, for ONNX Runtime and what else reads the format."""

import tempfile
import warnings
from pathlib import Path

from keras_ssd.export.backend import require_tensorflow
from keras_ssd.export.raw_outputs import decoding_settings, labels_text, raw_outputs_model
from keras_ssd.files import replace_file


def export_onnx(detector, path: str | Path) -> Path:
    """Writes a detector as an `.onnx` file that ends at its raw outputs, float32.

    The input "images" takes any number of uint8 RGB images (B, S, S, 3), already warped to the
    network's size; the outputs are "offsets" (B, N, 4) and "classes" (B, N, K + 1), see `SSD`,
    which `load_detector` decodes. The file's metadata hold "labels", a name a line, and
    "decoding", the settings for it in JSON.

    Args:
        detector: see `build_detector`; its thresholds hold.
        path: ends in ".onnx".

    Returns:
        The path.

    Raises:
        ValueError: the path ends otherwise, or Keras's backend is not TensorFlow's.
        ImportError: onnx or tf2onnx is not installed.
    """
    require_tensorflow()
    path = Path(path)
    if path.suffix != ".onnx":
        raise ValueError(f"{path}: the name of an ONNX file must end in .onnx")
    try:
        import onnx
        import tf2onnx  # noqa: F401  which Keras uses
    except ImportError as error:
        raise ImportError(
            'export_onnx needs onnx and tf2onnx: pip install "keras-ssd[onnx]"'
        ) from error

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx 1.17 uses old names of NumPy's
        file = str(Path(folder) / "model.onnx")
        model = raw_outputs_model(detector)
        model.export(file, format="onnx", verbose=False, input_signature=model.inputs)
        model = onnx.load(file)
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    metadata = {"labels": labels_text(detector), "decoding": decoding_settings(detector)}
    onnx.helper.set_model_props(model, metadata)
    replace_file(path, lambda unfinished: onnx.save(model, unfinished))
    return path
