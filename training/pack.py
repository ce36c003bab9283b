"""Packs a trained detector for shipping, or the average of several.

python training/pack.py PACKED.keras TRAINED.keras... [--start START.keras --share SHARE]

The packed file is a usual `.keras` file, but has compressed weights in float16, which take less
than half the size. When it is loaded, they are float32 again. Frozen layers can be trained again,
and mixed precision becomes float32.

Several detectors that began from the same one, such as runs with other seeds, are averaged weight
by weight; the average is often better than each of them (Wortsman et al. 2022, "Model soups").

START is the detector that the training began from. With it, each weight moves only a SHARE of the
way from its value there to the trained value. So the detector keeps more of what training on
little data makes it forget (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

import argparse
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from keras_ssd.cli.option_values import share
from keras_ssd.detector import open_detector
from keras_ssd.files import checked_output, replace_file

WEIGHTS = "model.weights.h5"  # the name in Keras's archive


def pack(
    trained: Sequence[str | Path],
    packed: str | Path,
    start: str | Path | None = None,
    share: float = 1.0,
) -> None:
    """Writes the average of the detectors in the files `trained` to the file `packed`."""
    detector = open_detector(trained[0]).with_dtype("float32")
    weights = {weight.path: weight for weight in detector.weights}
    averages = {path: weight.numpy() / len(trained) for path, weight in weights.items()}
    for other in trained[1:]:
        for path, value in _weights(other, weights).items():
            averages[path] += value / len(trained)
    before = averages if start is None else _weights(start, weights)
    for path, weight in weights.items():
        weight.assign(before[path] + share * (averages[path] - before[path]))
    for layer in detector.ssd.layers:
        layer.trainable = True
    with tempfile.TemporaryDirectory() as folder:
        whole, half = Path(folder) / "whole.keras", Path(folder) / "half.h5"
        detector.save(whole)
        with zipfile.ZipFile(whole) as archive:
            with (
                archive.open(WEIGHTS) as weights,
                h5py.File(weights) as source,
                h5py.File(half, "w") as target,
            ):
                source.visititems(lambda name, item: _copy_half(name, item, target))

            def write(path):
                with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as output:
                    for name in archive.namelist():
                        if name != WEIGHTS:
                            output.writestr(name, archive.read(name))
                    output.write(half, WEIGHTS)

            replace_file(packed, write)


def _weights(file, expected):
    """Returns the weights of a detector by their paths, which have to be the expected ones."""
    weights = {weight.path: weight for weight in open_detector(file).weights}
    shapes = {path: weight.shape for path, weight in weights.items()}
    if shapes != {path: weight.shape for path, weight in expected.items()}:
        raise ValueError(f"{file}: has other weights than the first detector")
    return {path: weight.numpy() for path, weight in weights.items()}


def _copy_half(name, item, target):
    if isinstance(item, h5py.Group):
        copy = target.require_group(name)
    elif item.dtype == np.float32:
        with np.errstate(over="ignore"):
            values = item[...].astype(np.float16)
        if not np.isfinite(values).all():
            raise ValueError(f"{name}: has a value that is too large for float16")
        # a scalar cannot be compressed
        copy = target.create_dataset(name, data=values, compression=(item.shape and 9) or None)
    else:
        copy = target.create_dataset(name, data=item[...])
    for key, value in item.attrs.items():
        copy.attrs[key] = value


def main() -> None:
    """Runs the command; wrong arguments lead to its usage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("packed", type=Path, metavar="PACKED.keras", help="the file to write")
    add("trained", nargs="+", metavar="TRAINED.keras", help="a detector to pack, or to average")
    add("--start", metavar="START.keras", help="the detector that the training began from")
    add("--share", type=share, metavar="SHARE", help="the share of the way from it, 0 to 1")
    options = parser.parse_args()
    if (options.start is None) != (options.share is None):
        parser.error("--start and --share need each other")
    try:
        checked_output(options.packed, ".keras")
        if options.start is None:
            pack(options.trained, options.packed)
        else:
            pack(options.trained, options.packed, options.start, options.share)
    except (ValueError, ImportError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
