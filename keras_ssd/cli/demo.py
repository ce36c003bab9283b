"""`keras-ssd demo` serves a page on which a detector is tried in the browser."""

import argparse
import os
import tempfile
from pathlib import Path

from keras_ssd.cli.model_options import check_model
from keras_ssd.cli.option_values import positive
from keras_ssd.extras import require

_PHOTOS = Path(__file__).parents[1] / "demo" / "photos"


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: the detector, the examples and the address."""
    add = command.add_argument
    add(
        "--model",
        default="ssd_mobilenet_320_voc_int8",
        metavar="MODEL",
        help="the name of a preset (`keras-ssd presets` lists them), or the path of a detector of "
        "any format; default: %(default)s",
    )
    add(
        "--examples",
        type=Path,
        default=_PHOTOS,
        metavar="DIR",
        help="a folder of pictures that the page offers to try; default: two photos",
    )
    add(
        "--host",
        default="127.0.0.1",
        help="the address of this computer at which the page is served; 0.0.0.0 lets other "
        "computers of the network see it; default: %(default)s",
    )
    add("--port", type=positive(int), default=7860, help="the port; default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Serves the page until Ctrl-C."""
    from keras_ssd.demo.server import check_address, serve

    check_model(options)
    examples = pictures_in(options.examples)
    check_address(options.host, options.port)
    with tempfile.TemporaryDirectory(prefix="keras-ssd-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # of uploads
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        require("gradio", extra="demo")

        from keras_ssd.demo.page import make_page
        from keras_ssd.loading import load_detector

        name = Path(options.model).name  # visitors need not know the folder
        page = make_page(load_detector(options.model), model=name, examples=examples)
        serve(page, options.host, options.port)
    return 0


def pictures_in(folder: Path) -> list[Path]:
    """Returns the paths of the pictures in a folder."""
    from keras_ssd.inputs.folders import files_in_folder
    from keras_ssd.inputs.kinds import IMAGE_SUFFIXES

    paths = []
    for path in files_in_folder(str(folder), recursive=False):
        if isinstance(path, ValueError):
            raise path
        if Path(path).suffix.lower() in IMAGE_SUFFIXES:
            paths.append(Path(path))
    if not paths:
        raise ValueError(f"examples: no pictures are in {folder}")
    return paths
