"""What a kind of file is."""

from abc import ABC, abstractmethod


class FileKind(ABC):
    """A kind of file, or of folder of such files, that user data come in. To write one: `name`, `suffixes`, `read`.

    Attributes:
        name: of the kind, in messages.
        suffixes: of its files' names, in lower case.
        options: settings that name something within the file: "key", "labels".
        single: whether a path may be one such file.
        folders: whether a path may be a folder of such files.
        decodes_images: whether `channels` and `image_size` decode and resize its images.
    """

    name: str
    suffixes: tuple[str, ...]
    options: tuple[str, ...] = ()
    single = True
    folders = False
    decodes_images = False

    @abstractmethod
    def read(self, path, settings):
        """Reads a file or a folder.

        Args:
            path: Path of a file with one of the `suffixes`, or of a folder with such files if `folders`.
            settings: `DataSettings`.

        Returns:
            A `Parsed`.

        Raises:
            ValueError: It is damaged, or does not hold examples; the message says what to do.
        """
