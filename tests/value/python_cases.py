# SPDX-License-Identifier: Apache-2.0
"""Writes python_cases.jsonl: what Python makes of primitives, for value_test to compare with.

    python3 tests/value/python_cases.py > tests/value/python_cases.jsonl

Each line is [operator, attributes, arguments, expected]; expected is str() of the result, or null
where Python raises an exception. The primitives are defined here by Python's own operators, so the
table says what those do with every mix of kinds.
"""

import json
import random
import sys


def is_list(value):
    return isinstance(value, list)


def lifted(one):
    def both(left, right):
        if is_list(left) and is_list(right):
            if len(left) != len(right):
                raise ValueError("lengths")
            return [one(a, b) for a, b in zip(left, right)]
        if is_list(left):
            return [one(a, right) for a in left]
        if is_list(right):
            return [one(left, b) for b in right]
        return one(left, right)
    return both


def divided(left, right):
    if right == 0:
        raise ValueError("zero")
    return left / right


EXACT = {"addition": lambda a, b: a + b, "subtraction": lambda a, b: a - b,
         "multiplication": lambda a, b: a * b, "division": divided}
FLOAT = {"+": lambda a, b: float(a) + float(b), "-": lambda a, b: float(a) - float(b),
         "*": lambda a, b: float(a) * float(b), "/": lambda a, b: float(a) / float(b)}
COMPARE = {"==": lambda a, b: float(a) == float(b), "!=": lambda a, b: float(a) != float(b),
           "<": lambda a, b: float(a) < float(b), "<=": lambda a, b: float(a) <= float(b),
           ">": lambda a, b: float(a) > float(b), ">=": lambda a, b: float(a) >= float(b)}
NAMES = {"==": "num_eq", "!=": "num_neq", "<": "num_lt", "<=": "num_leq", ">": "num_gt",
         ">=": "num_geq", "+": "num_add", "-": "num_sub", "*": "num_mul", "/": "num_div"}


def whole(value, texts=True):
    if isinstance(value, bool):
        raise ValueError("bool")
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and texts:
        return int(value.strip())
    raise ValueError("whole")


def index(sequence, place):
    place = whole(place)
    if place < 0 or isinstance(sequence, dict):
        raise ValueError("negative")
    return sequence[place]


def sliced(sequence, start, stop):
    start = None if start is None else whole(start)
    stop = None if stop is None else whole(stop)
    if stop is not None and stop <= max(0, start or 0):
        return []
    return list(sequence)[start:stop]


def subsequence(sequence, *bounds):
    start, stop = (0, bounds[0]) if len(bounds) == 1 else bounds
    start, stop = max(0, whole(start)), max(0, whole(stop))
    return list(sequence)[start:stop] if stop > start else []


def numbers_up_to(*bounds):
    return list(range(*(whole(b, texts=False) for b in bounds)))


def argmax(sequence):
    if not is_list(sequence) or not sequence:
        raise ValueError("empty")
    best = 0
    for i, element in enumerate(sequence[1:], start=1):
        if element > sequence[best]:
            best = i
    return best


FOLD = {"+": (0, lifted(EXACT["addition"])), "-": (0, lifted(EXACT["subtraction"])),
        "*": (1, lifted(EXACT["multiplication"])), "&&": (True, lambda a, b: bool(a) and bool(b)),
        "||": (False, lambda a, b: bool(a) or bool(b)), "min": (None, min), "max": (None, max)}


def folded(symbol, arguments):
    *start, sequence = arguments
    if not is_list(sequence):
        raise ValueError("sequence")
    default, step = FOLD[symbol]
    sequence = list(sequence)
    result = start[0] if start else sequence.pop(0) if default is None else default
    for element in sequence:
        result = step(result, element)
    return result


def fibonacci(place):
    if isinstance(place, bool):
        return place
    place = whole(place, texts=False)
    if place < 0:
        raise ValueError("negative")
    a, b = 0, 1
    for _ in range(place):
        a, b = b, a + b
    return a


def negated(value):
    if not isinstance(value, (bool, int, float)):
        raise ValueError("kind")
    return not value


SCALARS = [0.0, -0.0, 1.0, -2.5, 0.1, 1e16, 1e300, 5e-324, float("inf"), float("-inf"),
           float("nan"), 0, 1, -7, 3, 2**53 + 1, 2**63 - 1, -2**63, 2**63, 10**30, -10**30, 10**400,
           True, False, None, "", "a", "12", " 3.5 ", "1_000", "-inf", "1__0", "nan", "0x10", "é"]
