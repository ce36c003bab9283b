"""How much there is to look at, which decides whether another runtime is worth its preparation."""

from itertools import islice

from keras_ssd.files import as_many
from keras_ssd.inputs import Input, Sources, find_inputs

MANY = 100  # images
_STREAMS = ("rtsp://", "rtsps://")


def are_many(sources: Sources, *, recursive: bool = False) -> bool:
    """Tells whether sources are a video, a live input, or 100 images or more.

    Nothing is taken from the standard input, which does not count, or from the web, where each
    address of http or https counts as one image.

    Args:
        sources: the sources, which must be a list if they are several; see `find_inputs`.
        recursive: whether folders inside a folder are looked in.
    """
    given = [one for one in as_many(sources) if not (isinstance(one, str) and one == "-")]
    inputs = find_inputs(given, recursive=recursive, on_error=lambda error: None)
    count = 0
    for found in islice(inputs, MANY):
        count += 1
        if _goes_on(found):
            return True
    return count == MANY


def _goes_on(found: Input) -> bool:
    if "://" in found.name:
        return found.name.startswith(_STREAMS)
    try:
        return found.live or found.video is not None
    except (ValueError, ImportError):  # told when it is its turn
        return False
