"""Formulas: what they mean, what is refused and where, and that no text can do more than that."""

from __future__ import annotations

import ast
import contextlib
import gc
import operator
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from animator.errors import ExpressionError
from animator.keyframes import Clock, compile_value, parse_curve, parse_expression, parse_schedule
from animator.keyframes.expressions import MAX_DEPTH, MAX_LENGTH, MAX_NODES
from animator.keyframes.functions import ELSEWHERE, FUNCTIONS
from tests.slowness import within


def value(text: str, t: float = 0.0, **variables: float) -> float:
    return float(parse_expression(text).evaluate(np.array([t]), **variables)[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-2**2", -4.0),
        ("2**-1", 0.5),
        ("2**3**2", 512.0),
        ("2**-1**2", 0.5),
        ("-2*3", -6.0),
        ("--2", 2.0),
        ("10-4-3", 3.0),
        ("100/10/2", 5.0),
        ("7/2", 3.5),
        ("2+3*4", 14.0),
        ("(2+3)*4", 20.0),
        ("-t % 3", -1.0),
        ("-7 % 3", 2.0),
        ("mod(-t, 3)", 2.0),
        ("t > 5", 1.0),
        ("(t > 5) & (t < 6)", 0.0),
        ("(t > 5) | (t < 6)", 1.0),
        ("~(t > 5)", 0.0),
        ("t & 3", 3.0),
        ("8 | 3", 11.0),
        ("1 | 2 & 0", 1.0),
        ("(t > 5) & 3", 1.0),
        ("where(-1, 2, 3)", 2.0),
        ("(t > 5) * 3 - (t > 5)", 2.0),
        ("-(t == 7)", -1.0),
        ("(t >= 7) + (t <= 7) + (t != 7)", 2.0),
        ("where(t > 5, 1, 0)", 1.0),
        ("where(t - 7, 1, log(0*t + 1))", 0.0),
        ("min(3, t, 5) + max(1, 2)", 5.0),
        ("clip(t, 0, 5)", 5.0),
        ("floor(-0.5) + ceil(0.5) + round(2.5) + abs(-1)", 3.0),
        ("arcsin(1) - asin(1) + atan(0) + acos(1)", 0.0),
        ("log10(1e2) + log(e) + exp(0) + sqrt(4)", 6.0),
        ("cos(pi) + .5e1 + 5.", 9.0),
        ("max_f + s", 142.0),
        (" ( t ) ", 7.0),
    ],
)
def test_meaning(text: str, expected: float) -> None:
    assert value(text, t=7, max_f=100, s=42) == pytest.approx(expected, abs=1e-12)


def test_functions_are_the_functions_of_their_names() -> None:
    at = 0.4
    for name in sorted(set(FUNCTIONS) & set(dir(np)) - {"min", "max", "clip", "where", "arccosh"}):
        count = FUNCTIONS[name].least
        written = ", ".join(["-7.4", "3"] if count == 2 else [str(at)])
        numbers = (-7.4, 3) if count == 2 else (at,)
        assert value(f"{name}({written})") == pytest.approx(float(getattr(np, name)(*numbers)), abs=1e-15), (
            name
        )
    assert value("arccosh(2)") == pytest.approx(np.arccosh(2))
    assert value("arctan2(1, 2)") == pytest.approx(np.arctan2(1, 2))


