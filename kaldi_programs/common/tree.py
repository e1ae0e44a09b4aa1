"""Kaldi's phonetic decision tree: which pdf a phone, in its context, has in each of its states.

The file format is that of tree/context-dep.cc and tree/event-map.cc in Kaldi, binary and text. The recipe's tree is a
table of monophones; trees of triphones are read and written too, but not built here.
"""

from __future__ import annotations

from dataclasses import dataclass

from asrser_io.files import Failure
from asrser_io.streams import open_object
from asrser_io.values import (
    expect_token,
    read_int32,
    read_int_vector,
    read_token,
    read_uint32,
    write_int32,
    write_int_vector,
    write_token,
    write_uint32,
)

PDF_CLASS = -1  # the key of an event that means "which of the phone's pdf classes"; keys 0, 1 … are phone positions


@dataclass
class Leaf:
    pdf: int

    def pdfs(self):
        return [self.pdf]


@dataclass
class Table:
    """One branch for each value of `key`; None where a value never occurs."""

    key: int
    branches: list

    def pdfs(self):
        return [pdf for branch in self.branches if branch is not None for pdf in branch.pdfs()]


@dataclass
class Split:
    """`yes` where the value of `key` is one of `values`, otherwise `no`."""

    key: int
    values: list[int]
    yes: Leaf | Table | Split
    no: Leaf | Table | Split

    def pdfs(self):
        return self.yes.pdfs() + self.no.pdfs()


@dataclass
class ContextDependency:
    context_width: int
    central_position: int
    to_pdf: Leaf | Table | Split

    def num_pdfs(self) -> int:
        return max(self.to_pdf.pdfs()) + 1

    def write(self, file, binary: bool) -> None:
        write_token(file, "ContextDependency", binary)
        write_int32(file, self.context_width, binary)
        write_int32(file, self.central_position, binary)
        write_token(file, "ToPdf", binary)
        _write_node(file, self.to_pdf, binary)
        write_token(file, "EndContextDependency", binary)

    def to_wheel(self):
        """The same tree as an object of kaldi_hmm_gmm, whose pickle is Kaldi's own binary format."""
        import io

        from kaldi_programs.common.wheels import wheel_object

        file = io.BytesIO()
        self.write(file, binary=True)
        return wheel_object("ContextDependency", ([byte - 256 if byte > 127 else byte for byte in file.getvalue()],))


def monophone_tree(phone_sets: list[list[int]], topology) -> ContextDependency:
    """A tree with its own pdfs for each set of phones, one for each pdf class."""
    import io

    import kaldi_hmm_gmm as khg

    num_pdf_classes = [0] * (1 + topology.phones[-1])
    for phone in topology.phones:
        num_pdf_classes[phone] = topology.num_pdf_classes(phone)
    tree = khg.monophone_context_dependency_shared(phone_sets, num_pdf_classes)
    (signed_bytes,) = tree.__getstate__()
    data = bytes(byte & 255 for byte in signed_bytes)
    return parse_tree(io.BufferedReader(io.BytesIO(data)), binary=True)


def read_tree(rxfilename: str) -> ContextDependency:
    with open_object(rxfilename) as (file, binary):
        return parse_tree(file, binary)


def parse_tree(file, binary: bool) -> ContextDependency:
    expect_token(file, "ContextDependency", binary)
    context_width = read_int32(file, binary)
    central_position = read_int32(file, binary)
    expect_token(file, "ToPdf", binary)
    to_pdf = _read_node(file, binary)
    if to_pdf is None:
        raise Failure("an empty decision tree")
    expect_token(file, "EndContextDependency", binary)
    return ContextDependency(context_width, central_position, to_pdf)


def _read_node(file, binary: bool):
    token = read_token(file, binary)
    if token == "NULL":
        return None
    if token == "CE":
        return Leaf(read_int32(file, binary))
    if token == "TE":
        key = read_int32(file, binary)
        size = read_uint32(file, binary)
        expect_token(file, "(", binary)
        branches = [_read_node(file, binary) for _ in range(size)]
        expect_token(file, ")", binary)
        return Table(key, branches)
    if token == "SE":
        key = read_int32(file, binary)
        values = [int(value) for value in read_int_vector(file, binary)]
        expect_token(file, "{", binary)
        yes, no = _read_node(file, binary), _read_node(file, binary)
        expect_token(file, "}", binary)
        if yes is None or no is None:
            raise Failure("a split of the decision tree lacks a branch")
        return Split(key, values, yes, no)
    raise Failure(f"expected a node of a decision tree (NULL, CE, TE or SE), found {token!r}")


def _write_node(file, node, binary: bool) -> None:
    if node is None:
        write_token(file, "NULL", binary)
    elif isinstance(node, Leaf):
        write_token(file, "CE", binary)
        write_int32(file, node.pdf, binary)
    elif isinstance(node, Table):
        write_token(file, "TE", binary)
        write_int32(file, node.key, binary)
        write_uint32(file, len(node.branches), binary)
        write_token(file, "(", binary)
        for branch in node.branches:
            _write_node(file, branch, binary)
        write_token(file, ")", binary)
    else:
        write_token(file, "SE", binary)
        write_int32(file, node.key, binary)
        write_int_vector(file, node.values, binary)
        write_token(file, "{", binary)
        _write_node(file, node.yes, binary)
        _write_node(file, node.no, binary)
        write_token(file, "}", binary)
    if isinstance(node, Table | Split) and not binary:
        file.write(b"\n")
