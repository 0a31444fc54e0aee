"""The Hub, as far as an evaluation needs it: commits, single files, and clear words for what goes wrong."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tasks.errors import NoAccess, NotFound, OutOfReach

Repository = Literal["model", "dataset"]
PASSING = {429, 500, 502, 503, 504}
"""Statuses that pass: too many requests, and a server that is not well."""
TRIES = 4
LONGEST_WAIT = 300.0
"""Seconds: the Hub's limits are counted over five minutes."""


@contextmanager
def clear_errors(kind: Repository, name: str) -> Iterator[None]:
    """Turn the Hub client's exceptions into one sentence about the repository `name`.

    Raises:
        NotFound: There is no such repository, revision or file.
        OutOfReach: The Hub does not answer and the cache does not have it.
        NoAccess: It is gated or private and the token at hand does not open it.
    """
    from datasets.exceptions import DataFilesNotFoundError, DatasetNotFoundError
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise NoAccess(
            f"The {kind} '{name}' is gated: accept its terms on its page, then log in with `hf auth login`."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise NotFound(f"The {kind} '{name}' has no such revision.") from error
    except errors.RepositoryNotFoundError as error:
        raise NotFound(
            f"There is no {kind} '{name}' on the Hub, nor a local folder of that name "
            "(if it is private, log in with `hf auth login`)."
        ) from error
    except DatasetNotFoundError as error:
        if "gated" in str(error):
            raise NoAccess(
                f"The {kind} '{name}' is gated: accept its terms on its page, then log in "
                "with `hf auth login`."
            ) from error
        raise NotFound(f"There is no {kind} '{name}' on the Hub, nor a local file or folder.") from error
    except DataFilesNotFoundError as error:
        raise NotFound(f"The {kind} '{name}' holds no data: {_first_line(error)}") from error
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        raise _out_of_reach(kind, name) from error
    except errors.EntryNotFoundError as error:
        raise NotFound(f"The {kind} '{name}' lacks a file it needs: {_first_line(error)}") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        if status in (401, 403):
            raise NoAccess(f"The {kind} '{name}' may not be read with the token at hand.") from error
        raise NotFound(f"The {kind} '{name}' could not be read: the Hub answered {status}.") from error
    # The client's own base of transport errors, which it re-exports without saying so; `datasets` turns
    # whatever happened into a missing file.
    except (errors.HTTPError, ConnectionError, FileNotFoundError) as error:  # type: ignore[attr-defined]
        raise _out_of_reach(kind, name) from error


@cache
def be_patient() -> None:
    """Let every client of the Hub in this process ask again where an answer is one that passes.

    The clients do so themselves for some requests and not for others: `repo_info` gives up at once. Only
    what may be asked twice is, not what writes.
    """
    import huggingface_hub
    from huggingface_hub.utils import _http

    def patient() -> Any:
        client = _http.default_client_factory()
        once = client.send

        def send(request: Any, **more: Any) -> Any:
            for attempt in itertools.count():
                response = once(request, **more)
                last = attempt + 1 == TRIES or request.method not in {"GET", "HEAD"}
                if last or response.status_code not in PASSING:
                    break
                response.read()
                time.sleep(pause(response.headers, attempt))
            return response

        # A class of its own would name the HTTP library, which the client's authors have changed before.
        client.send = send  # type: ignore[method-assign]
        return client

    huggingface_hub.set_client_factory(patient)


def pause(headers: Mapping[str, str], attempt: int) -> float:
    """Return how many seconds to wait before asking again: what the answer says, else ever longer.

    >>> pause({"Retry-After": "3"}, 0), pause({"ratelimit": '"api";r=0;t=55'}, 0), pause({}, 2)
    (3.0, 56.0, 4.0)
    >>> pause({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0)
    0.0
    """
    said = {name.lower(): value for name, value in headers.items()}
    limited = re.search(r"r=0;\s*t=(\d+)", said.get("ratelimit", "").replace(" ", ""))
    seconds = min(2.0**attempt, 16.0)
    if limited:
        seconds = float(limited[1]) + 1
    elif (after := said.get("retry-after", "").strip()).isdigit():
        seconds = float(after)
    elif after:
        with suppress(ValueError):
            seconds = (parsedate_to_datetime(after) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _out_of_reach(kind: Repository, name: str) -> OutOfReach:
    return OutOfReach(f"The {kind} '{name}' is not in the local cache, and the Hub is out of reach.")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def dataset_commit(name: str, revision: str | None) -> str:
    """Return the commit that a Hub dataset's revision (by default its main branch) points to now."""
    return _commit("dataset", name, revision)


def remember_dataset(name: str, revision: str | None, commit: str) -> None:
    """Note that a revision of a dataset, now read, points to a commit, for when the Hub cannot be asked."""
    _remember("dataset", name, revision, commit)


def model_commit(name: str, revision: str | None) -> str:
    """Return the commit that a Hub model's revision (by default its main branch) points to now."""
    commit = _commit("model", name, revision)
    _remember("model", name, revision, commit)
    return commit


def _commit(kind: Repository, name: str, revision: str | None) -> str:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise NotFound(f"There is no {kind} '{name}': it is neither a local path nor a Hub id.") from error
    if constants.is_offline_mode():
        return _cached_commit(kind, name, revision)
    be_patient()
    try:
        with clear_errors(kind, name):
            found = HfApi().repo_info(name, repo_type=kind, revision=revision)
    except OutOfReach:
        return _cached_commit(kind, name, revision)
    if found.sha is None:
        raise NotFound(f"The {kind} '{name}' has no commit.")
    return found.sha


def _cache(kind: Repository, name: str) -> Path:
    """Return the folder of a repository in the Hub client's cache."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type=kind)


def _remember(kind: Repository, name: str, revision: str | None, commit: str) -> None:
    """Note in the Hub client's cache what a revision points to, for when the Hub cannot be asked.

    The client does so itself when a file is fetched by revision; here files are fetched by commit.
    """
    pointer = _cache(kind, name) / "refs" / (revision or "main")
    if revision != commit and not (pointer.is_file() and pointer.read_text(encoding="utf-8") == commit):
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.write_text(commit, encoding="utf-8")


def _cached_commit(kind: Repository, name: str, revision: str | None) -> str:
    """Return a commit from the local cache, for when the Hub cannot be asked."""
    folder = _cache(kind, name)
    wanted = revision or "main"
    pointer = folder / "refs" / wanted
    if pointer.is_file():
        return pointer.read_text(encoding="utf-8").strip()
    if (folder / "snapshots" / wanted).is_dir():
        return wanted
    raise _out_of_reach(kind, name)


def dataset_builds(name: str, commit: str) -> Path:
    """Return the folder in which `datasets` keeps what it made of one commit of a dataset.

    A folder for each commit, because where a commit's files are out of reach the library would take
    whatever build of the dataset its folder holds: the rows of another commit.
    """
    import datasets

    return Path(datasets.config.HF_DATASETS_CACHE) / "commits" / name.replace("/", "___") / commit


def dataset_places() -> tuple[str, ...]:
    """Return the folders in which the files of Hub datasets lie once they are fetched or unpacked."""
    import datasets
    from huggingface_hub import constants

    kept = datasets.config
    fetched = kept.HF_DATASETS_CACHE, kept.DOWNLOADED_DATASETS_PATH, kept.EXTRACTED_DATASETS_PATH
    return *map(str, fetched), str(constants.HF_HUB_CACHE)


def dataset_configs(name: str, commit: str) -> list[str]:
    """Return the configurations of a Hub dataset; those that are cached when the Hub cannot be asked."""
    from datasets import load

    builds = dataset_builds(name, commit)
    module = load.dataset_module_factory(name, revision=commit, cache_dir=str(builds))
    if module.module_path.endswith(".packaged_modules.cache.cache"):
        (cached,) = (folder for folder in builds.iterdir() if folder.is_dir())
        return sorted(folder.name for folder in cached.iterdir() if folder.is_dir())
    builder = load.get_dataset_builder_class(module, dataset_name=name.rpartition("/")[2])
    return list(builder.builder_configs) or [module.builder_kwargs.get("config_name", "default")]


def model_files(name: str, commit: str) -> list[str]:
    """Return the names of a Hub model's files, from the cache when the Hub cannot be asked."""
    from huggingface_hub import HfApi, constants

    if not constants.is_offline_mode():
        with suppress(OutOfReach), clear_errors("model", name):
            return HfApi().list_repo_files(name, revision=commit)
    cached = _cache("model", name) / "snapshots" / commit
    return sorted(path.relative_to(cached).as_posix() for path in cached.rglob("*") if path.is_file())


def text_file(kind: Repository, name: str, commit: str, file: str) -> str:
    """Return the text of a small file of a repository, as its card; empty where there is no such file."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    with clear_errors(kind, name):
        try:
            found = hf_hub_download(name, file, repo_type=kind, revision=commit)
        except LocalEntryNotFoundError:
            # A cache that holds the commit and not the file: it was looked for before, and was not there.
            folder = _cache(kind, name)
            if (folder / ".no_exist" / commit / file).is_file():
                return ""
            raise
        except EntryNotFoundError:
            return ""
    # Line ends and bytes that are no UTF-8 stay as they are: the text may be written back.
    return Path(found).read_bytes().decode("utf-8", errors="surrogateescape")


def model_file(name: str, commit: str, file: str) -> Path:
    """Fetch one small file of a Hub model, as its config, and return where it lies."""
    from huggingface_hub import hf_hub_download

    with clear_errors("model", name):
        return Path(hf_hub_download(name, file, revision=commit))
