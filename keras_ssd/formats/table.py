"""The table of the formats that detectors are exported to.

The loader, the command line and the benchmark read it. Writers and readers are imported when they
are used, so that the table needs neither Keras nor TensorFlow.
"""

import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_ssd.formats.raw_outputs import KerasDetector
from keras_ssd.inference.exported import ExportedDetector


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format that detectors are exported to.

    Attributes:
        name: its name in `export`.
        suffix: the suffix of its files, or "" if it is a folder.
        title: the name of such a file in messages.
        extra: the extra of keras-ssd that installs its runtime, or None if keras-ssd itself does.
        quantizations: the values that it takes for the option "quantize", besides None.
        write_options: the options of `export` that it takes.
        read_options: the options of `load_detector` that it takes.
        keeps_dtype: whether it computes in the detector's dtype; if not, in float32.
        writer: the function that writes it, as "module:name".
        reader: the class that runs it, as "module:name".
    """

    name: str
    suffix: str
    title: str
    extra: str | None
    quantizations: tuple[str, ...] = ()
    write_options: tuple[str, ...] = ()
    read_options: tuple[str, ...] = ()
    keeps_dtype: bool = False
    writer: str
    reader: str

    def write(self, detector: KerasDetector, path: str | Path, **options: Any) -> Path:
        """Writes a `Detector`; the options are those of the writer."""
        return pkgutil.resolve_name(self.writer)(detector, path, **options)

    def read(self, path: str | Path, **options: Any) -> ExportedDetector:
        """Opens a file that `write` wrote.

        Args:
            path: the path of the file or folder.
            **options: options of `load_detector`; None means that an option is not given.

        Raises:
            ValueError: the format does not take an option, or the file is not a detector in it.
            ImportError: the runtime of the format is not installed.
        """
        given = {name: value for name, value in options.items() if value is not None}
        for name in given:
            check_option(name, self, "read_options", f"{path} is {self.title}")
        return pkgutil.resolve_name(self.reader)(path, **given)


FORMATS = (
    Format(
        name="litert",
        suffix=".tflite",
        title="a LiteRT file (.tflite)",
        extra=None,
        quantizations=("float16", "dynamic_int8", "int8"),
        write_options=("quantize", "nms"),
        read_options=("num_threads",),
        writer="keras_ssd.formats.litert.write:export_litert",
        reader="keras_ssd.formats.litert.read:LiteRTDetector",
    ),
    Format(
        name="onnx",
        suffix=".onnx",
        title="an ONNX file (.onnx)",
        extra="onnx",
        write_options=("nms",),
        read_options=("num_threads",),
        writer="keras_ssd.formats.onnx.write:export_onnx",
        reader="keras_ssd.formats.onnx.read:OnnxDetector",
    ),
    Format(
        name="openvino",
        suffix=".xml",
        title="an OpenVINO file (.xml)",
        extra="openvino",
        quantizations=("int8",),
        write_options=("quantize",),
        read_options=("num_threads", "dtype"),
        writer="keras_ssd.formats.openvino.write:export_openvino",
        reader="keras_ssd.formats.openvino.read:OpenVINODetector",
    ),
    Format(
        name="saved_model",
        suffix="",
        title="a SavedModel (a folder)",
        extra=None,
        write_options=("version",),
        keeps_dtype=True,
        writer="keras_ssd.formats.saved_model.write:export_saved_model",
        reader="keras_ssd.formats.saved_model.read:SavedModelDetector",
    ),
)


def format_to_write(path: str | Path, name: str | None = None) -> Format:
    """Finds the format to write a path in.

    Args:
        path: the path to write.
        name: the name of the format, or None to choose by the suffix of the path; a path without
            suffix is a SavedModel.

    Raises:
        ValueError: the name or the suffix is unknown, or the format has another suffix.

    Examples:
        >>> format_to_write("d.tflite").name, format_to_write("models/d").name
        ('litert', 'saved_model')
    """
    suffix = Path(path).suffix
    for one in FORMATS:
        if name == one.name or (name is None and suffix == one.suffix):
            return one
    if name is not None:
        raise ValueError(f"format: expected one of {_list('name')}, not {name!r}")
    raise ValueError(
        f"{path}: the suffix {suffix} is of no format; expected {_list('suffix')}, or no suffix "
        "for a SavedModel"
    )


def format_to_read(path: str | Path) -> Format | None:
    """Returns the format of an existing folder, or of a file by its suffix, or else None.

    Args:
        path: the path of an existing file or folder.
    """
    suffix = None if Path(path).is_dir() else Path(path).suffix
    for one in FORMATS:
        if suffix is None and not one.suffix:
            return one
        if suffix and suffix == one.suffix:
            return one
    return None


def check_option(name: str, chosen: Format | None, kind: str, what: str) -> None:
    """Raises ValueError unless the format takes the option.

    Args:
        name: the name of the option.
        chosen: the format, or None for a Keras detector.
        kind: "write_options" or "read_options".
        what: the start of the message, such as "d.onnx is an ONNX file".
    """
    if chosen is None or name not in getattr(chosen, kind):
        others = [one.title for one in FORMATS if name in getattr(one, kind)]
        raise ValueError(f"{name}: {what}, which does not take it; it is for {' or '.join(others)}")


def _list(attribute):
    return ", ".join(value for one in FORMATS if (value := getattr(one, attribute)))