LISTS = [[], [1.0, 2.0, 0.5], [1, 2, 3], [True, False, True], [1, 2.0, True], [2**62, 2**62, -1],
         ["a", "b", "c"], [[1.0], [2.0], [3.0]], [None], [0.0, -0.0, 1e308], [1.5], ["3", 4, 5.5]]


def rows():
    rng = random.Random(11)
    pairs = [(a, b) for a in SCALARS for b in SCALARS]

    def some(count):
        mixed = [(a, b) for a in LISTS for b in LISTS] + [
            pair for a in LISTS for b in SCALARS for pair in ((a, b), (b, a))]
        return rng.sample(pairs, count) + rng.sample(mixed, count)

    for name, one in EXACT.items():
        for a, b in some(60):
            is_long = {type(a), type(b)} & {str, list} and any(
                isinstance(x, int) and x > 1000 for x in (a, b))
            if not is_long:
                yield f"default.{name}", {}, [a, b], lambda: lifted(one)(a, b)
    for name, one in {**FLOAT, **COMPARE}.items():
        for a, b in some(28):
            both_text = name in COMPARE and any(
                isinstance(x, str) or (is_list(x) and any(isinstance(y, str) for y in x))
                for x in (a, b))
            if not both_text:
                yield f"vox1.{name}", {}, [a, b], lambda: lifted(one)(a, b)
            yield f"vox1.{NAMES[name]}", {}, [a, b], lambda: one(a, b)
    for a, b in some(30):
        yield "default.bool_and_scalar", {}, [a, b], lambda: bool(a) and bool(b)
        yield "vox1.bool_or_scalar", {}, [a, b], lambda: bool(a) or bool(b)
    for a in SCALARS + LISTS:
        yield "vox1.bool_not_scalar", {}, [a], lambda: not a
        yield "default.not_compat", {}, [a], lambda: negated(a)
        yield "strings.concat", {}, [a, "|", a], lambda: str(a) + "|" + str(a)
        yield "default.sequence", {}, [a, a], lambda: [a, a]
        if not isinstance(a, (int, float)) or a < 10**6:
            yield "test.fibonacci", {}, [a], lambda: fibonacci(a)
        if not isinstance(a, (int, float)) or a < 100:
            yield "default.range", {}, [a], lambda: numbers_up_to(a)
            yield "default.range", {}, [-3, a], lambda: numbers_up_to(-3, a)
    for a in (5.0, 2, -1, 1.5, True, "3", 10**30, 0):
        for b in (7.0, 2, -1, 0, 10**30 + 2, float("nan")):
            if a == 10**30 or b != 10**30 + 2:
                yield "default.range", {}, [a, b], lambda: numbers_up_to(a, b)
    sequences = LISTS + ["", "héllo", "日本語", 5.0, None, {"a": 1}, list(range(9))]
    places = [0, 1.0, 2, -1, -2.0, 99, "1", " 2 ", "x", 0.5, True, None, 10**30, -10**30, 3]
    for sequence in sequences:
        for place in places:
            if place is not None:
                yield "default.index", {}, [sequence, place], lambda: index(sequence, place)
                yield ("default.subsequence", {}, [sequence, place],
                       lambda: subsequence(sequence, place))
            other = rng.choice(places)
            yield ("default.slice", {}, [sequence, place, other],
                   lambda: sliced(sequence, place, other))
            if place is not None and other is not None:
                yield ("default.subsequence", {}, [sequence, place, other],
                       lambda: subsequence(sequence, place, other))
        yield "default.argmax", {}, [sequence], lambda: argmax(sequence)
    for values in ([3, 9, 9, 1], [1.0, float("nan"), 2.0], [float("nan"), 1.0], [True, 2, 2.0],
                   ["b", "a", "c"], [[1, 2], [1, 3.0], [1]], [2**53, float(2**53), 2**53 + 1],
                   [2**53 + 1, float(2**53)], [10**400, float("inf")], [1, "a"], [-0.0, 0.0]):
        yield "default.argmax", {}, [values], lambda: argmax(values)
        for symbol in FOLD:
            yield "default.fold", {"operator": symbol}, [values], lambda: folded(symbol, [values])
    folds = LISTS + [[0.1] * 10, list(range(1, 30)), [1e308, 1e308], ["x"], [2**62] * 4, 7.0, "ab"]
    for values in folds:
        for symbol in FOLD:
            yield "default.fold", {"operator": symbol}, [values], lambda: folded(symbol, [values])
            for start in (0.5, 2, True, "s", None, [1.0, 1.0, 1.0], 10**30):
                yield ("default.fold", {"operator": symbol}, [start, values],
                       lambda: folded(symbol, [start, values]))
    yield from formats(rng)


