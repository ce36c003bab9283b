"""The rooms of the package have an order, and imports only go back in it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "keras_ssd"
ROOMS = [
    "__version__",  # which keras_ssd/__init__.py sets before it imports anything
    "config",
    "geometry",
    "default_boxes",
    "classes",
    "files",
    "extras",
    "terminal",
    "web",
    "images",
    "video",
    "inputs",
    "results",
    "tracking",
    "inference",
    "data",
    "checkpoints",
    "models",
    "losses",
    "optimizers",
    "convert",
    "evaluation",
    "report",
    "formats",
    "presets",
    "detector",
    "loading",
    "runtime",
    "outputs",
    "callbacks",
    "training",
    "explain",
    "serving",
    "benchmark",
    "demo",
    "cli",
]


def imported_modules(source: str, package: tuple[str, ...]):
    """Yields (line, dotted module) for every import in the source of a module of `package`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def forward_imports(source: str, room: str, package: tuple[str, ...]) -> list[tuple[int, str]]:
    """(line, module) of the imports in a module of `room` that lead past it in the package."""
    allowed = ["__version__", *ROOMS[: ROOMS.index(room) + 1]]
    return [
        (line, module)
        for line, module in imported_modules(source, package)
        if module.split(".")[0] == "keras_ssd" and [*module.split("."), ""][1] not in allowed
    ]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_module_and_folder_of_the_package_is_a_known_room():
    names = {room_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}
    assert names
    assert names <= set(ROOMS)


def test_no_file_imports_from_a_later_room():
    violations = [
        f"{path.relative_to(PACKAGE.parent)}:{line} imports {module}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "__init__.py"
        for line, module in forward_imports(
            path.read_text(), room_of(path), path.relative_to(PACKAGE.parent).parts[:-1]
        )
    ]
    assert violations == []


@pytest.mark.parametrize(
    "source",
    [
        "import keras_ssd",
        "import keras_ssd.models.ssd",
        "from keras_ssd import models",
        "from keras_ssd import SSD300",
        "from keras_ssd.losses import SmoothL1",
        "from .. import SSD300",
        "from ..training import run",
        "def f():\n    from keras_ssd import cli",
        "if TYPE_CHECKING:\n    import keras_ssd.cli",
    ],
)
def test_the_check_catches(source):
    assert len(forward_imports(source, "data", ("keras_ssd", "data"))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import keras",
        "from keras_ssd import __version__",
        "from keras_ssd import geometry",
        "from keras_ssd.data.sample import Sample",
        "from . import sample",
        "from .sample import Sample",
        "from ..images import read_image",
    ],
)
def test_the_check_lets_through(source):
    assert forward_imports(source, "data", ("keras_ssd", "data")) == []
