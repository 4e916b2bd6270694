"""The mutants of a file: every change that mutmut's operators make to it, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

_NOT_LOGIC = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.Assert)
_CALLS_LEFT = ("len", "isinstance")
"""As mutmut does: without their argument they fail whatever the test."""


@dataclass(frozen=True)
class Mutant:
    """One change to one file."""

    file: str
    """From the project's root."""
    line: int
    text: str
    """That line, as it is now."""
    after: str
    """What stands in place of the expression or statement that is changed."""
    _module: cst.Module = field(repr=False, compare=False)
    _node: cst.CSTNode = field(repr=False, compare=False)
    _change: cst.CSTNode = field(repr=False, compare=False)

    def source(self) -> str:
        """The file with the change."""
        return cst.ensure_type(self._module.deep_replace(self._node, self._change), cst.Module).code

    def diff(self) -> str:
        """The lines that differ."""
        lines = unified_diff(self._module.code.splitlines(), self.source().splitlines(), n=0, lineterm="")
        return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def mutants(root: Path, file: str) -> list[Mutant]:
    """All mutants of a file, in the order of its text."""
    code = (root / file).read_text(encoding="utf-8")
    wrapper = MetadataWrapper(cst.parse_module(code))
    finder = _Finder()
    wrapper.visit(finder)
    lines, module = code.splitlines(), wrapper.module
    return [
        Mutant(file, line, lines[line - 1].strip(), module.code_for_node(change).strip(), module, node, change)
        for line, node, change in finder.found
    ]


class _Finder(cst.CSTVisitor):
    """Like mutmut's own, which leaves out whatever is decorated: it changes functions where they run, we files."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _is_left_alone(node):
            return False
        self.found += [(self._line(node), node, change) for change in _changes(node)]
        return True

    def _line(self, node: cst.CSTNode) -> int:
        return int(self.get_metadata(PositionProvider, node).start.line)


def _changes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            yield from operator(node)


def _is_left_alone(node: cst.CSTNode) -> bool:
    match node:
        case cst.Call(func=cst.Name(value=name)):
            return name in _CALLS_LEFT
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value="__slots__"))]):
            return True
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=cst.Subscript()):
            return name[0].isupper() and not name.isupper()  # a name for a type
        case _:
            return isinstance(node, _NOT_LOGIC)
