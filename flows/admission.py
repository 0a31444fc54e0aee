"""Admission: where the policy of the installation is held against what a run is about to do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from tasks.candidates import Candidate
from tasks.load import RowsReference
from tasks.policy import admission, rules, sizes
from tasks.policy.allowance import Allowance
from tasks.policy.rules import Limits, Standing
from tasks.spec import Evaluation
from tasks.suites import Suite

STARTED_BY_A_WORKER = "PREFECT__FLOW_RUN_ID"
"""What Prefect sets in the process of a deployment's run, and in no other."""
UNLIMITED = Limits(
    models=None, evaluations=None, rows=None, dataset_gb=None, model_gb=None, hours=None, dollars=None
)

_allowance: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


def enforced() -> Standing | None:
    """Return the policy where it holds for this process; None for the person at the machine.

    Raises:
        UserError: The policy cannot be read: then nothing is allowed.
    """
    standing = rules.in_force()
    if STARTED_BY_A_WORKER in os.environ or standing.policy.enforce == "everywhere":
        return standing
    return None


def admit(evaluation: Evaluation) -> None:
    """See that an evaluation may run, before anything of it is opened.

    Raises:
        UserError: It may not.
    """
    if standing := enforced():
        admission.check(evaluation, standing)
        sizes.check_dataset(evaluation.dataset, standing)


def admit_suite(asked: Suite) -> None:
    """See that a suite may run, before its config files are read.

    Raises:
        UserError: It may not.
    """
    if standing := enforced():
        admission.check_suite(asked, standing)


def admit_rows(rows: RowsReference) -> None:
    """See that there are no more rows than an evaluation may have.

    Raises:
        UserError: There are.
    """
    if standing := enforced():
        sizes.check_rows(rows, standing)


def admit_models(candidates: Sequence[Candidate]) -> None:
    """See that no model is larger than it may be, before any is loaded.

    Raises:
        UserError: One is.
    """
    if standing := enforced():
        sizes.check_models(candidates, standing)


def admit_publication() -> None:
    """See that results may be offered to the Hub.

    Raises:
        UserError: They may not.
    """
    if standing := enforced():
        admission.check_publication(standing)


@contextmanager
def allowed(evaluations: int = 1) -> Iterator[None]:
    """Let what runs in the context share one allowance: a suite's, or an evaluation's own.

    Args:
        evaluations: How many share it; each brings its hours and dollars.
    """
    if _allowance.get() is not None:
        yield
        return
    standing = enforced()
    limits = standing.policy.limits if standing else UNLIMITED
    of_all = {
        name: each * evaluations
        for name in ("hours", "dollars")
        if (each := getattr(limits, name)) is not None
    }
    file = standing.file if standing else rules.SHIPPED
    token = _allowance.set(Allowance(limits.model_copy(update=of_all), file))
    try:
        yield
    finally:
        _allowance.reset(token)


def allowance() -> Allowance:
    """Return the allowance of this run; one without limits outside of any."""
    return _allowance.get() or Allowance(UNLIMITED, rules.SHIPPED)
