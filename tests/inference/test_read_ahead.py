"""Items that a thread takes ahead of the code that uses them."""

import threading
import time

import pytest

from keras_ssd.inference.read_ahead import read_ahead


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "read ahead"] == []


def ahead(items, max_items=3, max_bytes=1000, size_of=lambda item: 1, **options):
    return read_ahead(
        items,
        lambda item: item,
        max_items=max_items,
        max_bytes=max_bytes,
        size_of=size_of,
        **options,
    )


def settled(numbers):
    """The length of a list once nothing has been added to it for a while."""
    before = -1
    while before != len(numbers):
        before = len(numbers)
        time.sleep(0.05)
    return before


class Endless:
    """Counts up, notes what was taken, and whether and where it was closed."""

    def __init__(self):
        self.taken, self.closed_by = [], None

    def __iter__(self):
        try:
            while True:
                self.taken.append(len(self.taken))
                yield self.taken[-1]
        finally:
            self.closed_by = threading.current_thread().name


def test_all_items_come_in_order():
    assert list(ahead(range(1000))) == list(range(1000))
    assert list(ahead([])) == []
    assert list(ahead([None, 0, False])) == [None, 0, False]


def test_nothing_is_taken_before_the_first_item_is_asked_for():
    endless = Endless()
    items = ahead(endless)
    time.sleep(0.05)
    assert endless.taken == []
    items.close()
    assert endless.taken == []


def test_another_thread_takes_the_items():
    names = (threading.current_thread().name for _ in range(3))
    assert set(ahead(names)) == {"read ahead"}


def test_the_thread_prepares_the_items():
    def prepare(item):
        return item, threading.current_thread().name

    items = read_ahead("ab", prepare, max_items=3, max_bytes=9, size_of=len)
    assert list(items) == [("a", "read ahead"), ("b", "read ahead")]


def test_an_error_in_preparing_comes_after_the_items_before_it():
    items = read_ahead((1, 2, 0, 3), lambda x: 2 / x, max_items=3, max_bytes=9, size_of=int)
    assert [next(items), next(items)] == [2, 1]
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_at_most_max_items_wait():
    endless = Endless()
    items = ahead(endless, max_items=4)
    next(items)
    assert settled(endless.taken) == 1 + 4 + 1  # used, waiting, in the thread's hand
    next(items)
    assert settled(endless.taken) == 2 + 4 + 1
    items.close()


def test_at_most_max_bytes_wait_but_always_one_item():
    endless = Endless()
    sizes = {0: 10, 1: 40, 2: 40, 3: 40, 4: 200, 5: 1}
    items = ahead(endless, max_items=100, max_bytes=100, size_of=lambda item: sizes.get(item, 101))
    next(items)
    assert settled(endless.taken) == 4  # 1 and 2 wait with 80 bytes; 3 is in the thread's hand
    assert [next(items), next(items), next(items)] == [1, 2, 3]
    assert settled(endless.taken) == 6  # 4 waits with 200 bytes
    items.close()


def test_closing_ends_the_thread_and_closes_the_items_in_it():
    endless = Endless()
    items = ahead(endless)
    next(items)
    items.close()
    assert endless.closed_by == "read ahead"


def test_letting_go_of_the_items_ends_the_thread():
    endless = Endless()
    items = ahead(endless)
    next(items)
    del items
    assert endless.closed_by == "read ahead"


def test_an_error_in_the_loop_over_the_items_ends_the_thread():
    endless = Endless()

    def fail():
        for _ in ahead(endless):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert endless.closed_by == "read ahead"


@pytest.mark.parametrize("error", [ValueError("v"), MemoryError("m"), SystemExit("s")])
def test_an_error_in_taking_comes_after_the_items_before_it(error):
    def failing():
        yield from range(5)
        raise error

    items, found = ahead(failing()), []
    with pytest.raises(type(error)) as raised:  # noqa: PT012
        for item in items:
            found.append(item)
    assert raised.value is error
    assert found == list(range(5))


def test_a_new_item_may_take_the_place_of_the_last_that_waits():
    used = threading.Event()

    def numbers():
        yield 0
        used.wait(5)
        yield from range(1, 10)

    items = ahead(numbers(), replaces=lambda new, waiting: new != 5)
    assert next(items) == 0
    used.set()
    time.sleep(0.2)
    assert list(items) == [4, 9]


def test_a_thread_that_waits_for_its_item_is_left_after_a_while(monkeypatch):
    monkeypatch.setattr("keras_ssd.inference.read_ahead._PATIENCE", 0.05)
    release = threading.Event()

    def waiting():
        yield 0
        release.wait(10)
        yield 1

    items = ahead(waiting())
    next(items)
    start = time.monotonic()
    items.close()
    assert time.monotonic() - start < 2
    (left,) = [thread for thread in threading.enumerate() if thread.name == "read ahead"]
    assert left.daemon
    release.set()
    left.join(5)
    assert not left.is_alive()


def test_an_item_that_was_yielded_is_not_kept():
    import weakref

    class Large:
        pass

    items = ahead(Large() for _ in range(3))
    first = weakref.ref(next(items))
    assert first() is None
    items.close()
