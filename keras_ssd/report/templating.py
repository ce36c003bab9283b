"""Renders the templates of a package to HTML."""

from typing import Any

from keras_ssd.extras import require


def template_environment(package: str) -> Any:
    """Returns the Jinja2 environment of the folder `templates` in a package.

    It escapes texts, and a name that a template needs and does not get is an error.

    Args:
        package: the name of the package, such as "keras_ssd.report".

    Raises:
        ImportError: Jinja2 is not installed.
    """
    jinja2 = require("jinja2", extra="train")
    return jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
