"""What goes wrong with the Hub and with what it holds, in one sentence."""

from __future__ import annotations

from tasks.errors import BadEvaluation, NoAccess, NotFound, OutOfReach, Refused, UserError


def clear(kind: str, name: str, error: Exception) -> UserError:
    """Turn what the Hub client or transformers raised for a model or module into one sentence about it."""
    from huggingface_hub import errors

    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__

    def among(*kinds: type[Exception]) -> bool:
        return any(isinstance(each, kinds) for each in causes)

    text = str(error)
    if among(errors.GatedRepoError):
        return NoAccess(f"The {kind} '{name}' is gated: accept its terms on its page, then log in.")
    if among(errors.RevisionNotFoundError):
        return NotFound(f"The {kind} '{name}' has no such revision.")
    if among(errors.RepositoryNotFoundError, errors.HFValidationError):
        return NotFound(f"There is no {kind} '{name}' on the Hub, nor a local folder of that name.")
    if among(errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError):
        return OutOfReach(f"The {kind} '{name}' is not in the local cache, and the Hub is out of reach.")
    if "trust_remote_code" in text:
        return Refused(
            f"The {kind} '{name}' runs code from its own repository, and a metric loads none such."
        )
    if "safetensors" in text:
        return Refused(
            f"The {kind} '{name}' holds no safetensors weights, and a metric loads nothing else "
            "(pickles can run code)."
        )
    return BadEvaluation(f"The {kind} '{name}' does not load: {first_line(error)}")


def first_line(error: Exception) -> str:
    """Return the first line of what an exception says, or its kind where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
