"""Reads TensorFlow checkpoints, also from the archives of TensorFlow's model zoo."""

import re
import tempfile
from math import prod
from pathlib import Path

import numpy as np

from keras_ssd.checkpoints.tensorflow_archive import extract_checkpoint

# The checkpoint of a training also contains the optimizer's variables and moving averages.
_TRAINING_STATE = re.compile(
    r"global_step|beta[12]_power|.*/(ExponentialMovingAverage|(RMSProp|Adam)(_1)?|Momentum)"
)
_FILE_SUFFIX = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")


def is_tensorflow_checkpoint(path: str | Path) -> bool:
    """Tells by the names of the files whether `read_tensorflow_checkpoint` should read the path."""
    path = Path(path)
    return path.is_dir() or _is_archive(path) or _with_suffix(_prefix(path), "index").is_file()


def read_tensorflow_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the variables of a network that TensorFlow saved, by name.

    The optimizer's state, moving averages and the count of steps are left out. Reading takes memory
    in proportion to the size of the files.

    Args:
        path: the prefix of a checkpoint, "FOLDER/model.ckpt", or any of its files; a folder with
            one `model.ckpt*.index`; or a `.tar.gz` as in the model zoo, which has
            `model.ckpt.index` and `model.ckpt.data-00000-of-00001` in any of its folders.

    Returns:
        Name -> array, in the layout and dtype of the checkpoint.

    Raises:
        ValueError: files are missing, damaged, cut off, too large or in another format, or the
            archive contains a link in place of a file.
    """
    path = Path(path)
    if _is_archive(path):
        with tempfile.TemporaryDirectory() as folder:
            return _read(extract_checkpoint(path, Path(folder)), path)
    return _read(_prefix_in_folder(path) if path.is_dir() else _prefix(path), path)


def _is_archive(path):
    return path.name.endswith((".tar.gz", ".tgz"))


def _prefix(path):
    return path.with_name(_FILE_SUFFIX.sub("", path.name))


def _with_suffix(prefix, suffix):
    return prefix.with_name(f"{prefix.name}.{suffix}")


def _prefix_in_folder(folder):
    found = sorted(folder.glob("model.ckpt*.index"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ValueError(f"{folder}: expected one file model.ckpt*.index in it; there is {names}")
    return _prefix(found[0])


def _read(prefix, path):
    import tensorflow as tf  # takes seconds

    if not _with_suffix(prefix, "index").is_file():
        raise ValueError(f"{path}: no TensorFlow checkpoint; expected a file {prefix.name}.index")
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = reader.get_variable_to_shape_map()
        names = sorted(name for name in shapes if not _TRAINING_STATE.fullmatch(name))
        dtypes = reader.get_variable_to_dtype_map()
        claimed = sum(prod(shapes[name]) * dtypes[name].size for name in names)
        held = sum(file.stat().st_size for file in prefix.parent.glob(f"{prefix.name}.data-*"))
        if claimed > held:
            raise ValueError(f"its variables need {claimed} bytes, but its data has {held}")
        return {name: np.asarray(reader.get_tensor(name)) for name in names}
    except Exception as error:  # damaged files make TensorFlow raise errors of many kinds
        raise ValueError(f"{path}: not a readable TensorFlow checkpoint: {error}") from error