def test_every_function_of_numexpr_on_real_numbers_is_here() -> None:
    """Deforum's formulas are numexpr's; the list is that of numexpr 2.14."""
    names = """
        sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh fmod arctan2 hypot
        nextafter copysign maximum minimum log log1p log10 log2 exp expm1 abs ceil floor round trunc sign
        where isnan isfinite isinf signbit min max
    """
    assert set(names.split()) <= set(FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int(t / 10)", "unknown function 'int'; write trunc(x), or floor(x) to go down"),
        ("pow(t, 2)", "write a ** b"),
        ("Clamp(t, 0, 1)", "write clip(x, low, high)"),
        ("rand(0, 1)", "a formula has no random numbers; write mod(sin(t * 12.9898 + s) * 43758.5453, 1)"),
        ("random()", "a formula has no random numbers"),
        ("lerp(1, 2, t)", "write a + (b - a) * x"),
        ("np.cos(t)", "leave 'np.' out"),
        ("2*math.pi", "leave 'math.' out"),
        ("PI*t", "did you mean 'pi'?"),
        ("2*T", "did you mean 't'?"),
        ("1,05", "found ','|write 1.05 if this is a decimal comma"),
        ("2*(1,05)", "write 1.05 if this is a decimal comma"),
    ],
)
def test_what_other_languages_write_is_named(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert any(part in caught.value.message for part in message.split("|"))


@pytest.mark.parametrize("text", [hint.partition("write ")[2] for hint in ELSEWHERE.values()])
def test_what_is_proposed_can_be_read(text: str) -> None:
    for part in text.replace(" to go down", "").split(", or "):
        proposed = part.partition(" with ")[0]
        if proposed:
            parse_expression(proposed, variables=("t", "s", "x", "y", "a", "b", "low", "high"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u22122 + t", 5.0),
        ("2 \u00d7 t", 14.0),
        ("t \u00f7 2", 3.5),
        ("\uff08t\uff09", 7.0),
        ("1\u00a0+\u202ft", 8.0),
        ("t \u2013 1", 6.0),
    ],
)
def test_typographic_signs_are_read_as_those_of_a_keyboard(text: str, expected: float) -> None:
    assert value(text, t=7) == expected


def test_all_frames_at_once() -> None:
    t = np.arange(1000)
    got = parse_expression("10 + 5*sin(2*pi*t/48)").evaluate(t)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, 10 + 5 * np.sin(2 * np.pi * t / 48), rtol=0, atol=1e-12)
    assert parse_expression("3").evaluate(t).shape == (1000,)


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("1+0.1*sine(t)", "did you mean 'sin'?", 6),
        ("1 + max_ff", "did you mean 'max_f'?", 4),
        ("frame*2", "unknown name 'frame'; write t", 0),
        ("qqq*2", "the variables are t, max_f, s, pi, e", 0),
        ("max_frames", "write max_f + 1", 0),
        ("nan", "every frame needs a number", 0),
        ("inf", "unknown name 'inf'; write a number that is large enough", 0),
        ("true", "write 1", 0),
        ("easeInOut", "is a way between two keys: write 0: (1) ease-in-out, 10: (2)", 0),
        ("5_000", "a number has no _ in it: write 5000", 1),
        ("10k", "write 10000 for 10k", 2),
        ("1.5K*t", "write 1500 for 1.5K", 3),
        ("0x10", "write the number in decimal digits", 1),
        ("5 degrees", "numbers have no unit here: leave 'degrees' out", 2),
        ("5\u00b0", "numbers have no unit here", 1),
        ("t\u00b2", "write **2", 1),
        ("\u03c0*t", "write pi", 0),
        ("t > 5 ? 1 : 2", "write where(condition, yes, no)", 6),
        ("sin[t]", "brackets are round", 3),
        ("Math.sin(t)", "leave 'Math.' out", 4),
        ("2sin(t)", "a product is written with a sign: 2 * sin(...)", 1),
        ("2(t+1)", "a product is written with a sign: 2 * (...)", 1),
        ("(t+1)(t+2)", "a product is written with a sign: (...) * (...)", 5),
        ("t max_f", "a product is written with a sign: t * max_f", 2),
        ("1.2.3", "expected an operator, found '.3'", 3),
        ("sin", "write sin(...)", 0),
        ("sin + 1", "write sin(...)", 0),
        ("t(3)", "unknown function 't'", 0),
        ("1 +", "found the end", 3),
        ("", "found the end", 0),
        ("(1 + 2", "never closed", 0),
        ("1 + 2)", "expected an operator, found ')'", 5),
        ("sin(1", "never closed", 3),
        ("sin()", "sin() takes 1 argument, 0 given", 0),
        ("sin(1, 2)", "1 argument, 2 given", 0),
        ("where(t, 1)", "3 arguments, 2 given", 0),
        ("min(1)", "2 or more arguments, 1 given", 0),
        ("t^2", "a power is written **", 1),
        ("t//2", "write floor(a / b)", 1),
        ("t > 1 and t < 2", "write &", 6),
        ("not t", "'not' is written ~", 0),
        ("t = 1", "'equal' is written ==", 2),
        ("0 < t < 9", "cannot be chained", 6),
        ("1 2", "expected an operator, found '2'", 2),
        ("2t", "a product is written with a sign: 2 * t", 1),
        ("2q", "expected an operator, found 'q'", 1),
        ("().__class__", "unexpected character '.'", 2),
        ("()", "expected a number, a name or '(', found ')'", 1),
        ("t.real", "unexpected character '.'", 1),
        ("t[0]", "unexpected character '['", 1),
        ("'a'", 'unexpected character "\'"', 0),
        ("__import__('os')", "unexpected character", 11),
        ("lambda: 1", "unexpected character ':'", 6),
        ("1e999", "too large", 0),
        ("t & 0.5", "or whole numbers", 2),
    ],
)
def test_refusals_say_what_and_where(text: str, message: str, offset: int) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)) as caught:
        parse_expression(text).evaluate(np.arange(3))
    assert caught.value.offset == offset
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "text", ["log(t - 3)", "1 / (t - 3)", "where(t == 3, 9**9**9, 0)", "where(t==3, 10**1000, 1)"]
)
def test_an_infinite_value_is_none(text: str) -> None:
    assert np.isnan(parse_expression(text).evaluate(np.arange(3, 10))).tolist() == [True] + [False] * 6


