"""Rules that a SavedModel must meet to be served, checked on its files.

Each rule is named after its violation. A model may break rules and still load and run in Python.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

SIGNATURE = "serving_default"
NAME = re.compile(r"[a-z][a-z0-9_]*")
TYPES = {
    types_pb2.DT_FLOAT: "float32",
    types_pb2.DT_INT32: "int32",
    types_pb2.DT_INT64: "int64",
    types_pb2.DT_STRING: "string",
    types_pb2.DT_BOOL: "bool",
}
INIT = "__saved_model_init_op"  # TensorFlow's own
PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
ASSIGNS = re.compile(r"Assign(Add|Sub)?Variable\w*|Resource(Scatter|Apply|StridedSliceAssign)\w*|StridedSliceAssign")
RANDOM = re.compile(
    r"(?!Stateless|RandomGammaGrad)"
    r"(Random|Multinomial|Rng|SampleDistorted|\w*TruncatedNormal|NonDeterministic|\w*CandidateSampler"
    r"|Stateful(?!PartitionedCall))\w*"
)


class Finding(NamedTuple):
    """A broken rule, with a sentence on how."""

    rule: str
    message: str

    def __str__(self):
        return f"{self.rule}: {self.message}"


class Written(NamedTuple):
    """A SavedModel as it was written.

    Args:
        meta_graphs: all `MetaGraphDef`s.
        signatures: name -> `SignatureDef`, of the first one.
        saved: names of the tensors in its checkpoint.
    """

    meta_graphs: list
    signatures: dict
    saved: list[str]

    @property
    def graph(self):
        """The first graph."""
        return self.meta_graphs[0].graph_def

    @property
    def nodes(self):
        """Nodes of the main graph by name."""
        return {node.name: node for node in self.graph.node}

    def behind(self, names):
        """Returns the nodes of the main graph that tensors or operations are computed from.

        Args:
            names: their names.
        """
        nodes, found, left = self.nodes, {}, list(names)
        while left:
            name = left.pop().lstrip("^").partition(":")[0]
            if name in nodes and name not in found:
                found[name] = nodes[name]
                left += nodes[name].input
        return list(found.values())

    def serving_nodes(self):
        """Yields the nodes of all signatures, those within functions too."""
        library = {function.signature.name: function for function in self.graph.library.function}
        left = self.behind(info.name for signature in self.signatures.values() for info in signature.outputs.values())
        seen = set()
        while left:
            node = left.pop()
            yield node
            for name in _functions(node):
                if name in library and name not in seen:
                    seen.add(name)
                    left += library[name].node_def

    def variables(self, names):
        """Returns the names of the variables that tensors or operations of the main graph are computed from.

        Args:
            names: their names.
        """
        return {node.name for node in self.behind(names) if node.op == "VarHandleOp"}


def _functions(node):
    for value in node.attr.values():
        yield from (function.name for function in [value.func, *value.list.func] if function.name)


_RULES: dict[str, Callable] = {}


def rule(function):
    """Registers a function of a `Written` to sentences, none if all is well, as a rule of its name; a decorator."""
    _RULES[function.__name__] = function
    return function


def lint(folder):
    """Returns the rules that a SavedModel breaks.

    Args:
        folder: path of the folder with `saved_model.pb`.

    Returns:
        A list of `Finding`, empty if all is well.
    """
    try:
        written = _written(Path(folder))
    except (OSError, DecodeError, IndexError, ValueError, tf.errors.OpError) as error:
        return [Finding("incomplete", f"'{folder}' is not a complete SavedModel: {error}")]
    return [Finding(name, message) for name, function in _RULES.items() for message in function(written)]


def _written(folder):
    """Reads a SavedModel, with all tensors of its checkpoint: a listed one may be missing."""
    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    checkpoint = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    saved = list(checkpoint.get_variable_to_shape_map())
    for name in saved:
        checkpoint.get_tensor(name)
    meta_graphs = list(model.meta_graphs)
    for asset in meta_graphs[0].asset_file_def:
        if not (folder / "assets" / asset.filename).is_file():
            raise FileNotFoundError(f"{asset.filename} is missing.")
    signatures = {name: value for name, value in meta_graphs[0].signature_def.items() if name != INIT}
    return Written(meta_graphs, signatures, [name for name in saved if name != "_CHECKPOINTABLE_OBJECT_GRAPH"])


@rule
def tags(written):
    """Checks that the graph has the tag serve alone."""
    found = [sorted(graph.meta_info_def.tags) for graph in written.meta_graphs]
    if found != [["serve"]]:
        yield f"Expected one graph with the tag serve alone, got {found}."


@rule
def no_serving_default(written):
    """Checks that there is a default signature."""
    if SIGNATURE not in written.signatures:
        yield f"Expected a signature {SIGNATURE}, got {', '.join(written.signatures) or 'none'}."


def _tensors(written):
    """Yields the names of a signature and of one of its tensors, whether that is an input, and its `TensorInfo`."""
    for signature, definition in written.signatures.items():
        for name, info in definition.inputs.items():
            yield signature, name, True, info
        for name, info in definition.outputs.items():
            yield signature, name, False, info


@rule
def names(written):
    """Checks that names are such as REST and clients in other languages take."""
    for signature, name, _, _ in _tensors(written):
        for value in (signature, name):
            if not NAME.fullmatch(value):
                yield f"Expected names of small letters, digits and underscores, got '{value}' in '{signature}'."


@rule
def types(written):
    """Checks that REST knows the types."""
    for signature, name, _, info in _tensors(written):
        if info.dtype not in TYPES:
            kind = types_pb2.DataType.Name(info.dtype)
            yield f"'{name}' of '{signature}' is {kind}; REST knows only {', '.join(TYPES.values())}. Cast it."


@rule
def string_without_bytes(written):
    """Checks that names of outputs that are bytes say so."""
    for signature, name, is_input, info in _tensors(written):
        if not is_input and info.dtype == types_pb2.DT_STRING and not name.endswith("_bytes"):
            yield f"'{name}' of '{signature}' is a string, which REST takes for UTF-8: name it '{name}_bytes'."


@rule
def no_batch_axis(written):
    """Checks that the first axis of each tensor counts the rows."""
    for signature, name, is_input, info in _tensors(written):
        shape = [dim.size for dim in info.tensor_shape.dim]
        if info.tensor_shape.unknown_rank or not shape or shape[0] != -1:
            advice = " A seed is [None, 2], one for each row." if is_input else ""
            yield f"'{name}' of '{signature}' is of shape {shape}; rows need a first axis of unknown size.{advice}"


@rule
def unknown_size(written):
    """Checks that all other axes of inputs have known sizes."""
    for signature, name, is_input, info in _tensors(written):
        if is_input and any(dim.size == -1 for dim in info.tensor_shape.dim[1:]):
            yield f"'{name}' of '{signature}' has an axis of unknown size besides the first: a client cannot know it."


@rule
def not_a_tensor(written):
    """Checks that inputs and outputs are tensors of the graph."""
    for signature, name, is_input, info in _tensors(written):
        if info.WhichOneof("encoding") != "name":
            yield f"'{name}' of '{signature}' is not a plain tensor. Return its tensors by their names."
        elif not is_input and not written.behind([info.name]):
            yield f"'{name}' of '{signature}' is not in the graph."


@rule
def python_function(written):
    """Checks that no signature calls Python."""
    for op in sorted({node.op for node in written.serving_nodes()} & PYTHON):
        yield f"{op} calls Python, which a server does not have. Write it in TensorFlow's operations."


@rule
def jit_compile(written):
    """Checks that no signature must be compiled by XLA."""
    library = {function.signature.name: function for function in written.graph.library.function}
    for node in written.serving_nodes():
        compiled = [name for name in _functions(node) if name in library and library[name].attr["_XlaMustCompile"].b]
        if compiled or node.attr["_XlaMustCompile"].b or "_xla_compile_id" in node.attr:
            yield f"'{node.name}' must be compiled by XLA, which a server refuses. Leave out jit_compile."


@rule
def stateful_random(written):
    """Checks that no signature draws from a state."""
    for op in sorted({node.op for node in written.serving_nodes() if RANDOM.fullmatch(node.op)}):
        yield f"{op} draws from a state, which each start of a server repeats. Draw from a seed in the request."


@rule
def changed_variable(written):
    """Checks that signatures only read variables."""
    for op in sorted({node.op for node in written.serving_nodes() if ASSIGNS.fullmatch(node.op)}):
        yield f"{op} changes a variable while it serves, as a SeedGenerator does. Signatures only read."


def _read(written):
    return written.variables(info.name for _, _, is_input, info in _tensors(written) if not is_input)


@rule
def unrestored_variable(written):
    """Checks that all variables that are read are restored."""
    restored = written.variables([written.meta_graphs[0].saver_def.restore_op_name])
    for name in sorted(_read(written) - restored):
        yield (
            f"'{name}' is read, but the server restores another copy: a Keras object is attached to what was saved. "
            f"Attach the variables of the concrete functions alone."
        )


@rule
def unread_variable(written):
    """Checks that all variables that are saved are read."""
    restored = written.variables([written.meta_graphs[0].saver_def.restore_op_name])
    for name in sorted(restored - _read(written)):
        yield f"'{name}' is saved, but no signature reads it: the optimizer's, or another copy. Leave it out."


@rule
def variable_twice(written):
    """Checks that each variable is saved once."""
    read = _read(written)
    if len(written.saved) > len(read):
        yield f"{len(written.saved)} tensors are saved for {len(read)} variables: some are saved twice."
