"""Original data files: read from folders or downloaded, checked, and made into data sets."""

import gzip
import hashlib
import importlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from training.data import load_dataset
from training.data.named.downloads import Source, read

# The package gives these names to functions, so the modules are fetched by path.
MNIST = importlib.import_module("training.data.named.mnist")
STATIC_MNIST = importlib.import_module("training.data.named.static_mnist")

CONTENT = bytes(range(256)) * 8
PACKED = gzip.compress(CONTENT, mtime=0)
NO_GZIP = {
    "text": b"<html>Moved.</html>",
    "cut off": PACKED[:-10],
    "wrong checksum": PACKED[:-8] + bytes(4) + PACKED[-4:],
    "garbled": PACKED[:10] + b"\xff" * 8 + PACKED[18:],
}


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def original(*urls):
    return Source("set/file", md5(CONTENT), urls or ("http://mirror.invalid/file.gz",))


def parts(dataset):
    return [dataset.train, dataset.validation, dataset.test]


def rows(x):
    return sorted(example.tobytes() for example in x)


# idx files


def idx(x):
    return bytes([0, 0, 8, x.ndim]) + np.array(x.shape, ">u4").tobytes() + x.tobytes()


@pytest.mark.parametrize("shape", [(5,), (0,), (300, 2), (3, 4, 5), (2, 1, 3, 2)])
def test_idx_file_gives_its_array(shape):
    x = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    parsed = MNIST.parse_idx(idx(x))
    assert parsed.dtype == np.uint8
    assert parsed.shape == shape
    assert np.array_equal(parsed, x)


@pytest.mark.parametrize("start", [b"", b"\x00\x00\x08", b"\x00\x00\x0d\x01", b"\x1f\x8b\x08\x00", b"<htm"])
def test_other_files_are_no_idx_files(start):
    with pytest.raises(ValueError, match=f"begins with 00 00 08, got {start[:4].hex(' ')}"):
        MNIST.parse_idx(start + bytes(20) if len(start) == 4 else start)


@pytest.mark.parametrize("length", [4, 5, 15, 16, 75, 77])
def test_idx_file_of_the_wrong_length_is_refused(length):
    content = idx(np.ones((3, 4, 5), np.uint8)) + b"\x01"
    assert len(content) == 77
    with pytest.raises(ValueError, match="idx file"):
        MNIST.parse_idx(content[:length])


# files in a folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A function that puts content into a data folder under a name; without content it gives just the folder."""
    monkeypatch.delenv("ZOO_DATA_DIR", raising=False)
    monkeypatch.setenv("ZOO_CACHE_DIR", str(tmp_path / "cache"))

    def put(name=None, content=None):
        if name:
            (tmp_path / "data" / "set").mkdir(parents=True, exist_ok=True)
            (tmp_path / "data" / "set" / name).write_bytes(content)
        return tmp_path / "data"

    return put


@pytest.mark.parametrize(("name", "content"), [("file", CONTENT), ("file.gz", PACKED)])
def test_file_is_found_plain_or_compressed(folder, monkeypatch, name, content):
    data = folder(name, content)
    assert read(original(), data) == CONTENT
    assert read(original(), str(data)) == CONTENT
    monkeypatch.setenv("ZOO_DATA_DIR", str(data))
    assert read(original()) == CONTENT


def test_folder_that_is_given_goes_before_the_environment(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path / "empty"))
    assert read(original(), folder("file", CONTENT)) == CONTENT


def test_missing_file_is_named_with_where_to_get_it(folder):
    with pytest.raises(FileNotFoundError) as error:
        read(original(), folder())
    assert str(folder() / "set" / "file") in str(error.value)
    assert original().urls[0] in str(error.value)
    assert not folder().exists()


@pytest.mark.parametrize("damage", NO_GZIP)
def test_damaged_file_is_named(folder, damage):
    data = folder("file.gz", NO_GZIP[damage])
    with pytest.raises(ValueError, match="damaged") as error:
        read(original(), data)
    assert str(data / "set" / "file.gz") in str(error.value)
    assert original().urls[0] in str(error.value)
    assert (data / "set" / "file.gz").read_bytes() == NO_GZIP[damage]  # a user's file is not removed


@pytest.mark.parametrize(("name", "pack"), [("file", bytes), ("file.gz", gzip.compress)])
def test_other_content_is_refused_with_both_checksums(folder, name, pack):
    data = folder(name, pack(b"other"))
    with pytest.raises(ValueError) as error:
        read(original(), data)
    for word in (str(data / "set" / name), md5(b"other"), md5(CONTENT)):
        assert word in str(error.value)


# downloads


