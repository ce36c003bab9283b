"""Every command and every line of Python in the README and the guides runs as it is printed.

A page's blocks run from top to bottom in one new folder, where stand-ins have the names of the
page's inputs. `CHANGES` lists what is changed before a block runs, `CHECKED_OTHERWISE` the commands
that do not run here. A block that fits neither, and that cannot run, fails.
"""

import configparser
import glob
import itertools
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement

from keras_ssd import cli

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/index.md",
    "docs/own_objects.md",
    "docs/low_map.md",
    "docs/recipes.md",
)
COMMANDS = ("", "bash", "sh")  # the languages of blocks of commands
NOT_RUN = ("text", "json", "yaml", "ini", "html")  # blocks of output, and of files
SHELL = (
    "cd",
    "mkdir",
    "cp",
    "mv",
    "echo",
    "printf",
    "python",
    "python3",
)  # what bash runs as it is


class Change(NamedTuple):
    """A regular expression, what replaces it before a block runs, and why."""

    pattern: str
    replacement: str
    why: str


CHANGES = (
    Change(
        r"keras-ssd train (?!.*--resume).*",
        r"\g<0> --steps 2 --batch-size 2 --model ssd_tiny_128",
        "two steps of a small model show that a run works",
    ),
    Change(
        r"Detector\.from_preset\(\"\w+\", class_names=data\.class_names\)",
        "Detector(keras_ssd.SSDTiny128(len(data.class_names)), data.class_names)",
        "a small model takes less time; the notebooks train the preset",
    ),
    Change(r"steps_per_epoch=\d+", "steps_per_epoch=1", "one step shows that it trains"),
    Change(r"epochs=\d+", "epochs=1", "one epoch shows that it trains"),
    Change(r"steps=\d+", "steps=2", "two steps show that it trains"),
    Change(r"batch_size=\d+", "batch_size=2", "a small batch takes less time"),
)


def check_pip(words: list[str]) -> None:
    """Checks that what `pip install` names is there: files, extras, names that can be read."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    words = [word for word in words[2:] if word not in ("--no-deps", "-q", "-U", "-e")]
    while words:
        word = words.pop(0)
        if word == "-r":
            assert Path(words.pop(0)).is_file(), f"there is no file for -r in {words}"
            continue
        own = re.fullmatch(r"(?:\.|keras-ssd)(?:\[(.*)\])?", word)
        if own is None:
            assert Requirement(word).name
            continue
        for extra in filter(None, (own[1] or "").split(",")):
            assert setup.has_option("options.extras_require", extra), f"there is no extra {extra}"


def check_docker(words: list[str]) -> None:
    """Checks that the compose file is there, with the profiles that the command names."""
    content = yaml.safe_load((ROOT / words[words.index("-f") + 1]).read_text("utf-8"))
    profiles = {name for one in content["services"].values() for name in one.get("profiles", ())}
    named = {after for word, after in itertools.pairwise(words) if word == "--profile"}
    assert named <= profiles


def check_make(words: list[str]) -> None:
    """Checks that the Makefile has the targets."""
    targets = re.findall(r"^([\w -]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(words[1:]) <= {name for line in targets for name in line.split()}


def check_options(words: list[str]) -> None:
    """Checks that `keras-ssd` has the subcommand and its options."""
    cli._parser(words[1]).parse_args(words[1:])


def check_nothing(words: list[str]) -> None:
    """Leaves a command that has nothing to check here."""


class Check(NamedTuple):
    """A regular expression of a command that does not run here, what checks it, and why."""

    pattern: str
    check: Callable[[list[str]], None]
    why: str


CHECKED_OTHERWISE = (
    Check(r"(\S*/)?pip install ", check_pip, "it would change the environment; `make wheel` does"),
    Check(r"docker ", check_docker, "there is no Docker on the machines of the tests"),
    Check(r"make ", check_make, "it would make an environment; CI runs these targets"),
    Check(r"git clone ", check_nothing, "it needs the network"),
    Check(r"keras-ssd .*--server", check_options, "it needs TensorFlow Serving; see tests/serving"),
    Check(r"keras-ssd demo", check_options, "it runs until it is stopped; see tests/demo"),
    Check(r"keras-ssd detect 0 ", check_options, "it needs a camera"),
)


# Commands that end with status 1, because their page shows what errors look like.
FAIL = (r"keras-ssd check-data --data shapes .*--plot",)


class Block(NamedTuple):
    """A block of code: the line in its page where it begins, its language and its text."""

    line: int
    language: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    """Returns the blocks of code of a page, in order."""
    text = page.read_text("utf-8")
    fenced = re.finditer(r"^( *)```([^\n`]*)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return [
        Block(text.count("\n", 0, found.start()) + 2, found[2].strip(), textwrap.dedent(found[3]))
        for found in fenced
    ]


def changed(text: str) -> str:
    """Returns the text of a block, or a command, with all `CHANGES` that fit."""
    for change in CHANGES:
        text = re.sub(change.pattern, change.replacement, text)
    return text


def commands_of(text: str) -> list[str]:
    """Returns the commands of a block, each on one line and without its comment."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    lines = [re.sub(r"(^|\s+)# .*", "", line).strip() for line in lines]
    return [command.strip() for line in lines if line for command in line.split("&&")]


