"""Makes templates by chance, from the constructs of the language, over a fixed set of variables.

Most of them render; the others test that both engines refuse the same.
"""

import random

VARIABLES = {
    "x": 5,
    "neg": -3,
    "big": 18446744073709551615,
    "f": 2.5,
    "s": "Hello World",
    "u": "h\u00e9llo \u00df \u65e5\u672c \U0001f600",
    "w": "  two words\n",
    "t": True,
    "n": None,
    "empty": "",
    "l": [3, 1, 2],
    "words": ["beta", "Alpha", "gamma"],
    "mixed": [1, "a", None, 2.5, True],
    "d": {"a": 1, "b": "two", "c": [1, 2], "items": 0},
    "nested": [[1, [2, 3]], {"k": {"v": "deep"}}],
    "msgs": [
        {"role": "system", "content": "Be <nice>."},
        {"role": "user", "content": 'What\'s "up"?'},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"name": "f", "arguments": {"q": 1}}],
        },
        {"role": "tool", "content": [{"type": "text", "text": "ok"}]},
    ],
}
NAMES = [name for name in VARIABLES if name != "big"] + ["missing"]
FILTERS = [
    "abs",
    "capitalize",
    "default(1)",
    "default('z',true)",
    "dictsort",
    "e",
    "first",
    "float",
    "int",
    "items",
    "join",
    "join('-')",
    "last",
    "length",
    "list",
    "lower",
    "map('string')",
    "map(attribute='role')",
    "max",
    "min",
    "reject",
    "reject('odd')",
    "replace('l','L')",
    "reverse",
    "round",
    "round(1)",
    "safe",
    "select",
    "select('string')",
    "selectattr('content')",
    "selectattr('role','equalto','user')",
    "rejectattr('role','in',['user'])",
    "sort",
    "sort(reverse=true)",
    "string",
    "sum",
    "title",
    "tojson",
    "tojson(indent=2)",
    "trim",
    "trim('H')",
    "truncate(8)",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
    "indent",
    "indent(2,true)",
    "batch(2)",
    "slice(2)",
    "groupby('role')",
    "center(20)",
    "count",
    "d('q')",
    "attr('a')",
    "format",
    "tojson(ensure_ascii=true)",
    "tojson(separators=(',',':'))",
    "xmlattr",
    "filesizeformat",
]
TESTS = [
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "integer",
    "float",
    "mapping",
    "sequence",
    "iterable",
    "boolean",
    "true",
    "false",
    "odd",
    "even",
    "callable",
    "lower",
    "upper",
    "escaped",
    "eq(5)",
    "ne(1)",
    "gt(1)",
    "in([1,5])",
    "divisibleby(2)",
    "sameas(none)",
]
METHODS = [
    "upper()",
    "lower()",
    "strip()",
    "split()",
    "split('l')",
    "rsplit('l',1)",
    "title()",
    "capitalize()",
    "startswith('H')",
    "endswith('d')",
    "replace('o','0')",
    "find('l')",
    "count('l')",
    "items()",
    "keys()",
    "values()",
    "get('a')",
    "get('zz',7)",
    "index(1)",
    "isdigit()",
    "isalpha()",
    "splitlines()",
    "join(words)",
    "format(1,2)",
    "lstrip('H')",
    "zfill(8)",
    "ljust(12,'.')",
    "partition('",
    "')",
    "swapcase()",
    "rstrip()",
    "removeprefix('He')",
    "casefold()",
    "center(9)",
    "append(1)",
    "pop()",
    "copy()",
    "bit_length()",
]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">", "<=", ">=", "in",
          "not in", "and", "or"]  # fmt: skip
LITERALS = ["0", "1", "-1", "7", "2.5", "1e3", "'a'", "'l'", "'%s'", "'{}'", "''", "none", "true",
            "false", "[]", "{}", "()", "'\\u00e9\\n'", "'{0!r:>5}'", "'%5.2f|'",
            "(2 ** 10)", "(2 ** -1)", "(-2 ** 3)", "(big|string)", "{'m': big}"]  # fmt: skip
