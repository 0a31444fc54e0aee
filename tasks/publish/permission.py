"""Permission: what may be published, and whether it can be, said before any model loads."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tasks import hub
from tasks.candidates import Candidate
from tasks.errors import NoAccess, OutOfReach, Refused, UserError
from tasks.plan import Plan
from tasks.publish.results import Result, on_hub


def check_token() -> None:
    """See that there is a token, and that the Hub may be asked.

    Raises:
        NoAccess: There is no token.
        OutOfReach: The Hub may not be asked.
    """
    from huggingface_hub import constants, get_token

    if constants.is_offline_mode():
        raise OutOfReach("Publishing needs the Hub, and HF_HUB_OFFLINE says not to ask it.")
    if get_token() is None:
        raise NoAccess("Publishing needs a token of the Hub: log in with `hf auth login`, or set HF_TOKEN.")


def check(plan: Plan, candidates: Sequence[Candidate]) -> None:
    """See that an evaluation's results can be published, where its settings ask for that.

    Raises:
        UserError: They cannot.
    """
    if not plan.evaluation.settings.publish:
        return
    check_token()
    for each in candidates:
        if not on_hub(each.checkpoint.place, each.checkpoint.commit):
            raise Refused(f"The model '{each.title}' is not on the Hub; leave 'publish' out of the settings.")
    if plan.rows.source.kind != "hub":
        raise Refused(
            f"The dataset '{plan.rows.name}' is not on the Hub; leave 'publish' out of the settings, and "
            "publish with `assay publish --force` if that is what you want."
        )
    if private(plan.rows.source.place):
        raise Refused(
            f"The dataset '{plan.rows.name}' is private; leave 'publish' out of the settings, and publish "
            "with `assay publish --force` if that is what you want."
        )


def checked(result: Result, *, force: bool) -> list[str]:
    """Refuse what is not to be published, or say as notes what is forced; say also what readers should know.

    Raises:
        Refused: The results rest on private or local data, on hidden answers, or on no model of the Hub.
    """
    if not result.model_on_hub:
        raise Refused(
            f"The model '{result.model}' is not on the Hub, so there is nowhere to publish its results."
        )
    reasons = []
    if not result.dataset_on_hub:
        reasons.append(f"The dataset '{result.dataset}' is not on the Hub: nobody could check its results")
    elif private(result.dataset):
        reasons.append(f"The dataset '{result.dataset}' is private: nobody else could check its results")
    if result.hidden:
        reasons.append(f"The right answers of '{result.dataset}' ({result.split}) are hidden")
    if reasons and not force:
        raise Refused(f"{reasons[0]}; `--force` publishes them all the same.")
    notes = [f"{reason}." for reason in reasons]
    if result.filters:
        notes.append(f"On '{result.dataset}' only rows where {json.dumps(result.filters)} were evaluated.")
    if result.limit:
        notes.append(
            f"On '{result.dataset}' a seeded sample of {result.limit} rows was evaluated, not the split."
        )
    return notes


def private(dataset: str) -> bool:
    """Tell whether a dataset of the Hub is private; what may not even be seen is."""
    from huggingface_hub import HfApi

    try:
        with hub.clear_errors("dataset", dataset):
            return bool(HfApi().dataset_info(dataset).private)
    except OutOfReach:
        raise
    except UserError:
        return True
