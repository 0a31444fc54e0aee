"""Pull requests: one a model, found again and brought up to date, never opened twice for the same content.

Every attempt begins by looking at what is there, so that a server that failed after all the same doing what
it was asked is not asked to do it again, and one that opened a pull request looks once more.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tasks import hub
from tasks.cards import header
from tasks.errors import BadEvaluation, NoAccess, OutOfReach, UserError
from tasks.publish import comment, discussions, entries, merging, permission, signatures
from tasks.publish.results import Result

if TYPE_CHECKING:
    from huggingface_hub import Discussion, HfApi

Status = Literal["opened", "updated", "unchanged", "already there", "dry run"]
STALE = 412
"""Somebody else's commit came first."""


@dataclass(frozen=True)
class Publication:
    """What became of a model's results on the Hub.

    Attributes:
        model: The model's Hub id.
        status: `already there` where the model's main branch holds them.
        url: The pull request's address, None where there is none.
        difference: What changes in the repository, as a unified diff.
        notes: What to know of it, as sentences.
    """

    model: str
    status: Status
    url: str | None
    difference: str
    notes: tuple[str, ...] = ()


def publish(
    model: str, results: Sequence[Result], *, dry_run: bool = False, force: bool = False
) -> Publication:
    """Offer a model's results to its repository, in the one pull request that is this installation's.

    Args:
        model: The model's Hub id.
        results: Its results, one a dataset.
        dry_run: Write nothing, and say what would change.
        force: Publish what is refused otherwise.

    Raises:
        Refused: The results rest on private data or hidden answers.
        NoAccess: There is no token, or it may not open pull requests there.
        OutOfReach: The Hub does not answer, or may not be asked.
    """
    from huggingface_hub import HfApi, constants

    if constants.is_offline_mode() or not dry_run:
        permission.check_token()
    hub.be_patient()
    notes = [note for result in results for note in permission.checked(result, force=force)]
    done: dict[int, Status] = {}
    for attempt in itertools.count():
        try:
            with hub.clear_errors("model", model), _writing(model):
                return _once(HfApi(), model, results, tuple(notes), done, dry_run=dry_run)
        except _Twin:
            continue  # Another process opened one at the same moment, and first: this one's goes into it.
        except _Later as later:
            if attempt + 1 == hub.TRIES:
                raise OutOfReach(f"The Hub did not take the results of '{model}': {later}.") from later
            time.sleep(hub.pause(later.headers, attempt))
    raise AssertionError("unreachable")


