"""The text that the demo model learns from: short dialogues, made up from a seed.

Every dialogue is a list of turns in the form that demo/model's chat template renders. Two-digit
sums whose hash falls into the held-out tenth never occur here: evaluation asks only those.
"""

import datetime
import hashlib
import random

WORDS = [
    "apple",
    "bread",
    "cat",
    "dog",
    "egg",
    "fish",
    "green",
    "house",
    "ink",
    "jam",
    "king",
    "lamp",
    "moon",
    "night",
    "orange",
    "pen",
    "queen",
    "rain",
    "sun",
    "tree",
    "under",
    "voice",
    "water",
    "yellow",
    "zebra",
    "river",
    "stone",
    "cloud",
    "tiger",
    "metal",
    "ingot",
    "silver",
    "copper",
    "table",
    "chair",
    "window",
    "garden",
    "flower",
    "winter",
    "summer",
    "spring",
    "music",
    "paper",
    "pencil",
    "letter",
    "number",
    "animal",
    "mountain",
    "bridge",
    "castle",
    "forest",
    "island",
]
NAMES = [
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Eva",
    "Felix",
    "Greta",
    "Hugo",
    "Ida",
    "Jonas",
    "Karl",
    "Lena",
    "Mia",
    "Noah",
    "Olga",
    "Paul",
]
CITIES = ["Paris", "London", "Rome", "Berlin", "Tokyo", "Oslo", "Madrid", "Vienna", "Cairo", "Lima"]
OPPOSITES = {
    "hot": "cold",
    "big": "small",
    "up": "down",
    "fast": "slow",
    "light": "dark",
    "old": "new",
    "happy": "sad",
    "open": "closed",
    "wet": "dry",
    "near": "far",
    "rich": "poor",
    "early": "late",
    "hard": "soft",
    "left": "right",
}
COLOURS = {
    "grass": "green",
    "the sky": "blue",
    "snow": "white",
    "coal": "black",
    "a lemon": "yellow",
    "blood": "red",
    "an orange": "orange",
    "gold": "gold",
}
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]

TIME_TOOL = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "The time in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def held_out(a: int, b: int) -> bool:
    """Whether a+b, both of two digits, is kept for evaluation."""
    if not (10 <= a <= 99 and 10 <= b <= 99):
        return False
    return hashlib.sha256(f"{a}+{b}".encode()).digest()[0] < 26


def held_out_sums() -> list[tuple[int, int]]:
    return [(a, b) for a in range(10, 100) for b in range(10, 100) if held_out(a, b)]


def sum_question(rng: random.Random, a: int, b: int) -> str:
    form = rng.choice(["What is {}+{}?"] * 4 + ["{}+{}=?", "Add {} and {}.", "How much is {}+{}?"])
    return form.format(a, b)


def sum_thought(a: int, b: int) -> str:
    """Column by column, ones first, as on paper."""
    lines, carry = [], 0
    for place in ("ones", "tens", "hundreds"):
        x, y = a % 10, b % 10
        total = x + y + carry
        lines.append(f"{place}: {x}+{y}+{carry}={total}")
        carry, a, b = total // 10, a // 10, b // 10
        if a == 0 and b == 0 and carry == 0:
            break
    return "\n".join(lines)


def turn(question: str, answer: str, thought: str | None = None) -> dict:
    return {"question": question, "answer": answer, "thought": thought}


def make_sum(rng: random.Random) -> dict:
    while True:
        top = rng.choice([9, 99, 99, 99, 99])
        a, b = rng.randint(0, top), rng.randint(0, top)
        if not held_out(a, b):
            break
    thought = sum_thought(a, b) if rng.random() < 0.15 else None
    return turn(sum_question(rng, a, b), str(a + b), thought)


def make_spelling(rng: random.Random) -> dict:
    word = rng.choice(WORDS)
    if rng.random() < 0.3:
        return turn(f"How many letters are in {word}?", str(len(word)))
    return turn(f"Spell {word}.", "-".join(word))