class Server(ThreadingHTTPServer):
    """Mirrors on this machine: `pages` maps a path to its content, `asked` lists the paths that were asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages, self.asked = {}, []

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.pages.get(self.path)
        if content is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", len(content) + (100 if self.path.startswith("/broken-off") else 0))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def files_below(path):
    return [file for file in path.rglob("*") if file.is_file()]


BAD_MIRRORS = {
    "/not-there/file.gz": None,
    "/other/file.gz": gzip.compress(b"other"),
    "/other/file": b"other",
    "/broken-off/file.gz": PACKED,
    **{f"/{damage.replace(' ', '-')}/file.gz": content for damage, content in NO_GZIP.items()},
}


@pytest.mark.parametrize("bad", BAD_MIRRORS)
def test_second_mirror_helps_and_its_file_is_kept(folder, server, tmp_path, bad):
    good, content = ("/good/file.gz", PACKED) if bad.endswith(".gz") else ("/good/file", CONTENT)
    server.pages = {bad: BAD_MIRRORS[bad], good: content}
    source = original(server.url(bad), server.url(good))
    assert read(source) == CONTENT
    assert server.asked == [bad, good]
    server.shutdown()
    server.server_close()
    assert read(source) == CONTENT
    assert len(files_below(tmp_path / "cache")) == 1


@pytest.mark.parametrize("bad", BAD_MIRRORS)
def test_failed_download_leaves_nothing_and_names_what_was_tried(folder, server, tmp_path, bad):
    server.pages = {bad: BAD_MIRRORS[bad]}
    source = original(server.url(bad), server.url("/nowhere/file"))
    with pytest.raises(FileNotFoundError) as error:
        read(source)
    assert files_below(tmp_path) == []
    for word in ("set/file", str(tmp_path / "cache"), *source.urls, "--data-dir", "ZOO_DATA_DIR"):
        assert word in str(error.value)


def test_damaged_file_in_the_cache_is_downloaded_anew(folder, server, tmp_path):
    server.pages = {"/one/file.gz": PACKED, "/two/file.gz": PACKED}
    kept = tmp_path / "cache" / "set" / "file.gz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(NO_GZIP["cut off"])
    assert read(original(server.url("/one/file.gz"), server.url("/two/file.gz"))) == CONTENT
    assert kept.read_bytes() == PACKED


def test_nothing_is_downloaded_into_a_folder_of_the_user(folder, server, tmp_path):
    server.pages = {"/file.gz": PACKED}
    with pytest.raises(FileNotFoundError):
        read(original(server.url("/file.gz")), folder())
    assert server.asked == []
    assert files_below(tmp_path) == []


# MNIST and its like, from small files


@pytest.fixture
def small_mnist(monkeypatch):
    """Idx files of seven training and three test images, of which the last two training images are for validation."""
    rng = np.random.default_rng(0)
    files = {
        "train-images-idx3-ubyte": rng.integers(256, size=(7, 28, 28), dtype=np.uint8),
        "train-labels-idx1-ubyte": np.array([5, 0, 4, 1, 9, 2, 1], np.uint8),
        "t10k-images-idx3-ubyte": rng.integers(256, size=(3, 28, 28), dtype=np.uint8),
        "t10k-labels-idx1-ubyte": np.array([7, 2, 1], np.uint8),
    }
    monkeypatch.setattr(MNIST, "VALIDATION", 2)
    return files, lambda name: monkeypatch.setattr(
        MNIST, "read", lambda source, data_dir: idx(files[source.path.removeprefix(f"{name}/")])
    )


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_mnist_is_read_from_idx_files(small_mnist, name):
    files, serve = small_mnist
    serve(name)
    dataset = load_dataset(name, "none")
    train, test = (np.float32(files[f"{part}-images-idx3-ubyte"][..., None]) / 255 for part in ("train", "t10k"))
    assert dataset.support == "unit"
    for got, expected in zip(parts(dataset), (train[:5], train[5:], test), strict=True):
        assert got.dtype == np.float32
        assert np.array_equal(got, expected)
    assert dataset.labels.tolist() == [7, 2, 1]
    assert dataset.train_labels.tolist() == [5, 0, 4, 1, 9]
    assert load_dataset(name).binarize == "dynamic"


def amat(x):
    """An array of zeros and ones as text, a line an example."""
    return "".join(" ".join(map(str, example.ravel())) + " \n" for example in x).encode()


def test_static_mnist_is_read_from_text(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    files = {part: rng.integers(2, size=(n, 28, 28, 1)) for part, n in {"train": 5, "valid": 2, "test": 9}.items()}
    (tmp_path / "static_mnist").mkdir()
    for part, x in files.items():
        (tmp_path / "static_mnist" / f"binarized_mnist_{part}.amat").write_bytes(amat(x))
    monkeypatch.setattr(STATIC_MNIST, "CHECKSUMS", {part: md5(amat(x)) for part, x in files.items()})

    dataset, again = (load_dataset("static_mnist", data_dir=tmp_path) for _ in range(2))
    assert (dataset.support, dataset.binarize) == ("binary", "static")
    np.testing.assert_array_equal(dataset.train, files["train"])
    np.testing.assert_array_equal(dataset.validation, files["valid"])
    assert (dataset.labels, dataset.train_labels) == (None, None)
    test = np.uint8(files["test"])
    assert rows(dataset.test) == rows(test)
    assert not np.array_equal(dataset.test, test)  # shuffled
    assert np.array_equal(dataset.test, again.test)
