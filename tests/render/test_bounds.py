"""Templates that would run or grow without end are stopped, and say on which line."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.errors import RenderError
from builder.render.renderer import Limits, Renderer
from builder.render.timelimit import TimeUp, time_limit
from tests.render.sources import layered, plain

MAKERS: dict[str, Callable[..., Renderer]] = {"layered": layered, "plain": plain}
SHORT = Limits(seconds=0.3)
SMALL = Limits(seconds=120, characters=100_000)

ENDLESS = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "set": "{% set x %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
    "{% endfor %}{% endset %}",
    "filters": "{% set a = range(9999) | list %}{% for x in a %}"
    "{% set y = a | map('string') | select('equalto', 'x') | list %}{% endfor %}",
    "macros": "{% macro m(n) %}{% if n %}{% set x %}{{ m(n - 1) }}{{ m(n - 1) }}{% endset %}"
    "{% endif %}{% endmacro %}{{ m(40) }}",
}
TOO_LARGE = {
    "product": "{{ 'a' * 10**10 }}",
    "product, turned": "{{ 10**10 * 'a' }}",
    "list": "{{ ([1] * 10**10) | length }}",
    "range": "{% for x in range(10**9) %}{% endfor %}",
    "power": "{{ 10 ** 999999999 }}",
    "powers": "{{ 10 ** 300 ** 300 }}",
    "%": "{{ '%99999999d' % 1 }}",
    "% *": "{{ '%*d' % (99999999, 1) }}",
    "format filter": "{{ '%99999999d' | format(1) }}",
    "format method": "{{ '{:99999999}'.format(1) }}",
    "format map": "{{ '{a:99999999}'.format_map({'a': 1}) }}",
    "nested format": "{{ '{:{}}'.format(1, 99999999) }}",
    "center method": "{{ 'a'.center(10**9) }}",
    "center filter": "{{ 'a' | center(10**9) }}",
    "ljust": "{{ 'a'.ljust(10**9) }}",
    "zfill": "{{ 'a'.zfill(10**9) }}",
    "expandtabs": "{{ '\\t'.expandtabs(10**9) }}",
    "indent": "{{ 'a\\nb' | indent(10**9) }}",
    "indent by name": "{{ 'a\\nb' | indent(width=10**9) }}",
    "batch": "{{ [1] | batch(10**9, 'x') | list }}",
    "slice": "{{ [1] | slice(10**9) | list }}",
    "round": "{{ 1.5 | round(10**9, 'ceil') }}",
    "tojson": "{{ [1] | tojson(indent=10**9) }}",
    "bytes": "{{ (1).to_bytes(10**9, 'big') }}",
    "translate": "{{ 'aaaa'.translate({97: 'b' * 10**6}) }}",
    "replace method": "{% set x = 'a' * 10**6 %}{{ x.replace('a', x) }}",
    "replace filter": "{% set x = 'a' * 10**6 %}{{ x | replace('a', x) }}",
    "replace nothing": "{% set x = 'a' * 10**6 %}{{ x | replace('', x) }}",
    "join": "{% set x = 'a' * 10**6 %}{{ x.join(range(100000) | map('string') | list) }}",
    "doubling ~": "{% set n = namespace(x='aa') %}{% for i in range(60) %}"
    "{% set n.x = n.x ~ n.x %}{% endfor %}",
    "doubling +": "{% set n = namespace(x='aa') %}{% for i in range(60) %}"
    "{% set n.x = n.x + n.x %}{% endfor %}",
    "doubling list": "{% set n = namespace(x=[1, 2]) %}{% for i in range(60) %}"
    "{% set n.x = n.x + n.x %}{% endfor %}",
    "squaring": "{% set n = namespace(x=10**9) %}{% for i in range(60) %}"
    "{% set n.x = n.x * n.x %}{% endfor %}",
    "output": "{% for a in range(99999) %}0123456789{% endfor %}",
    "captured": "{% set x %}{% for a in range(9999) %}" + "x" * 10_000 + "{% endfor %}{% endset %}",
}
WITHOUT_END = {
    "macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "include": "{% include 't.j2' %}",
    "import": "{% import 't.j2' as t %}{{ t }}",
    "extends": "{% extends 't.j2' %}",
    "block": "{% block a %}{{ self.a() }}{% endblock %}",
    "loop": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "parentheses": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
}


def fails(maker: str, folder: Path, template: str, limits: Limits) -> str:
    renderer = MAKERS[maker](folder, {"t.j2": "first line\n" + template}, limits)
    with pytest.raises(RenderError) as caught:
        renderer.render("t.j2", {}, destination="a.txt")
    return str(caught.value)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("template", ENDLESS.values(), ids=ENDLESS)
def test_endless_templates_are_stopped(maker: str, tmp_path: Path, template: str) -> None:
    message = fails(maker, tmp_path, template, SHORT)
    assert message.startswith("template_files/t.j2:2: rendering took longer than 0.3 s")


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("template", TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_grows_too_large_is_refused(maker: str, tmp_path: Path, template: str) -> None:
    message = fails(maker, tmp_path, template, SMALL)
    assert message.startswith("template_files/t.j2:2: the output grows too large")


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("template", WITHOUT_END.values(), ids=WITHOUT_END)
def test_recursion_is_stopped(maker: str, tmp_path: Path, template: str) -> None:
    message = fails(maker, tmp_path, template, SMALL)
    assert message.startswith("template_files/t.j2")
    assert "without end" in message


@pytest.mark.parametrize("maker", MAKERS)
def test_ordinary_templates_are_not_disturbed(maker: str, tmp_path: Path) -> None:
    source = (
        "{% set x = '%-5s|' % 'a' ~ '{:>4}'.format('b') ~ 'c'.center(3) ~ 'd' * 2 %}"
        "{% set z = '{1234567}%s' % 'a' ~ '{}: 12345678'.format(1) %}"
        "{% set y = (x + 'e') | replace('d', 'f') | indent(2) %}"
        "{{ y | length }} {{ 2 ** 10 }} {{ 7 * 6 }} {{ 17 % 5 }} {{ (1.25 | round(1) * 10) | int }}"
        "{% for row in [1, 2, 3] | batch(2) %} {{ row | length }}{% endfor %}"
    )
    renderer = MAKERS[maker](tmp_path, {"t.j2": source})
    assert renderer.render("t.j2", {}, destination="a.txt") == b"16 1024 42 2 12 2 1"


def test_rendering_is_for_the_main_thread(tmp_path: Path) -> None:
    """Elsewhere there would be no time limit, so it is refused rather than forgotten."""
    caught: list[str] = []

    def work() -> None:
        caught.append(fails("layered", tmp_path, "fine", SHORT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=60)
    assert "main thread" in caught[0]


def spin() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass


def spin_swallowing() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            spin()
        except TimeUp:
            break
    spin()


@pytest.fixture
def own_alarm() -> Iterator[list[int]]:
    rung: list[int] = []
    former = signal.signal(signal.SIGALRM, lambda number, _frame: rung.append(number))
    yield rung
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, former)


def test_the_former_alarm_still_rings(own_alarm: list[int]) -> None:
    handler = signal.getsignal(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(TimeUp), time_limit(0.4):
        spin()
    assert signal.getsignal(signal.SIGALRM) is handler
    end = time.monotonic() + 30
    while not own_alarm and time.monotonic() < end:
        time.sleep(0.01)
    assert own_alarm == [signal.SIGALRM]


def test_no_timer_is_left_behind() -> None:
    with time_limit(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_a_swallowed_stop_comes_again() -> None:
    with pytest.raises(TimeUp), time_limit(0.2):
        spin_swallowing()
