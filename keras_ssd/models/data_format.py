"""Builds layers for images (H, W, 3), also if `image_data_format` in keras.json differs."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import keras

Params = ParamSpec("Params")
Model = TypeVar("Model")


def channels_last(build: Callable[Params, Model]) -> Callable[Params, Model]:
    """Decorates a function that builds layers, so that their images are (H, W, 3).

    A layer keeps the data format that it was built with, also in a file. So the setting only
    matters while layers are built, and the user's setting is restored afterwards.
    """

    @functools.wraps(build)
    def build_channels_last(*args: Params.args, **kwargs: Params.kwargs) -> Model:
        before = keras.config.image_data_format()
        if before == "channels_last":
            return build(*args, **kwargs)
        keras.config.set_image_data_format("channels_last")
        try:
            return build(*args, **kwargs)
        finally:
            keras.config.set_image_data_format(before)

    return build_channels_last
