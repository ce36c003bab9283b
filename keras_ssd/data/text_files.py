"""Reads text files that people and tools make, such as lists of ids and of names."""

import codecs
import json
from pathlib import Path
from typing import Any

from keras_ssd.data.annotations import composed

_LARGEST_FILE = 2**30  # in bytes; larger than the lists and tables that tools write
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: str | Path, *, names_of_files: bool = False) -> str:
    """Returns the text of a file in UTF-8, or in the encoding of its byte order mark.

    Lines end with "\\n".

    Args:
        path: the path of the file.
        names_of_files: whether the text names files. Names that are not in UTF-8, as in archives
            made on Windows, are then decoded as Python decodes the names of files.

    Raises:
        ValueError: the file cannot be read, or is not a text file; the message names it.
    """
    try:
        if Path(path).stat().st_size > _LARGEST_FILE:
            raise ValueError(f"{path}: larger than {_LARGEST_FILE >> 20} MiB")
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    errors = "surrogateescape" if names_of_files and encoding == "utf-8" else "strict"
    try:
        text = data.decode(encoding, errors)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8 ({error})") from error
    if "\0" in text:
        raise ValueError(f"{path}: not a text file in UTF-8 (it contains zero bytes)")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: str | Path, *, names_of_files: bool = False) -> list[str]:
    """Returns the lines of a text file without the spaces around them; empty lines are left out.

    Args:
        path, names_of_files: as in `read_text`.

    Raises:
        ValueError: the file cannot be read, or is not a text file; the message names it.
    """
    lines = read_text(path, names_of_files=names_of_files).split("\n")
    return list(filter(None, map(str.strip, lines)))


def read_ids(path: str | Path) -> list[str]:
    """Returns the ids in a file with one id in each line, each once, with composed letters.

    Raises:
        ValueError: the file cannot be read or contains no id; the message names it.
    """
    ids = list(dict.fromkeys(map(composed, read_lines(path, names_of_files=True))))
    if not ids:
        raise ValueError(f"{path}: contains no id; expected one in each line")
    return ids


def read_json(path: Path) -> Any:
    """Returns the content of a JSON file.

    Raises:
        ValueError: the file cannot be read, or is not JSON; the message names it.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not valid JSON ({error})") from error
