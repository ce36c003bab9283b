"""Takes items in a thread, ahead of the code that uses them."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
_PATIENCE = 2.0  # seconds to wait for a thread that is still busy with the source of its items


def read_ahead(
    items: Iterable[Item],
    prepare: Callable[[Item], Prepared],
    *,
    max_items: int,
    max_bytes: int,
    size_of: Callable[[Prepared], int],
    replaces: Callable[[Prepared, Prepared], bool] = lambda new, waiting: False,
) -> Generator[Prepared, None, None]:
    """Yields the prepared items in order, while a thread already takes and prepares the next ones.

    The thread starts when the first item is asked for. It ends when all items have been taken, when
    taking one fails, or when the generator is closed: then the iterator of the items is closed as
    well. A thread that waits for its next item at that moment (from a terminal, say) cannot be
    interrupted; it is left after two seconds, and ends by itself when the item arrives.

    Args:
        items: an iterable, which the thread goes through once.
        prepare: a function that makes what is yielded from an item. The thread calls it.
        max_items: the largest number of items that wait to be used.
        max_bytes: the largest sum of the sizes of the waiting items. A larger item waits without
            others.
        size_of: a function that returns the size of a prepared item in bytes.
        replaces: a function that is called with a new item and the last one that waits. If it
            returns True, the new one takes the place of the other, which is lost.

    Raises:
        Exception: whatever taking or preparing an item raises, once all items before it have been
            yielded.

    Examples:
        >>> from keras_ssd.inference.read_ahead import read_ahead
        >>> list(read_ahead("abc", str.upper, max_items=2, max_bytes=100, size_of=len))
        ['A', 'B', 'C']
    """
    waiting: _Waiting[Prepared] = _Waiting(max_items, max_bytes, size_of, replaces)
    arguments = items, prepare, waiting
    thread = threading.Thread(target=_take, args=arguments, name="read ahead", daemon=True)
    thread.start()
    try:
        while item := waiting.get():
            yield item.pop()  # only the caller keeps it, for it may be large
    finally:
        waiting.close()
        thread.join(_PATIENCE)


def _take(items, prepare, waiting):
    """Puts all items, prepared, into the queue; runs in the thread."""
    iterator, error = iter(items), None
    try:
        for item in iterator:
            item = prepare(item)  # and no other name keeps the original, for it may be large
            if not waiting.put(item):
                break
            del item
    except BaseException as raised:  # the thread that uses the items raises it
        error = raised
    finally:
        close = getattr(iterator, "close", None)
        try:
            if close is not None:
                close()
        except BaseException as raised:
            error = error or raised
        waiting.end(error)


class _Waiting(Generic[Item]):
    """A queue from one thread to another, bounded by the number and the sizes of its items."""

    def __init__(
        self,
        max_items: int,
        max_bytes: int,
        size_of: Callable[[Item], int],
        replaces: Callable[[Item, Item], bool],
    ):
        self._max_items, self._max_bytes = max_items, max_bytes
        self._size_of, self._replaces = size_of, replaces
        self._items: deque[tuple[Item, int]] = deque()
        self._num_bytes = 0
        self._ended = self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, item: Item) -> bool:
        """Adds the item once there is room for it; returns False if the queue was closed."""
        size = self._size_of(item)
        with self._changed:
            if self._items and self._replaces(item, self._items[-1][0]):
                self._num_bytes -= self._items.pop()[1]
            self._changed.wait_for(lambda: self._closed or self._has_room(size))
            if self._closed:
                return False
            self._items.append((item, size))
            self._num_bytes += size
            self._changed.notify_all()
        return True

    def _has_room(self, size):
        if not self._items:
            return True
        return len(self._items) < self._max_items and self._num_bytes + size <= self._max_bytes

    def end(self, error: BaseException | None) -> None:
        """Says that no items follow, because of an error if there is one."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def get(self) -> list[Item]:
        """Waits for the next item, and returns a list of it, or an empty list at the end.

        Raises:
            BaseException: the error that ended the items.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._ended)
            if self._items:
                item, size = self._items.popleft()
                self._num_bytes -= size
                self._changed.notify_all()
                return [item]
            if self._error is not None:
                raise self._error
            return []

    def close(self) -> None:
        """Says that nobody takes items any more, and lets go of those that wait."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()