# Expressions that make sense, by the kind of value they give.
TEXTS = ["s", "u", "w", "empty", "'a b'", "s|upper", "u[1:4]", "w|trim", "words|join(',')", "msgs[1].content",
         "d|tojson", "'%s-%s'|format(x, f)", "x ~ s", "s.split()[0]", "u[::-1]", "mixed|string",
         "msgs[0]['content']|replace('<', '[')", "(u|title)", "'{:>8}|{:<3}'.format(s, x)"]  # fmt: skip
NUMBERS = ["x", "neg", "f", "3", "l|length", "s|length", "(x + 2)", "(f * x)", "(x // 2)", "(neg % 4)", "l|sum", "'12'|int",
           "l[0]", "(x / 2)", "f|round|int", "loop.index|default(1)", "words|map('length')|sum"]  # fmt: skip
LISTS = ["l", "words", "mixed", "s.split('l')", "l|sort", "words|map('upper')|list", "msgs|map(attribute='role')|list",
         "d.keys()|list", "l[1:]", "range(x)|list", "msgs|selectattr('content', 'string')|list", "[x, f, s]",
         "nested[0]", "l + [x]", "words|reverse|list", "s|list", "d|dictsort", "w.splitlines()"]  # fmt: skip
ON_TEXT = [
    "|upper",
    "|lower",
    "|title",
    "|trim",
    "|length",
    "|list",
    "|first",
    "|last",
    "|tojson",
    "|wordcount",
    "|capitalize",
    "[0]",
    "[-1]",
    "[1:]",
    "[:3]",
    "[::2]",
    ".strip()",
    ".split()",
    ".upper()",
    ".find('l')",
    ".count('e')",
    ".startswith('H')",
    "|replace('e','3')",
    "|indent",
    "|truncate(6)",
    "|urlencode",
    "|e",
    ".title()",
    ".swapcase()",
    ".partition('l')",
    "|string",
    "|reverse",
]
ON_NUMBER = ["|abs", "|round", "|round(1)", "|string", "|tojson", "|float", "|int", " + 1", " * 2",
             " - f", " // 2", " % 3", " ~ '!'", " > 2", " == 5", " in l", " is odd", "|default(0)"]  # fmt: skip
