"""The data of a run: a named data set, or user data."""

from training.data.columns import with_columns
from training.data.memory import memory_errors_named
from training.data.named import dataset_names, load_dataset
from training.data.names import is_name
from training.data.user_data import load_user_data

USER_DATA_OPTIONS = ("validation_data", "test_data", "support", "image_size", "channels", "key", "labels")


def data_of(settings):
    """Returns the data set that settings ask for.

    Args:
        settings: `training.data.settings.DataSettings`.

    Returns:
        A `Dataset`.

    Raises:
        KeyError: No data set has that name.
        FileNotFoundError: There is nothing at a path, or an original file is missing.
        ValueError: The data cannot be used so, see `load_dataset` and `load_user_data`; or an option for user data is
            set for a named data set.
    """
    return with_columns(_all_of(settings), settings.columns, settings.filled)


def _all_of(settings):
    if not is_name(settings.data, dataset_names()):
        return load_user_data(settings)
    others = [name for name in USER_DATA_OPTIONS if getattr(settings, name) is not None]
    if others and settings.data in dataset_names():
        raise ValueError(
            f"--{others[0].replace('_', '-')} is for user data, and '{settings.data}' is a data set of the "
            f"zoo. Leave it out; or name a file or folder with ./{settings.data}."
        )
    with memory_errors_named(settings.data):
        return load_dataset(settings.data, settings.binarize, settings.data_dir)