def formats(rng):
    numbers = [0.0, -0.0, 1.0, 3.5, -2.75, 123456.789, 1e16, 1e-5, 0.125, 2 / 3, 1e300,
               float("inf"), float("-inf"), float("nan"), 99.95, 0.5, 1.5, 2.5, 1234567.0]
    integers = [0, 1, -7, 42, 1234567, -1234567, 10**20, 255]
    texts = ["", "a", "it's", "héllo", "日本", "abcdef"]
    of_numbers = ("", ".0f", ".2f", ".3%", ".1%", "e", ".2e", "g", ".3g", ".10g", "010.2f", "+.1f",
                  " .1f", ">12", "<12", "^12", "*^12.1f", ",", "_", ",.2f", "012,.1f", "08.2f",
                  ".3", "10.4", ".0e", "#.0f", "#.0e", "#g", "z.1f", "+", "E", "G", "F", "%", "n",
                  ".1", "é>9.1f", "06,", "=+9.1f", "d", "s", "03d", "c", "x", "z", ".17g", ".20f")
    of_integers = ("", "d", "03d", "05d", "+d", ",", "_", ",d", "x", "X", "#x", "b", "#010b", "o",
                   "c", "e", ".2f", ".1%", "g", ">8", "<8", "^8", "08,", "011,d", "_x", "_b", "n",
                   "E", " d", "*=8d", "<08d", ">08d", "10", "012_x", "#X", "F", "s", ".3d", ",x",
                   "z", "#b")
    of_texts = ("", "s", "10", "<10", ">10", "^10", "*^9", ".2", "10.3", "010", "=5", "+", "d", "#",
                ",", "日>6", "é^7s", ".0", "z", "5.", "q", "1e")
    cases = [([v], "{:%s}" % s) for s in of_numbers for v in rng.sample(numbers, 5) + [1234.5]]
    cases += [([v], "{:%s}" % s) for s in of_integers for v in rng.sample(integers, 3) + [1234567]
              if s != "c" or v <= 0x10FFFF]
    cases += [([v], "{:%s}" % s) for s in of_texts for v in texts[:5]]
    cases += [([v], "{:%s}" % s) for v in (True, False, [1.0, 2], None, {"a": 1}, [])
              for s in ("", "d", "5", ">7", ".1f", "s", "x", "05", "%", "c")]
    templates = ("{}{}", "{0}{1}{0}", "{1}-{0}", "{{}}", "{{{}}}", "}}{{", "{", "}", "{0}{}",
                 "{}{0}", "{2}", "{}{}{}", "{!r}", "{!s}", "{!a}", "{0!r:>10}", "{!x}", "{!r",
                 "{:{}}", "{:>{}}", "{0:{1}}", "{:{}.{}f}", "{name}", "{0[0]}", "{:{:{}}}", "{ }",
                 "{0 }", "{00}", "{:}", "{!r:}", "a{0", "{}}", "{!}", "{0[}", "{-1}",
                 "{:.2f}|{:>5}", "{0[0][1]}", "{0[a]}", "no fields", "", "{!rx}", "{0!r!s}")
    arguments = (["x", 5], [2.5, "y"], [[7, 8], 1], [3.0, 8, 2], ["it's \"é\" \n", {"a": 1}],
                 [[[1, 2.5]]], [])
    cases += [(list(a), t) for t in templates for a in arguments]
    for values, template in cases:
        yield ("strings.format_string", {}, [template, *values],
               lambda: template.format(*values))


def main():
    sys.set_int_max_str_digits(0)
    seen = set()
    for operator, attributes, arguments, compute in rows():
        try:
            expected = str(compute())
        except Exception:  # whatever Python refuses
            expected = None
        line = json.dumps([operator, attributes, arguments, expected])
        if line not in seen:
            seen.add(line)
            print(line)


main()