HOSTILE = {
    "attribute": "().__class__.__bases__[0]",
    "brackets": "(" * 1_000_000,
    "paired brackets": "(" * 9_000 + "1" + ")" * 9_000,
    "nested calls": "sin(" * 3_000 + "1" + ")" * 3_000,
    "signs": "-" * 19_000 + "1",
    "tower": "9" + "**9" * 5_000,
    "long": "1+" * 500_000 + "1",
    "sum": "1+" * 9_999 + "1",
    "digits": "1" * 19_999 + "x",
    "many digits": "9" * 19_999,
    "name": "a" * 19_999,
    "commas": "min(" + "1," * 9_990 + "1)",
    "blanks": "1" + " " * 19_990 + "x",
    "colons": ":" * 19_999,
    "nul": "1\x00+1",
}


@pytest.fixture(scope="module")
def own_garbage() -> Iterator[None]:
    """Only what these tests make is collected in them: the heap of thousands of others takes a second."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("own_garbage")
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_formulas_are_refused_at_once(kind: str) -> None:
    text = HOSTILE[kind]
    with within(1), pytest.raises(ExpressionError) as caught:
        parse_expression(text).evaluate(np.arange(100))
    assert len(caught.value.message) < 300


@pytest.mark.slow
@pytest.mark.usefixtures("own_garbage")
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_settings_end_at_once(kind: str) -> None:
    text = HOSTILE[kind]
    clock = Clock(100, 12)
    with within(2):
        for written in (text, f"0: ({text})", f"0: (1), {text}: (2)", f"0: (1) {text}", f"[{text}]*1000"):
            with contextlib.suppress(ExpressionError):
                compile_value(written, clock, steps=True)


def test_limits_are_exactly_where_they_are_said_to_be() -> None:
    assert value("(" * (MAX_DEPTH - 1) + "1" + ")" * (MAX_DEPTH - 1)) == 1
    with pytest.raises(ExpressionError, match=f"more than {MAX_DEPTH} deep"):
        parse_expression("(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH)
    terms = MAX_NODES // 2
    assert value("+".join(["1"] * terms)) == terms
    with pytest.raises(ExpressionError, match=f"more than {MAX_NODES} parts"):
        parse_expression("+".join(["1"] * (terms + 1)))
    assert value("1".rjust(MAX_LENGTH)) == 1
    with pytest.raises(ExpressionError, match=str(MAX_LENGTH)):
        parse_expression("1".rjust(MAX_LENGTH + 1))


FRAGMENTS = st.sampled_from(
    [*"()()()()+-*/%~<>&|:;[],.'\"_txseb01 ", "**", "==", "9**9", "1e3", "2.5", "max_f", "pi"]
    + ["sin(", "where(", "min(", "log(", " ease-in", " linear", "cubic;"]
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(FRAGMENTS, max_size=25).map(" ".join),
    st.lists(FRAGMENTS, max_size=25).map("".join),
)


def refusal(read: Callable[[], object]) -> ExpressionError | None:
    try:
        read()
    except ExpressionError as error:
        return error
    return None


@pytest.mark.slow
@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    clock = Clock(5, 12, 90)
    for read in (
        lambda: parse_expression(text).evaluate(np.arange(5), 4, 42),
        lambda: parse_curve(text, clock, seed=42),
        lambda: parse_curve(f"0: ({text}), 3: {text}", clock, seed=42, method="cubic"),
        lambda: parse_schedule(text),
        lambda: clock.frame(text),
    ):
        error = refusal(read)
        assert error is None or (error.message and 0 <= error.offset <= 2 * len(text) + 20)


OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Gt: operator.gt,
    ast.LtE: operator.le,
    ast.USub: operator.neg,
    ast.BitAnd: operator.and_,
    ast.Pow: operator.pow,
}


def by_python(node: ast.expr, t: float) -> float:
    """Return the value of a formula as Python's own parser groups it."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return t
    if isinstance(node, ast.UnaryOp):
        return OPERATORS[type(node.op)](by_python(node.operand, t))
    if isinstance(node, ast.Compare):
        return OPERATORS[type(node.ops[0])](by_python(node.left, t), by_python(node.comparators[0], t))
    return OPERATORS[type(node.op)](by_python(node.left, t), by_python(node.right, t))


