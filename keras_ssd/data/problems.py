"""Errors of annotations, and the place where they are raised or collected."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from keras_ssd.images import CorruptImageError


class AnnotationError(ValueError):
    """The annotation of an image, or of an object in it, that cannot be used."""


class UnknownClassError(ValueError):
    """An object of a class that is not among the class names.

    Attributes:
        short: the message without the class names, for lists of many such errors.
        class_names: the class names.
    """

    def __init__(self, short: str, class_names: Sequence[str]):
        super().__init__(
            f'{short}, expected one of: {", ".join(class_names)}. unknown_classes="skip" leaves '
            "it out"
        )
        self.short = short
        self.class_names = tuple(class_names)


class NoAreaError(ValueError):
    """A box that covers nothing of its image."""


_OF_ONE_IMAGE = (AnnotationError, UnknownClassError, NoAreaError, CorruptImageError)


class Problems:
    """Takes the errors and notes that occur while annotations are read.

    Args:
        collect: whether to keep every error in `errors` instead of raising the first one.
        left_out: the kinds of errors that are not raised. The image or object that they are about
            is left out, and a note says so.

    Attributes:
        errors: the errors that were collected; always empty without `collect`.
        notes: one line of text for everything that was repaired or left out.
    """

    def __init__(self, *, collect: bool = False, left_out: tuple[type[ValueError], ...] = ()):
        self._collect = collect
        self._left_out = left_out
        self.errors: list[ValueError] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keeps a line for people."""
        self.notes.append(text)

    def error(self, error: ValueError) -> None:
        """Raises the error, keeps it, or notes that its image or object is left out."""
        if self._collect:
            self.errors.append(error)
        elif isinstance(error, self._left_out):
            self.note(f"left out: {error}")
        else:
            raise error

    @contextmanager
    def leaving_out(self) -> Iterator[None]:
        """Leaves the block at an error of one image or object, and passes it to `error`.

        Other errors, such as a missing folder, are always raised.
        """
        try:
            yield
        except _OF_ONE_IMAGE as error:
            self.error(error)