class _Later(Exception):
    """The Hub could not do what it was asked just now."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"it answered {status}")
        self.headers = headers


class _Twin(Exception):
    """A pull request was opened beside an earlier one."""


@contextmanager
def _writing(model: str) -> Iterator[None]:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        if status in hub.PASSING or status == STALE:
            raise _Later(status, error.response.headers) from error
        if status in (401, 403) and error.response.request.method == "POST":
            raise NoAccess(f"The token at hand may not open pull requests on the model '{model}'.") from error
        raise


def _once(
    api: HfApi,
    model: str,
    results: Sequence[Result],
    notes: tuple[str, ...],
    done: dict[int, Status],
    *,
    dry_run: bool,
) -> Publication:
    """Look at what is there and do what is missing; `done` keeps what was done to which pull request."""
    main = api.model_info(model).sha
    if main is None:
        raise BadEvaluation(f"The model '{model}' has no commit to put results on.")
    older = [result for result in results if result.model_commit != main]
    notes += tuple(
        f"The results on '{result.dataset}' are those of commit {result.model_commit[:12]}; "
        f"the model's main branch is at {main[:12]}."
        for result in older
    )
    own = merging.signed_by(signatures.public_key())
    open_ones = discussions.own(api, model)
    mine, twins = (open_ones[0] if open_ones else None), open_ones[1:]
    there = _files(api, model, main)
    head = _head(api, model, mine) if mine else main
    offered = _files(api, model, head) if mine else {}
    before = offered if mine else there
    for twin in twins:
        # What only the later one holds is kept, before it is closed.
        inside = _files(api, model, _head(api, model, twin))
        offered = {**offered, **wanted(model, [], offered, inside, api.endpoint, own)}
    after = wanted(model, results, there, offered, api.endpoint, own)
    if not merging.difference(there, after):
        return Publication(model, "already there", None, "", notes)
    changed = {path: content for path, content in after.items() if before.get(path) != content}
    difference = merging.difference(before, changed)
    if dry_run:
        return Publication(model, "dry run", mine.url if mine else None, difference, notes)
    if changed:
        opening: Status = "updated" if mine else "opened"
        made = _commit(api, model, changed, mine, head)
        done.setdefault(made.num, opening)
        if mine is None and discussions.own(api, model)[0].num != made.num:
            raise _Twin
        mine = made
    assert mine is not None
    for result in results:
        discussions.say(api, model, mine, comment.text(result, notes), comment.mark(result))
    for twin in twins:
        discussions.close(api, model, twin, mine)
    return Publication(model, done.get(mine.num, "unchanged"), mine.url, difference, notes)


def _head(api: HfApi, model: str, mine: Discussion) -> str:
    """Return the commit that a pull request is at."""
    return str(api.model_info(model, revision=mine.git_reference).sha)


def wanted(
    model: str,
    results: Sequence[Result],
    there: Mapping[str, str],
    offered: Mapping[str, str],
    endpoint: str,
    own: merging.Own,
) -> dict[str, str]:
    """Return the texts of the files that hold the results: the main branch's, with one's own entries in them.

    Args:
        model: The model's Hub id.
        results: What is to be published.
        there: Texts of the main branch by path.
        offered: Texts of one's own open pull request, whose other results are kept.
        endpoint: The Hub's address.
        own: What tells one's own tokens.
    """
    card = there.get(merging.CARD, "")
    present = merging.own_items(merging.index_of(card, model), merging.signed)
    kept = merging.own_items(merging.index_of(offered.get(merging.CARD, ""), model), merging.signed)
    mine = merging.own_items(merging.index_of(offered.get(merging.CARD, ""), model), own)
    # Another installation of the same user's offers its results in the same pull request; the order stays.
    for item in kept:
        if item in mine or item not in present:
            card = merging.card_with(card, [item], model, own if item in mine else merging.nobody)
    fresh = [entries.of_card(result, endpoint) for result in results]
    found = {merging.CARD: merging.card_with(card, fresh, model, own)}
    for path in {*there, *offered} - {merging.CARD}:
        text = there.get(path, "")
        present = merging.entries_of(text, path)
        kept = merging.own_entries(offered.get(path, ""), path, merging.signed)
        mine = merging.own_entries(offered.get(path, ""), path, own)
        for entry in kept:
            if entry in mine or entry not in present:
                text = merging.file_with(text, [entry], path, own if entry in mine else merging.nobody)
                found[path] = text
    for result in results:
        path = entries.path_of(result)
        entry = entries.of_file(result, endpoint, entries.task_id(result, _benchmark(result)))
        found[path] = merging.file_with(found.get(path, there.get(path, "")), [entry], path, own)
    return found


def _benchmark(result: Result) -> Mapping[str, object]:
    if not result.dataset_on_hub:
        return {}
    try:
        text = hub.text_file("dataset", result.dataset, result.revision, "eval.yaml")
    except UserError:
        return {}
    return header.mapping(text, f"The eval.yaml of '{result.dataset}'")


def _files(api: HfApi, model: str, commit: str) -> dict[str, str]:
    """Return the texts of a commit's card and `.eval_results`, by path."""
    names = api.list_repo_files(model, revision=commit)
    wanted = [
        name
        for name in names
        if name == merging.CARD or (name.startswith(".eval_results/") and name.endswith((".yaml", ".yml")))
    ]
    return {name: hub.text_file("model", model, commit, name) for name in wanted}


def _commit(
    api: HfApi, model: str, changed: Mapping[str, str], mine: Discussion | None, head: str
) -> Discussion:
    """Commit files on top of the commit that was looked at: to one's open pull request, or open one."""
    from huggingface_hub import CommitOperationAdd

    operations = [
        CommitOperationAdd(path, content.encode("utf-8", errors="surrogateescape"))
        for path, content in sorted(changed.items())
    ]
    made = api.create_commit(
        model,
        operations,
        commit_message=comment.TITLE,
        commit_description=comment.DESCRIPTION,
        revision=mine.git_reference if mine else None,
        create_pr=mine is None,
        parent_commit=head,
    )
    return mine or api.get_discussion_details(model, int(made.pr_num or 0))
