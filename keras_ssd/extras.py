"""Optional packages, which the extras of keras-ssd install."""

import importlib
from types import ModuleType


def require(module: str, *, extra: str) -> ModuleType:
    """Imports a module of an optional package.

    Args:
        module: the name of the module, such as "onnx" or "matplotlib.figure".
        extra: the extra of keras-ssd that installs the module's package.

    Returns:
        The module itself, also where the name has dots.

    Raises:
        ImportError: the module, or a package that it needs, is missing or does not load; the
            message contains the command that installs it.

    Examples:
        >>> require("json", extra="train").dumps([1])
        '[1]'
    """
    command = f'pip install "keras-ssd[{extra}]"'
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ImportError(f"{error.name or module} is missing: {command}") from error
    except ImportError as error:
        raise ImportError(f"{module} cannot be imported ({error}): {command}") from error
