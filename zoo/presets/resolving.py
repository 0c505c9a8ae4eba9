"""Where a preset is: a name of ours, a folder, or a repository on Hugging Face ↦ a folder."""

import os
import re
from contextlib import suppress
from pathlib import Path

from zoo.presets.collection import folders
from zoo.presets.hub import SCHEME, download

NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")  # no path


def resolve(preset: str | Path) -> Path:
    """Returns the folder of a preset or a run; fetches it from Hugging Face if it is there.

    A name of ours comes before a folder of that name; "./name" and a `Path` are always folders.

    Args:
        preset: see `VAE.from_preset`.

    Raises:
        FileNotFoundError: there is no such preset or folder.
        ValueError: it is no text or path, or a malformed address.
        ImportError: huggingface_hub is not installed.
    """
    if not isinstance(preset, str | os.PathLike) or not str(preset):
        raise ValueError(f"Expected {forms()}, got {preset!r}.")
    if isinstance(preset, str):
        if preset.startswith(SCHEME):
            return download(preset)
        if re.match(r"\w+://", preset):
            raise ValueError(f"Expected {forms()}, got '{preset}'.")
        if NAME.fullmatch(preset) and preset in folders():
            return folders()[preset]
    folder = Path(preset)
    with suppress(RuntimeError):  # there is no such user
        folder = folder.expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"No preset '{preset}'. Expected {forms()}.")
    return folder


def forms() -> str:
    """Returns what can be loaded, for messages."""
    names = ", ".join(folders()) or "none yet"
    return f"the name of a preset ({names}), the folder of a preset or of a run, or hf://owner/name[@revision]"
