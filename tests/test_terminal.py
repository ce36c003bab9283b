import io
import sys

from keras_ssd.terminal import plain_table, print_table, track


class Terminal(io.StringIO):
    def isatty(self):
        return True


def put_terminal_at(name, monkeypatch) -> Terminal:
    """Makes sys.stdout or sys.stderr a terminal; not in a fixture, where pytest would undo it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, name, Terminal())
    return getattr(sys, name)


def test_a_plain_table_has_a_line_for_each_row_and_aligned_columns():
    table = plain_table(("name", "n"), [("a", "100"), ("longer", "7")], "<>")
    assert table.split("\n") == ["name      n", "a       100", "longer    7"]


def test_a_piped_table_is_plain_text(capsys):
    print_table(("name", "text"), [("a", "[bold]"), ("b", "x" * 300)], "<<")
    assert capsys.readouterr().out == f"name  text\na     [bold]\nb     {'x' * 300}\n"


def test_a_table_on_a_terminal_keeps_the_names_and_shows_brackets(monkeypatch):
    terminal = put_terminal_at("stdout", monkeypatch)
    monkeypatch.setenv("COLUMNS", "60")
    names = ["n" * 30, "m" * 30]
    print_table(("name", "text"), [(name, "[bold] " + "word " * 30) for name in names], "<<")
    shown = terminal.getvalue()
    assert all(name in shown for name in names)
    assert "[bold]" in shown


def test_items_come_through_in_order_and_nothing_is_shown_without_a_terminal(capsys):
    assert list(track(iter("abc"), "Counting")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_on_a_terminal(monkeypatch):
    terminal = put_terminal_at("stderr", monkeypatch)
    assert list(track([1, 2, 3], "Counting")) == [1, 2, 3]
    assert "Counting" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_lines_printed_meanwhile_stay_on_stdout_if_that_is_a_file(monkeypatch, capsys):
    put_terminal_at("stderr", monkeypatch)
    for number in track([1, 2], "Counting"):
        print(f"line {number}")
    assert capsys.readouterr().out == "line 1\nline 2\n"


def test_without_rich_nothing_is_shown(monkeypatch):
    terminal = put_terminal_at("stderr", monkeypatch)
    monkeypatch.setitem(sys.modules, "rich", None)
    assert list(track([1, 2], "Counting")) == [1, 2]
    assert terminal.getvalue() == ""
