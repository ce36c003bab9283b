"""Image files to find."""

import numpy as np
import pytest

from keras_ssd.images import write_image
from keras_ssd.inputs import find_inputs


@pytest.fixture
def photo(tmp_path):
    """A function that writes a photo of one gray value under a name in the test's folder."""

    def write(name, gray=90, height=6, width=8):
        path = tmp_path / name
        write_image(np.full((height, width, 3), gray, np.uint8), tmp_path / f"{name}.png")
        (tmp_path / f"{name}.png").rename(path)
        return path

    return write


@pytest.fixture
def found():
    """A function that returns the names of what is found and the messages of what is not."""

    def find(sources, **options):
        errors = []
        inputs = list(find_inputs(sources, on_error=errors.append, **options))
        return [one.name for one in inputs], [str(error) for error in errors]

    return find
