"""One's own pull requests on a model and the comments below them, whoever else publishes at that moment.

The Hub has no lock, so whoever opens a pull request looks again afterwards: the one of the lowest number is
everybody's, and those opened beside it are put into it and closed. Of two equal comments the first stays.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from tasks.publish import comment

if TYPE_CHECKING:
    from huggingface_hub import Discussion, DiscussionComment, HfApi


def own(api: HfApi, model: str) -> list[Discussion]:
    """Return the open pull requests that this user opened with results, the first one first."""
    from huggingface_hub import get_token

    if get_token() is None:
        return []
    author = api.whoami()["name"]
    found = api.get_repo_discussions(
        model, author=author, discussion_type="pull_request", discussion_status="open"
    )
    return sorted((each for each in found if each.title == comment.TITLE), key=lambda each: each.num)


def close(api: HfApi, model: str, twin: Discussion, kept: Discussion) -> None:
    """Close a pull request whose results are in another one, and say where."""
    said = f"Opened at the same moment as #{kept.num}, which holds these results."
    api.change_discussion_status(model, twin.num, "closed", comment=said)


def say(api: HfApi, model: str, mine: Discussion, text: str, mark: str) -> None:
    """Leave one's comment on a result under a pull request, in the place of an earlier one."""
    if not _marked(api, model, mine, mark):
        api.comment_discussion(model, mine.num, text)
    # What was said meanwhile by another process is seen now, so that both keep the same one.
    first, *others = _marked(api, model, mine, mark)
    if first.content != text:
        api.edit_discussion_comment(model, mine.num, first.id, text)
    for each in others:
        with warnings.catch_warnings():
            # The client warns that hiding is for good; the first one says the same.
            warnings.simplefilter("ignore", UserWarning)
            api.hide_discussion_comment(model, mine.num, each.id)


def _marked(api: HfApi, model: str, mine: Discussion, mark: str) -> list[DiscussionComment]:
    """Return one's own visible comments that begin with a mark, the first one first."""
    from huggingface_hub import DiscussionComment

    return [
        event
        for event in api.get_discussion_details(model, mine.num).events
        if isinstance(event, DiscussionComment)
        and not event.hidden
        and event.author == mine.author
        and event.content.startswith(mark)
    ]