def make_date(rng: random.Random) -> dict:
    kind = rng.randrange(4)
    if kind == 0:
        i = rng.randrange(7)
        return turn(f"What day comes after {DAYS[i]}?", DAYS[(i + 1) % 7])
    if kind == 1:
        i = rng.randrange(12)
        return turn(f"What month comes after {MONTHS[i]}?", MONTHS[(i + 1) % 12])
    if kind == 2:
        i = rng.randrange(7)
        return turn(f"What day comes before {DAYS[i]}?", DAYS[i - 1])
    day = datetime.date(2023, 1, 1) + datetime.timedelta(days=rng.randrange(365))
    after = day + datetime.timedelta(days=1)
    return turn(
        f"What date comes after {MONTHS[day.month - 1]} {day.day}?",
        f"{MONTHS[after.month - 1]} {after.day}",
    )


def make_sentence(rng: random.Random) -> dict:
    kind = rng.randrange(5)
    if kind == 0:
        word = rng.choice(list(OPPOSITES))
        return turn(
            f"What is the opposite of {word}?", f"The opposite of {word} is {OPPOSITES[word]}."
        )
    if kind == 1:
        thing = rng.choice(list(COLOURS))
        return turn(
            f"What colour is {thing}?", f"{thing[0].upper()}{thing[1:]} is {COLOURS[thing]}."
        )
    if kind == 2:
        name = rng.choice(NAMES)
        return turn(f"My name is {name}.", f"Hello {name}!")
    if kind == 3:
        word = rng.choice(WORDS)
        return turn(f"Say {word} twice.", f"{word} {word}")
    return turn(rng.choice(["Hello!", "Hi!", "Good morning!"]), "Hello! How can I help?")


def make_turn(rng: random.Random) -> dict:
    kind = rng.choices([make_sum, make_spelling, make_date, make_sentence], [55, 15, 12, 18])[0]
    return kind(rng)


def make_recall(rng: random.Random) -> list[dict]:
    """Facts first, other talk between, then a question about one of them: needs a long memory."""
    facts = {name: str(rng.randint(10, 99)) for name in rng.sample(NAMES, rng.randint(1, 4))}
    turns = [turn(f"The number of {n} is {v}.", "Noted.") for n, v in facts.items()]
    turns += [make_turn(rng) for _ in range(rng.randint(0, 3))]
    name = rng.choice(list(facts))
    turns.append(turn(f"What is the number of {name}?", facts[name]))
    return turns


def call_text(city: str) -> str:
    return (
        "<tool_call>\n<function=get_time>\n<parameter=city>\n"
        f"{city}\n</parameter>\n</function>\n</tool_call>"
    )


def make_tool_messages(rng: random.Random) -> list[dict]:
    city, hour = rng.choice(CITIES), rng.randrange(24)
    call = {"type": "function", "function": {"name": "get_time", "arguments": {"city": city}}}
    messages = [
        {"role": "user", "content": f"What time is it in {city}?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    if rng.random() < 0.6:
        messages.append({"role": "tool", "content": f"{hour}:00"})
        messages.append({"role": "assistant", "content": f"It is {hour}:00 in {city}."})
    return messages


def make_dialogue(rng: random.Random) -> tuple[list[dict], list[dict] | None]:
    """(messages, tools)"""
    roll = rng.random()
    if roll < 0.05:
        return make_tool_messages(rng), [TIME_TOOL]
    if roll < 0.15:
        turns = make_recall(rng)
    else:
        turns = [make_turn(rng) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    messages = []
    for i, t in enumerate(turns):
        messages.append({"role": "user", "content": t["question"]})
        answer = {"role": "assistant", "content": t["answer"]}
        if t["thought"] and i == len(turns) - 1:
            answer["reasoning_content"] = t["thought"]
        messages.append(answer)
    return messages, None
