"""Schemas and grammars that token masks are compared over: what people ask for, and random ones."""

import json
import random

INT = {"type": "integer"}
TEXT = {"type": "string"}

SCHEMAS = [
    {},
    True,
    {"type": "object"},
    {"type": "array"},
    TEXT,
    INT,
    {"type": "number"},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["string", "null"]},
    {"type": ["integer", "array", "object"]},
    {"const": {"a": [1, 2.5, None, True, "ü\n"]}},
    {"const": "plain"},
    {"enum": ["red", "green", "blue", 1, None, False, {"x": 1}, [2]]},
    {"type": "string", "enum": ["a", "aa", "aaa", "ab"]},
    {"type": "string", "minLength": 2, "maxLength": 5},
    {"type": "string", "maxLength": 3},
    {"type": "string", "minLength": 4},
    {"type": "string", "minLength": 130, "maxLength": 200},
    {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2,4}$"},
    {"type": "string", "pattern": "(foo|bar)+baz?"},
    {"type": "string", "pattern": r"^\d+(\.\d+)?$"},
    {"type": "string", "pattern": r"[^x\"]*é"},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "time"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "email"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "ipv4"},
    {"type": "string", "format": "ipv6"},
    {"type": "string", "format": "hostname"},
    {"type": "string", "format": "uri"},
    {"type": "string", "format": "duration"},
    {"type": "string", "format": "json-pointer"},
    {"type": "integer", "minimum": 0},
    {"type": "integer", "minimum": -15, "maximum": 327},
    {"type": "integer", "exclusiveMinimum": 9, "exclusiveMaximum": 1001},
    {"type": "integer", "maximum": -7},
    {"type": "integer", "multipleOf": 7},
    {"type": "integer", "multipleOf": 5, "minimum": 0, "maximum": 60},
    {"type": "number", "minimum": 0, "maximum": 1},
    {"type": "number", "exclusiveMinimum": -2.75},
    {"type": "number", "maximum": 99.125},
    {"type": "array", "items": INT},
    {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 3},
    {"type": "array", "items": {"type": "array", "items": {"type": "number"}, "minItems": 1}},
    {"type": "array", "prefixItems": [TEXT, INT], "items": False},
    {"type": "array", "prefixItems": [TEXT, INT], "items": {"type": "boolean"}},
    {"type": "array", "items": INT, "maxItems": 300},
    {"items": TEXT},
    {"prefixItems": [INT]},
    {"properties": {"a": INT}},
    {"additionalProperties": INT},
    {"type": "object", "properties": {"name": TEXT, "age": INT}, "required": ["name", "age"]},
    {"type": "object", "properties": {"name": TEXT, "age": INT}, "required": ["age"]},
    {"type": "object", "properties": {"name": TEXT, "age": INT}},
    {
        "type": "object",
        "properties": {"a b": TEXT, 'quo"te': INT, "ключ": {"type": "boolean"}},
        "required": ["a b", 'quo"te', "ключ"],
        "additionalProperties": False,
    },
    {"type": "object", "additionalProperties": TEXT},
    {"type": "object", "properties": {"id": INT}, "additionalProperties": {"type": "number"}},
    {"type": "object", "properties": {"id": INT}, "unevaluatedProperties": False},
    {"type": "object", "patternProperties": {"^x_[a-z]+$": INT}},
    {"type": "object", "properties": {"k": INT}, "patternProperties": {"^n[0-9]$": TEXT}},
    {"type": "object", "propertyNames": {"pattern": "^[a-z]{2,4}$"}},
    {"type": "object", "additionalProperties": INT, "minProperties": 1, "maxProperties": 3},
    {"type": "object", "properties": {c: INT for c in "abcde"}, "minProperties": 2},
    {"type": "object", "properties": {c: INT for c in "abcd"}, "maxProperties": 2},
    {"anyOf": [TEXT, INT]},
    {"anyOf": [{"type": "object", "properties": {"a": INT}, "required": ["a"]}, {"const": "no"}]},
    {"oneOf": [{"type": "string"}, {"type": "boolean"}]},
    {"oneOf": [{"const": "on"}, {"const": "off"}]},
    {"allOf": [{"type": "object", "properties": {"z": TEXT}, "required": ["z"]}]},
    {"$ref": "#/$defs/P", "$defs": {"P": {"type": "object", "properties": {"x": INT}}}},
    {
        "type": "object",
        "properties": {"value": INT, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        "required": ["value", "next"],
    },
    {
        "$defs": {
            "tree": {
                "type": "object",
                "properties": {
                    "label": TEXT,
                    "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
                },
                "required": ["label"],
            }
        },
        "$ref": "#/$defs/tree",
    },
    {
        "definitions": {"e": {"enum": ["north", "south"]}},
        "type": "array",
        "items": {"$ref": "#/definitions/e"},
    },
    {
        "title": "Order",
        "description": "As an API describes it",
        "type": "object",
        "properties": {
            "customer": {
                "type": "object",
                "properties": {"email": {"type": "string", "format": "email"}, "vip": TEXT},
                "required": ["email"],
            },
            "lines": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "sku": {"type": "string", "pattern": "^[A-Z0-9]{4,8}$"},
                        "count": {"type": "integer", "minimum": 1, "maximum": 99},
                        "price": {"type": "number", "minimum": 0},
                    },
                    "required": ["sku", "count"],
                },
            },
            "state": {"type": "string", "enum": ["new", "paid", "sent"], "default": "new"},
        },
        "required": ["customer", "lines", "state"],
        "additionalProperties": False,
    },
]  # fmt: skip

