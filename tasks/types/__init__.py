"""Task types: one file each, found through the explicit table in `tasks.catalogue`."""

from __future__ import annotations

from importlib import import_module

from tasks import catalogue
from tasks.errors import AssayError, unknown
from tasks.types.contract import TaskType


def task_type(name: str) -> TaskType:
    """Return the task type of a name.

    Raises:
        UnknownName: There is no such task type.

    >>> task_type("text-classification").inputs
    ('text', 'text_pair')
    """
    there_is = catalogue.task_types()
    if name not in there_is:
        raise unknown("task type", name, there_is)
    module, _, attribute = there_is[name].partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, TaskType):
        raise AssayError(f"The task type '{name}' is defined by {there_is[name]}, which is not a TaskType.")
    return found
