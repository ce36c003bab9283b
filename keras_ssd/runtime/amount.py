"""How much there is to look at, which decides whether another runtime is worth its preparation."""

from itertools import islice

from keras_ssd.files import as_many
from keras_ssd.inputs import Input, Sources, find_inputs

MANY = 100  # images
_STREAMS = ("rtsp://", "rtsps://")


def are_many(sources: Sources, *, recursive: bool = False) -> bool:
    """Tells whether sources are a video, a live input, or 100 images or more.

    Nothing is taken from the standard input or the web: what they hold counts as one image.

    Args:
        sources: the sources, which must be a list if they are several; see `find_inputs`.
        recursive: whether folders inside a folder are looked in.
    """
    local = []
    for source in as_many(sources):
        text = str(source) if isinstance(source, str) else ""
        if text.startswith(_STREAMS):
            return True
        if text != "-" and "://" not in text:
            local.append(source)
    inputs = find_inputs(local, recursive=recursive, on_error=lambda error: None)
    count = 0
    for found in islice(inputs, MANY):
        count += 1
        if _goes_on(found):
            return True
    return count == MANY


def _goes_on(found: Input) -> bool:
    try:
        return found.live or found.video is not None
    except (ValueError, ImportError):  # told when it is its turn
        return False
