"""Presets on Hugging Face: hf://owner/name[@revision]. huggingface_hub is imported when it is needed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.presets.layout import METADATA, PATTERNS

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

    Only names that a preset may contain are fetched. Name the hash of a commit to get the same files always.

    Args:
        uri: see `parse`.

    Raises:
        ImportError: huggingface_hub is not installed.
        ValueError: the address is malformed, or the preset cannot be fetched.
    """
    repository, revision = parse(uri)
    hub = _hub()
    try:
        return Path(hub.snapshot_download(repo_id=repository, revision=revision, allow_patterns=PATTERNS))
    except Exception as error:  # of many kinds, from several libraries
        said = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"'{uri}' cannot be fetched: {said[:300]}") from error


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
        allow_patterns=[METADATA, *contents.metadata["files"]],
        commit_message="Upload a preset",
    )
    return str(getattr(commit, "commit_url", commit))


def _hub():
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError("Presets on Hugging Face need huggingface_hub: pip install huggingface_hub.") from error
    return huggingface_hub
