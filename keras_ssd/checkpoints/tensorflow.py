"""TensorFlow checkpoints, and the archives that TensorFlow's model zoo ships them in."""

import re
import shutil
import tarfile
import tempfile
import zlib
from math import prod
from pathlib import Path, PurePosixPath

import numpy as np

# Beside the variables of the network a checkpoint of a training has the optimizer's and averages.
_TRAINING_STATE = re.compile(
    r"global_step|beta[12]_power|.*/(ExponentialMovingAverage|(RMSProp|Adam)(_1)?|Momentum)"
)
_FILES = ("index", "data-00000-of-00001")
_FILE_SUFFIX = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_LARGEST_FILE = 2**30  # bytes; that of the largest SSD, with its optimizer's state, has 0.4


def is_tensorflow_checkpoint(path: str | Path) -> bool:
    """Whether the path is that of a TensorFlow checkpoint, judged by its name and what it names."""
    path = Path(path)
    return path.is_dir() or _is_archive(path) or _with_suffix(_prefix(path), "index").is_file()


def read_tensorflow_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """The variables of a network that TensorFlow saved, by name.

    The optimizer's state, moving averages and the count of steps are left out. The memory taken is
    in proportion to the files' size.

    Args:
        path: of a checkpoint: "FOLDER/model.ckpt", or any of its files; a folder with one
            `model.ckpt*.index`; or a `.tar.gz` with `model.ckpt.index` and
            `model.ckpt.data-00000-of-00001` in any of its folders, as in the model zoo.

    Returns:
        Name -> array, in the layout and dtype of the checkpoint.

    Raises:
        ValueError: files are missing, damaged, cut off or something else, or the archive has a
            link in place of a file.
    """
    path = Path(path)
    if _is_archive(path):
        with tempfile.TemporaryDirectory() as folder:
            _extract(path, Path(folder))
            return _read(Path(folder) / "model.ckpt", path)
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


def _extract(archive, folder):
    """Writes the checkpoint's two files into `folder`, whatever folder the archive has them in."""
    wanted = {f"model.ckpt.{suffix}" for suffix in _FILES}
    try:
        with tarfile.open(archive) as file:
            for member in file:
                name = PurePosixPath(member.name).name
                if name not in wanted:
                    continue
                if not member.isreg():
                    raise ValueError(f"{archive}: refused: {member.name[:100]!a} is no plain file")
                if member.size > _LARGEST_FILE:
                    raise ValueError(
                        f"{archive}: refused: {member.name[:100]!a} has {member.size} bytes; "
                        f"expected at most {_LARGEST_FILE}"
                    )
                wanted.remove(name)  # so that a second one of the name is not looked at
                with file.extractfile(member) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    # What tarfile and gzip raise of damage: zlib's own error, and EOFError of a cut.
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise ValueError(f"{archive}: not a readable .tar.gz: {error}") from error
    if wanted:
        raise ValueError(f"{archive}: lacks {', '.join(sorted(wanted))}")


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
    except Exception as error:  # of damage, TensorFlow's reader raises even IndexError
        raise ValueError(f"{path}: not a readable TensorFlow checkpoint: {error}") from error
