import sys

import numpy as np
import pytest

from keras_ssd import __version__
from keras_ssd.report.environment import how_it_was_made


@pytest.mark.parametrize(
    ("argv", "original", "command"),
    [
        (["/bin/keras-ssd", "train", "--data", "my data"], [], "keras-ssd train --data 'my data'"),
        (["a/train.py", "--seed", "1"], [], "train.py --seed 1"),
        (["/lib/cli/__main__.py"], ["python", "-m", "keras_ssd.cli"], "python -m keras_ssd.cli"),
        ([""], [], "python"),
        ([], [], "python"),
    ],
)
def test_the_command_is_what_a_shell_would_read(monkeypatch, argv, original, command):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", original)
    assert dict(how_it_was_made())["command"] == command


def test_the_versions_are_those_of_the_packages_that_are_installed():
    facts = dict(how_it_was_made())
    assert (facts["keras-ssd"], facts["numpy"]) == (__version__, np.__version__)
    assert facts["Keras backend"] in ("tensorflow", "jax", "torch")
