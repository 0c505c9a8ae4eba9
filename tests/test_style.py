"""What the linters cannot see: complexity, the mood of docstrings, and words of our own. Part of `make lint`."""

import ast
import re

import pytest
from radon.complexity import cc_visit
from radon.visitors import Function

from tests import ROOT

MOST = 12  # cyclomatic complexity of a function
PRODUCT = [path for package in ("zoo", "training", "export", "benchmarks") for path in (ROOT / package).rglob("*.py")]
FILES = [*PRODUCT, *(ROOT / "tests").rglob("*.py")]
PROSE = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
# Words that a reader of Keras and TFP would have to translate, and the field's.
OUR_WORDS = {
    r"\banew\b": "again, new",
    r"\blest\b": "so that … not",
    r"\bobey(s|ed)?\b": "handle",
    r"\bnumbers that go wrong\b": "NaN and Inf",
    r"\b(data|networks|parts) of (one's|your|the user's) own\b": "user data, your own data",
    r"\bthe laws? of\b": "the distribution of",
    r"\bwhole or not at all\b": "atomically",
    r"\b\w+(ard|im|al|er|ar|et)is(e|ed|es|ing|ation)\b(?<!otherwise)": "-ize",
    r"\b(grey|colour|behaviour|neighbour)": "gray, color, behavior, neighbor",
    r"\bdraws for an example\b": "draws per example",
    r"\bunless (told otherwise|a class says otherwise)\b": "by default",
    r"\blayer that all of them share\b": "base class",
    r"\bturned round\b": "reversed, in reverse order",
    r"\b(is|are|was|were) told of\b": "adapt, know",
    r"\bout of (its|their) support\b": "outside of its support",
    r"\bis no data of\b": "has another shape or support than",
    r"\b[Ll]ogged are\b": "The logs contain",
    r"\bExpected (as|of) the\b": "Expected the … to be …",
}


def name(path):
    return str(path.relative_to(ROOT))


def functions(path):
    """The functions and methods of a file, with the class that they are in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef):
                yield child, node


def is_property(function):
    return any(
        "property" in ast.unparse(decorator) or "setter" in ast.unparse(decorator)
        for decorator in function.decorator_list
    )


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_function_is_complex(path):
    blocks = [block for block in cc_visit(path.read_text(encoding="utf-8")) if isinstance(block, Function)]
    over = {block.fullname: block.complexity for block in blocks if block.complexity > MOST}
    assert not over, f"Split these functions, whose cyclomatic complexity is over {MOST}: {over}"


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_docstrings_of_functions_begin_with_a_verb(path):
    """In the third person, as those of Keras and TFP do: "Returns …"."""
    for function, _ in functions(path):
        words = (ast.get_docstring(function) or "").split()
        if words and not is_property(function):
            verb = words[0].strip(".,:")
            is_verb = re.fullmatch(r"[A-Z][a-z]+s", verb) and verb not in ("This", "Its", "As")
            assert is_verb, f"{name(path)}:{function.lineno} {function.name}: '{' '.join(words[:8])} …'"


@pytest.mark.parametrize("path", [*PRODUCT, *PROSE], ids=name)
def test_plain_words(path):
    text = path.read_text(encoding="utf-8")
    for words, instead in OUR_WORDS.items():
        found = re.search(words, text)
        assert not found, f"{name(path)}: '{found[0]}'; write: {instead}"


def test_probability_has_one_source():
    importing = {name(path) for path in PRODUCT if re.search(r"import tensorflow_probability", path.read_text("utf-8"))}
    assert importing == {"zoo/probability.py"}