@st.composite
def formulas(draw: st.DrawFn, depth: int = 4) -> str:
    """Return a formula that is Python too; brackets only where comparisons would otherwise be chained."""
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["t", "2", "0.5", "3.25"]))
    left, right = draw(formulas(depth - 1)), draw(formulas(depth - 1))
    forms = ["{}+{}", "{}-{}", "{}*{}", "-{}*{}", "({})*({})", "({}-{})", "({}>{})", "({}<={})", "-{}**2+{}"]
    return draw(st.sampled_from([*forms, "(({}>0)&({}>0))"])).format(left, right)


@pytest.mark.vital
@pytest.mark.slow
@given(formulas(), st.integers(0, 9))
@settings(max_examples=200, deadline=None)
def test_precedence_is_pythons(text: str, t: int) -> None:
    expected = float(by_python(ast.parse(text, mode="eval").body, float(t)))
    assume(abs(expected) < 1e300)
    assert value(text, t=t) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("formula", "at_1", "at_6"),
    [  # values of numexpr 2.8.4 for t = 1 and 6, max_f = 119, s = 42
        ("(-t) % 7", -1, -6),
        ("(t-10) % 4", -1, 0),
        ("(t-10)*2 % 5", -3, -3),
        ("where(t>3, -t, t) % 4", 1, -2),
        ("(s-50) % 7", -1, -1),
        ("t % -7", 1, 6),
        ("(t-10.0) % 4", 3, 0),
        ("(t-10) % 4.0", 3, 0),
        ("(-t*0.5) % 7", 6.5, 4),
        ("sin(t) % 1", 0.8414709848078965, 0.7205845018010741),
        ("(t/2-5) % 3", 1.5, 1),
        ("floor(t-9) % 4", 0, 1),
        ("abs(t-10) % 4", 1, 0),
        ("(t*1.0) % -0.9996", -0.9992, -0.9972),
        ("(t+6.0-t*0.0-t+1) % 1e-2", 0, 0),
        ("7 % (t-6)", 2, 0),
    ],
)
def test_a_remainder_has_the_sign_that_numexpr_gives_it(formula: str, at_1: float, at_6: float) -> None:
    values = parse_expression(formula).evaluate(np.array([1, 6]), 119, 42)
    np.testing.assert_allclose(values, [at_1, at_6], atol=1e-9)