ON_LIST = [
    "|length",
    "|first",
    "|last",
    "|join('/')",
    "|list",
    "|reverse|list",
    "|tojson",
    "|tojson(indent=1)",
    "[0]",
    "[-1]",
    "[::-1]",
    "[1:2]",
    "|map('string')|join",
    "|unique|list",
    "|batch(2)|list",
    "|string",
    "|select|list",
    "|reject|list",
]
GAPS = ["", " ", "\n", "  \n", "\n  "]
SIGNS = ["", "", "", "-", "+"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.variables = VARIABLES
        self.names = list(NAMES)

    def pick(self, items):
        return self.random.choice(items)

    def sensible(self):
        kinds = ((TEXTS, ON_TEXT), (NUMBERS, ON_NUMBER), (LISTS, ON_LIST))
        values, operations = self.pick(kinds)
        value = self.pick(values)
        return (value if value.isidentifier() else f"({value})") + self.pick(operations)

    def expression(self, depth=3):
        if self.random.random() < 0.75:
            return self.sensible()
        roll = self.random.random()
        if depth == 0 or roll < 0.2:
            return self.pick(self.names) if self.random.random() < 0.7 else self.pick(LITERALS)

        def inner():
            return self.expression(depth - 1)

        if roll < 0.42:
            return f"{inner()}|{self.pick(FILTERS)}"
        if roll < 0.5:
            return f"{inner()} is {self.pick(['', 'not '])}{self.pick(TESTS)}"
        if roll < 0.6:
            return f"{inner()}.{self.pick(METHODS)}"
        if roll < 0.72:
            return f"({inner()} {self.pick(BINARY)} {inner()})"
        if roll < 0.78:
            return f"({inner()} if {inner()}{self.pick(['', ' else ' + inner()])})"
        if roll < 0.88:
            return f"{self.pick(self.names)}{self.subscript()}"
        if roll < 0.93:
            return "[" + ", ".join(inner() for _ in range(self.random.randrange(3))) + "]"
        if roll < 0.96:
            return (
                "{"
                + ", ".join(f"{inner()}: {inner()}" for _ in range(self.random.randrange(3)))
                + "}"
            )
        return self.pick(["not ", "-", "+", ""]) + f"({inner()})"

    def subscript(self):
        kind = self.random.randrange(6)
        if kind < 2:
            return self.pick([".a", ".role", ".content", ".k.v", ".items", ".0", ".upper"])
        if kind < 4:
            return self.pick(["[0]", "[-1]", "['a']", "['role']", "[9]", "[none]", "['items']"])

        def bound():
            return self.pick(["", "", "0", "1", "-1", "2", "-2", "none"])

        return f"[{bound()}:{bound()}{self.pick(['', ':' + bound()])}]"

    def tag(self, text):
        return (
            "{%"
            + self.pick(SIGNS)
            + f" {text} "
            + self.pick(["", "", "", "-"])
            + "%}"
            + self.pick(GAPS)
        )

    def body(self, depth):
        parts = []
        for _ in range(self.random.randrange(1, 4)):
            parts.append(self.statement(depth))
            parts.append(self.pick(["", "x", " ", "\n", "  y\n", "\n\n"]))
        return "".join(parts)

    def statement(self, depth):
        roll = self.random.random()
        if depth == 0 or roll < 0.45:
            left, right = self.pick(["{{", "{{", "{{-"]), self.pick(["}}", "}}", "-}}"])
            return f"{left} {self.expression(2)} {right}"
        if roll < 0.55:
            name = self.pick(["v", "x", "s", "ns.q"])
            self.names += [name] if name == "v" else []
            return self.tag(f"set {name} = {self.expression(2)}")
        if roll < 0.7:
            middle = self.pick(["", self.tag("else") + self.body(depth - 1),
                                self.tag(f"elif {self.expression(1)}") + self.body(depth - 1)])  # fmt: skip
            return (
                self.tag(f"if {self.expression(2)}")
                + self.body(depth - 1)
                + middle
                + self.tag("endif")
            )
        if roll < 0.86:
            return self.loop(depth)
        if roll < 0.9:
            return self.tag("set v") + self.body(depth - 1) + self.tag("endset")
        if roll < 0.93:
            return (
                self.tag(f"filter {self.pick(FILTERS)}")
                + self.body(depth - 1)
                + self.tag("endfilter")
            )
        if roll < 0.96:
            call = (
                "{{ "
                + f"m({self.expression(1)}{self.pick(['', ', b=' + self.expression(1)])})"
                + " }}"
            )
            return (
                self.tag("macro m(a, b='B')")
                + self.body(depth - 1)
                + "{{ a }}"
                + self.tag("endmacro")
                + call
            )
        return self.pick(["{# note #}", "{#- note -#}\n", "{% raw %}{{ raw }}{% endraw %}", "{##}"])

    def loop(self, depth):
        target = self.pick(["i", "i", "i", "a, b"])
        over = self.pick(
            ["l", "words", "d", "d.items()", "msgs", "range(3)", "s", self.expression(2)]
        )
        condition = self.pick(["", "", "", f" if {self.expression(1)}"])
        extra = self.pick(["", "{{ loop.index }}", "{{ loop.last }}", "{{ loop.length }}",
                           "{{ loop.previtem }}{{ loop.nextitem }}", "{{ loop.cycle(1, 2) }}",
                           "{% if loop.first %}{% continue %}{% endif %}",
                           "{% if loop.index > 1 %}{% break %}{% endif %}"])  # fmt: skip
        self.names.append("i")
        otherwise = self.pick(["", self.tag("else") + "none"])
        body = extra + "{{ i }}" + self.body(depth - 1)
        return (
            self.tag(f"for {target} in {over}{condition}") + body + otherwise + self.tag("endfor")
        )

    def template(self):
        self.names = list(NAMES)
        return "{% set ns = namespace(q=0) %}" + self.body(3)
