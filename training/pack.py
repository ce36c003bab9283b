"""Packs a trained detector for shipping.

python training/pack.py TRAINED.keras PACKED.keras [START.keras SHARE]

The packed file is a usual `.keras` file, but has compressed weights in float16, which take less
than half the size. When it is loaded, they are float32 again. Frozen layers can be trained again,
and mixed precision becomes float32.

START is the detector that the training began from. With it, each weight moves only a SHARE of the
way from its value there to the trained value. So the detector keeps more of what training on
little data makes it forget (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np

from keras_ssd.cli.option_values import share
from keras_ssd.detector import open_detector
from keras_ssd.files import checked_output, replace_file

WEIGHTS = "model.weights.h5"  # the name in Keras's archive


def pack(
    trained: str | Path, packed: str | Path, start: str | Path | None = None, share: float = 1.0
) -> None:
    """Writes the detector in the file `trained` to the file `packed`."""
    detector = open_detector(trained).with_dtype("float32")
    if start is not None:
        pairs = zip(open_detector(start).get_weights(), detector.get_weights(), strict=True)
        detector.set_weights([before + share * (after - before) for before, after in pairs])
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
    add("trained", metavar="TRAINED.keras", help="the detector to pack")
    add("packed", type=Path, metavar="PACKED.keras", help="the file to write")
    add("start", nargs="?", metavar="START.keras", help="the detector that the training began from")
    add("share", nargs="?", type=share, metavar="SHARE", help="the share of the way, 0 to 1")
    options = parser.parse_args()
    if options.start is not None and options.share is None:
        parser.error("START.keras needs a SHARE")
    try:
        checked_output(options.packed, ".keras")
        pack(options.trained, options.packed, options.start, options.share)
    except (ValueError, ImportError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
