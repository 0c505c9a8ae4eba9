"""Presets on Hugging Face: hf://owner/name[@revision]. huggingface_hub is imported when it is needed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo import memory
from zoo.presets.layout import MAX_FILES, MAX_FURTHER, METADATA, WEIGHTS, is_allowed, one_line

SCHEME = "hf://"
WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
ADDRESS = re.compile(rf"hf://({WORD}/{WORD})(?:@([A-Za-z0-9_][A-Za-z0-9_./-]{{0,199}}))?")


def parse(uri: str) -> tuple[str, str | None]:
    """Returns the repository and the revision of an address.

    Args:
        uri: hf://owner/name or hf://owner/name@revision, a branch, a tag or the hash of a commit.

    Raises:
        ValueError: it is none.
    """
    found = ADDRESS.fullmatch(uri) if isinstance(uri, str) else None
    if found is None or ".." in uri or "--" in uri.partition("@")[0]:
        raise ValueError(
            f"Expected hf://owner/name, or hf://owner/name@revision for a branch, a tag or a commit, got {uri!r}."
        )
    return found[1], found[2]


def download(uri: str) -> Path:
    """Returns the folder of a preset on Hugging Face, of which all files are fetched.

    Only names that a preset may contain are fetched, after a check of their sizes. Name the hash of a commit to get
    the same files always.

    Args:
        uri: see `parse`.

    Raises:
        ImportError: huggingface_hub is not installed.
        ValueError: the address is malformed, or the preset cannot be fetched.
    """
    repository, revision = parse(uri)
    hub = _hub()
    try:
        found = hub.model_info(repository, revision=revision, files_metadata=True)
    except Exception as error:  # of many kinds, from several libraries; without a network, what was fetched before
        return _fetched(uri, hub, error, revision=revision, local_files_only=True)
    # By the hash of the commit, so that the files are those whose sizes were checked.
    return _fetched(uri, hub, None, revision=found.sha, allow_patterns=_names(uri, found.siblings))


def _fetched(uri, hub, reason, **arguments):
    try:
        return Path(hub.snapshot_download(repo_id=parse(uri)[0], **arguments))
    except Exception as error:
        raise ValueError(f"'{uri}' cannot be fetched: {one_line(reason or error)}.") from error


def _names(uri, files):
    """Returns the names of those files of a repository that a preset may contain.

    Raises:
        ValueError: they are too many or too large.
    """
    sizes = {
        file.rfilename: file.size or 0 for file in files if file.rfilename == METADATA or is_allowed(file.rfilename)
    }
    weights = sizes.get(WEIGHTS, 0)
    if len(sizes) > MAX_FILES or sum(sizes.values()) - weights > MAX_FURTHER:
        raise ValueError(
            f"'{uri}' is no preset: expected at most {MAX_FILES} files, and {MAX_FURTHER:,} bytes beside the weights, "
            f"got {len(sizes):,} files of {sum(sizes.values()) - weights:,} bytes."
        )
    memory.check(2 * weights, f"the weights of '{uri}' to fit into memory, but they take", "Use a larger machine")
    return list(sizes)


def upload_preset(uri: str, folder: str | Path, custom_objects: Mapping[str, Any] | None = None) -> str:
    """Uploads a preset to Hugging Face, as one commit, after a check that it loads.

    Args:
        uri: hf://owner/name, or hf://owner/name@branch. The repository is created if there is none. Log in with
            `hf auth login`, or set HF_TOKEN.
        folder: of the preset.
        custom_objects: see `VAE.from_preset`.

    Returns:
        The address of the commit.

    Raises:
        ImportError: huggingface_hub is not installed.
        FileNotFoundError, ValueError: the folder contains no preset, or one that does not load.
    """
    from zoo.presets.loading import build, read

    repository, branch = parse(uri)
    folder = Path(folder).expanduser()
    if not (folder / METADATA).is_file():
        raise FileNotFoundError(f"No preset in '{folder}': {METADATA} is missing. Make one by vae.save_to_preset.")
    contents = read(folder, custom_objects)
    build(contents, custom_objects)
    hub = _hub()
    hub.create_repo(repo_id=repository, exist_ok=True)
    commit = hub.upload_folder(
        repo_id=repository,
        folder_path=folder,
        revision=branch,
        allow_patterns=[METADATA, *(contents.metadata or {}).get("files", ())],
        commit_message="Upload a preset",
    )
    return str(getattr(commit, "commit_url", commit))


def _hub():
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError("Presets on Hugging Face need huggingface_hub: pip install huggingface_hub.") from error
    return huggingface_hub
