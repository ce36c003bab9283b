"""Builds the package; setup.cfg describes it.

setuptools leaves the folder build/ behind, and would pack files into the next wheel that an earlier
build left there and that the package no longer has.
"""

import shutil

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildAnew(build_py):
    """Empties the folder to build in before the files of the package are copied there."""

    def run(self):
        """Runs the command."""
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(cmdclass={"build_py": BuildAnew})
