"""A pull request to a dataset's repository, with the block of its card that says how it is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks import hub
from tasks.cards import block
from tasks.errors import NoAccess, OutOfReach

TITLE = "How this dataset is evaluated, by Assay"
CARD = "README.md"


def offer(dataset: str, made: Mapping[str, Any]) -> str:
    """Open a pull request that adds an entry to a dataset's `train-eval-index`, and say what came of it.

    An open one of one's own is brought up to date; where the card says so already, none is opened.

    Raises:
        NoAccess: There is no token, or it may not do so.
        OutOfReach: The Hub does not answer, or may not be asked.
        BadEvaluation: The card cannot be read.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token
    from huggingface_hub.errors import HfHubHTTPError

    if constants.is_offline_mode():
        raise OutOfReach("A pull request needs the Hub, and HF_HUB_OFFLINE says not to ask it.")
    if get_token() is None:
        raise NoAccess("A pull request needs a token: log in with `hf auth login`, or set HF_TOKEN.")
    hub.be_patient()
    api = HfApi()
    with hub.clear_errors("dataset", dataset):
        main = hub.dataset_commit(dataset, None)
        before = hub.text_file("dataset", dataset, main, CARD)
        after = block.card_with(before, made, dataset)
        if after == before:
            return f"The card of '{dataset}' says so already."
        author = api.whoami()["name"]
        listed = api.get_repo_discussions(
            dataset,
            repo_type="dataset",
            author=author,
            discussion_type="pull_request",
            discussion_status="open",
        )
        mine = next((each for each in listed if each.title == TITLE), None)
        if mine:
            head = str(api.dataset_info(dataset, revision=mine.git_reference).sha)
            if hub.text_file("dataset", dataset, head, CARD) == after:
                return f"{mine.url} says so already."
        try:
            done = api.create_commit(
                dataset,
                [CommitOperationAdd(CARD, after.encode("utf-8", errors="surrogateescape"))],
                commit_message=TITLE,
                commit_description="So that an evaluation needs no more than the dataset's name.",
                repo_type="dataset",
                revision=mine.git_reference if mine else None,
                create_pr=mine is None,
            )
        except HfHubHTTPError as error:
            if error.response is not None and error.response.status_code in (401, 403):
                raise NoAccess(
                    f"The token at hand may not open pull requests on the dataset '{dataset}'."
                ) from error
            raise
    return f"Updated {mine.url}." if mine else f"Opened {done.pr_url}."