def run_command(command: str) -> None:
    """Runs or checks one command; fails with its output if it does not succeed."""
    words = shlex.split(command)
    for rule in CHECKED_OTHERWISE:
        if re.match(rule.pattern, command):
            rule.check(words)
            return
    command = changed(command)
    words = shlex.split(command)
    if words[0] == "cd":
        os.chdir(words[1])
    elif words[0] == "keras-ssd" and not re.search(r"[|<>;]|\$\(", command):
        expanded = [path for word in words[1:] for path in sorted(glob.glob(word)) or [word]]
        expected = int(any(re.match(pattern, command) for pattern in FAIL))
        assert cli.main(expanded) == expected, command
    else:
        assert words[0] in ("keras-ssd", *SHELL), (
            f"{command!r} has no rule; add one to SHELL or CHECKED_OTHERWISE"
        )
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
        ended = subprocess.run(
            ["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=300
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"


@pytest.mark.docs
@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_runs(page, workplace):
    names: dict = {"__name__": "__main__"}
    blocks = blocks_of(ROOT / page)
    assert blocks
    for block in blocks:
        where = f"{page}, line {block.line}"
        print(f"-- {where}\n{block.text}")
        if block.language == "python":
            exec(compile(changed(block.text), where, "exec"), names)
        elif block.language in COMMANDS:
            for command in commands_of(block.text):
                run_command(command)
        else:
            assert block.language in NOT_RUN, f"{where}: nothing runs {block.language!r}"


def test_the_commands_in_tables_of_the_readme_have_the_options_that_they_name():
    text = (ROOT / "README.md").read_text("utf-8")
    commands = re.findall(r"^\| `keras-ssd (.*?)`", text, re.MULTILINE)
    assert len(commands) > 5
    for command in commands:
        check_options(["keras-ssd", *shlex.split(command)])


def all_commands() -> Iterator[tuple[str, str]]:
    """Yields the place and the text of each command in a block of any document, or in a table."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for block in blocks_of(page):
            if block.language in COMMANDS:
                for command in commands_of(block.text):
                    yield f"{page.name}, line {block.line}", command
        for command in re.findall(
            r"^\| `(keras-ssd [^`]*)` \|", page.read_text("utf-8"), re.MULTILINE
        ):
            yield page.name, command


def test_every_command_of_every_document_has_its_options():
    count = 0
    for where, command in all_commands():
        if re.match(r"keras-ssd \S+ ", command):
            count += 1
            try:
                check_options(shlex.split(re.sub(" *[|<>].*", "", command)))
            except SystemExit:
                pytest.fail(f"{where}: {command}")
    assert count > 50


def test_a_command_that_no_rule_knows_fails():
    with pytest.raises(AssertionError, match=r"'curl http.*' has no rule"):
        run_command("curl http://localhost")


@pytest.mark.parametrize(
    "command",
    [
        'pip install ".[nothing]"',
        "pip install -r nowhere.txt",
        "pip install 'no name'",
        "docker compose -f saved_models/serving/docker-compose.yml --profile tpu up",
        "make nothing",
    ],
)
def test_a_command_that_is_checked_otherwise_can_fail(command):
    with pytest.raises((AssertionError, ValueError)):
        run_command(command)


def test_commands_lose_comments_and_line_ends():
    text = "keras-ssd train --data a \\\n    --output b  # c\n# nothing\npip install a && cd b\n"
    assert commands_of(text) == ["keras-ssd train --data a --output b", "pip install a", "cd b"]
