"""The query language's grammar, with JavaCC-like complaints (facts 4.1, 8.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from . import faults

_TOKEN = re.compile(
    r"\s*(?:(?P<STRING>'(?:[^'\\]|\\.)*')|(?P<NUMBER>[-+]?\d+(?:\.\d+)?)(?![\w.])|"
    r"(?P<IDENTIFIER>[A-Za-z_][\w.]*)|(?P<OP><=|>=|!=|<>|=|<|>)|(?P<MARK>[(),*]))"
)
_ESCAPE = re.compile(r"\\(.)")
OPERATORS = ("=", "<", ">", "<=", ">=", "LIKE", "IN")


@dataclass(frozen=True, slots=True)
class Value:
    """A literal and whether it stood in quotes."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """`property operator value`, with several values after IN."""

    prop: str
    op: str
    values: tuple[Value, ...]


@dataclass(slots=True)
class Select:
    """A parsed statement."""

    entity: str = ""
    count: bool = False
    fields: list[str] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)
    start: int = 1
    limit: int = 100
    paged: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "IDENTIFIER" else self.text


def parse(statement: str) -> Select:
    """A statement's parts, or 4000."""
    return _Parser(_tokens(statement)).select()


def _tokens(statement: str) -> list[_Token]:
    found: list[_Token] = []
    place = 0
    while place < len(statement):
        if not statement[place:].strip():
            break
        match = _TOKEN.match(statement, place)
        if match is None or match.lastgroup is None:
            # The grammar complains first: what cannot be read is a fault only where the parser gets to it.
            gap = len(statement[place:]) - len(statement[place:].lstrip())
            found.append(_Token("BAD", statement[place + gap :], place + gap + 1))
            return found
        kind = match.lastgroup
        found.append(_Token(kind, match[kind], match.start(kind) + 1))
        place = match.end()
    found.append(_Token("EOF", "", len(statement) + 1))
    return found


def _lexical(token: _Token) -> faults.Fault:
    if token.text.startswith("'"):
        return faults.query_syntax(f'Encountered " <STRING> "{token.text} "" at line 1, column {token.column}.')
    return faults.query_syntax(
        f'Invalid content. Lexical error at line 1, column {token.column}.  Encountered: "{token.text[:1]}" '
        f'({ord(token.text[0])}), after : ""'
    )


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._place = tokens, 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        self._place += 1
        return token

    def _unexpected(self) -> faults.Fault:
        token = self._next
        if token.kind == "BAD":
            return _lexical(token)
        if token.kind == "EOF":
            return faults.query_syntax(f'Encountered "<EOF>" at line 1, column {token.column - 1}.')
        if token.kind in ("IDENTIFIER", "STRING", "NUMBER"):
            shown = f" <{token.kind}> "
            return faults.query_syntax(f'Encountered "{shown}"{token.text} "" at line 1, column {token.column}.')
        return faults.query_syntax(f'Encountered " "{token.text}" "{token.text} "" at line 1, column {token.column}.')

    def _is(self, word: str) -> bool:
        return self._next.word == word and self._next.kind != "STRING"

    def _expect(self, word: str) -> None:
        if not self._is(word):
            raise self._unexpected()
        self._place += 1

    def _accept(self, word: str) -> bool:
        if self._is(word):
            self._place += 1
            return True
        return False

    def _name(self) -> str:
        if self._next.kind != "IDENTIFIER":
            raise self._unexpected()
        return self._take().text

    def select(self) -> Select:
        found = Select()
        self._expect("SELECT")
        self._projection(found)
        self._expect("FROM")
        found.entity = self._name()
        if self._accept("WHERE"):
            found.conditions.append(self._condition())
            while self._accept("AND"):
                found.conditions.append(self._condition())
        self._order(found)
        self._page(found)
        if self._next.kind != "EOF":
            raise self._unexpected()
        return found

    def _projection(self, found: Select) -> None:
        if self._is("COUNT"):
            self._take()
            for mark in ("(", "*", ")"):
                self._expect(mark)
            found.count = True
            return
        everything = False
        while True:
            if self._accept("*"):
                everything = True
            else:
                found.fields.append(self._name())
            if not self._accept(","):
                break
        if everything:
            found.fields.clear()

    def _condition(self) -> Condition:
        prop = self._name()
        op = self._next.word if self._next.kind in ("OP", "IDENTIFIER") else ""
        if op not in OPERATORS:
            raise self._unexpected()
        self._take()
        if op != "IN":
            return Condition(prop, op, (self._value(),))
        self._expect("(")
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        self._expect(")")
        return Condition(prop, op, tuple(values))

    def _value(self) -> Value:
        token = self._next
        if token.kind == "STRING":
            self._take()
            return Value(_ESCAPE.sub(r"\1", token.text[1:-1]), True)
        if token.kind == "NUMBER" or token.word in ("TRUE", "FALSE", "CURRENT_DATE", "NULL"):
            self._take()
            return Value(token.text, False)
        raise self._unexpected()

    def _order(self, found: Select) -> None:
        if self._accept("ORDER"):
            self._expect("BY")
        elif not self._accept("ORDERBY"):
            return
        while True:
            prop = self._name()
            descending = self._accept("DESC")
            if not descending:
                self._accept("ASC")
            found.order.append((prop, descending))
            if not self._accept(","):
                return

    def _page(self, found: Select) -> None:
        if self._accept("STARTPOSITION"):
            found.start, found.paged = self._whole(), True
        if self._accept("MAXRESULTS"):
            found.limit, found.paged = self._whole(), True

    def _whole(self) -> int:
        if self._next.kind != "NUMBER" or not self._next.text.isdigit():
            raise self._unexpected()
        return int(self._take().text)