REGEXES = [
    "abc", "a*", "a+b?c*", "[a-z]+", "[^a-z]+", "(yes|no|maybe)", "[0-9]{3}-[0-9]{4}",
    r"\d{1,3}(,\d{3})*", r"\w+@\w+\.(com|org)", r"\s*\S+\s*", "(a|b)*abb", "x{0,3}y{2}",
    "(?:ab|cd){2,5}", r"[\u4e00-\u4e20]+", "é|ü|ß", "🙂+", ".*", ".{5}", r"\.\*\+\?", r"[\]\-\\]+",
    "^anchored$", "(a(b(c(d)?)?)?)?", "[A-Fa-f0-9]{8}", r"#[0-9a-f]{6}", "(foo|foobar)(bar)?",
    "a{130,140}", "((ab){3}c){2}", r"[^\n]{0,10}\n", r"\t\n\r", "(0|[1-9][0-9]*)(\\.[0-9]+)?",
]  # fmt: skip

GRAMMARS = [
    'root ::= "hello"',
    'root ::= "a" | "b" root',
    'root ::= expr\nexpr ::= term ("+" term)*\nterm ::= [0-9]+ | "(" expr ")"',
    'root ::= [a-z]+ (" " [a-z]+)* "."',
    "root ::= [^\\n]* \"\\n\"",
    'root ::= ("ab" | "abc"){2,4}',
    'root ::= item{3}\nitem ::= "- " [^\\n]+ "\\n"',
    'root ::= "" | "x" root "y"',
    'root ::= yes | no\nyes ::= "yes" reason\nno ::= "no"\nreason ::= " because " [a-z ]{1,20}',
    'root ::= "\\u4f60\\u597d" [\\u4e00-\\u9fff]*',
    'root ::= "a"{5,}',
    'root ::= [a-zA-Z_] [a-zA-Z0-9_]* "(" ")" ";"?',
    'root ::= object\nobject ::= "{" pair ("," pair)* "}"\npair ::= [a-z]+ ":" value\n'
    'value ::= [0-9]+ | object',
    'root ::= line+\nline ::= [A-Z] [a-z]* "\\t" [0-9]{1,4} "\\n"',
    'root ::= ([0-9] | [1-9] [0-9]){3} "\\"" "\'" "\\\\"',
    'root ::= a b c\na ::= "a"?\nb ::= "b"?\nc ::= "c"?',
    'root ::= "SELECT " column (", " column)* " FROM " [a-z]+\ncolumn ::= [a-z]+ | "*"',
    'root ::= [\\x00-\\x7f]{4}',
    'root ::= "🙂" | "🙃" root',
    'root ::= s\ns ::= "(" s ")" s | ""',
]  # fmt: skip

TOOLS = [
    {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": TEXT,
                "unit": {"type": "string", "enum": ["c", "f"]},
                "days": {"type": "integer", "minimum": 1, "maximum": 14},
            },
            "required": ["city"],
        },
    },
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
    {
        "name": "search.web",
        "parameters": {
            "type": "object",
            "properties": {"terms": {"type": "array", "items": TEXT}, "safe": {"type": "boolean"}},
            "required": ["terms", "safe"],
        },
    },
]


class RandomSchemas:
    """Schemas of what may stand in them, at random."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def leaf(self):
        r = self.random
        low = r.randint(0, 6)
        return r.choice(
            [
                TEXT,
                INT,
                {"type": "number"},
                {"type": "boolean"},
                {"type": "null"},
                {"type": "string", "minLength": low, "maxLength": low + r.randint(0, 9)},
                {"type": "string", "pattern": r.choice(REGEXES[:16])},
                {"type": "integer", "minimum": r.randint(-99, 0), "maximum": r.randint(1, 9999)},
                {"enum": r.sample(["a", "bc", "def", 1, 2.5, None, True, "é"], r.randint(1, 5))},
                {"const": r.choice(["x", 17, None, ["y"]])},
            ]
        )

    def schema(self, depth):
        r = self.random
        if depth == 0 or r.random() < 0.25:
            return self.leaf()
        kind = r.random()
        if kind < 0.55:
            names = r.sample(
                ["id", "name", "value", "x", "y", "is_ok", "größe", "a b"], r.randint(1, 5)
            )
            made = {"type": "object", "properties": {n: self.schema(depth - 1) for n in names}}
            made["required"] = [n for n in names if r.random() < 0.6]
            if r.random() < 0.2:
                made["additionalProperties"] = r.choice([False, True, self.leaf()])
            return made
        if kind < 0.8:
            low = r.randint(0, 3)
            made = {"type": "array", "items": self.schema(depth - 1)}
            if r.random() < 0.5:
                made |= {"minItems": low, "maxItems": low + r.randint(0, 4)}
            return made
        return {"anyOf": [self.schema(depth - 1) for _ in range(r.randint(1, 3))]}


def cases(count_random=100):
    out = [{"kind": "json", "text": ""}]
    out += [{"kind": "schema", "text": json.dumps(s)} for s in SCHEMAS]
    maker = RandomSchemas(4)
    out += [
        {"kind": "schema", "text": json.dumps(maker.schema(3), ensure_ascii=False)}
        for _ in range(count_random)
    ]
    out += [{"kind": "regex", "text": t} for t in REGEXES]
    out += [{"kind": "ebnf", "text": t} for t in GRAMMARS]
    for parser in ("qwen3", "qwen3-coder", "glm-4.7", "gemma4", "cohere", "harmony", "generic"):
        for required, single in ((False, False), (True, False), (True, True)):
            out.append(
                {
                    "kind": "tools",
                    "parser": parser,
                    "tools": TOOLS,
                    "required": required,
                    "single": single,
                }
            )
    return out
