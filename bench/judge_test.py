#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of what judges figures: a bar that is met whatever was measured would say nothing."""

import contextlib
import io
import sys

import common
import parts
from common import Bar

TABLE = '''ipsec-mb, SUITE: ns per record; and raw ÷ weir

| bytes | raw seal | raw seal in place | raw open | seal 1 piece | seal lent | seal in place | \
seal 32 each | open 32 | open alone |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
| 64 | 30.0 | 30.0 | 20.0 | 40.0, 0.75 | 50.0, 0.60 | 60.0, 0.50 | 41.0, 0.73 | 25.0, 0.80 | \
24.0, 0.83 |
| 256 | 40.0 | 40.0 | 30.0 | 50.0, 0.80 | 50.0, 0.80 | 40.0, 1.00 | 50.0, 0.80 | 30.0, 1.00 | \
40.0, 0.75 |
'''


def bars_meet():
    assert Bar('a', 2, 2).met and Bar('a', 2, 2, most=True).met
    assert not Bar('a', 1.99, 2).met and not Bar('a', 2.01, 2, most=True).met
    spread = common.spread([1, 3, 9])
    assert Bar('a', spread, 3).met and not Bar('a', spread, 3.1).met


def bars_survive_json():
    for bar in (Bar('a', 1, 2, family='f'), Bar('b', 3, 2, most=True)):
        other = Bar.of_json(bar.as_json())
        assert (other.what, other.value, other.bar, other.most, other.family, other.met) == \
            (bar.what, bar.value, bar.bar, bar.most, bar.family, bar.met)


def families_show_the_worst():
    text = common.family_table([Bar('f, x', 5, 3, family='f'), Bar('f, y', 2, 3, family='f'),
                                Bar('f, z', 4, 3, family='f'), Bar('most', 700, 640, True)])
    lines = text.splitlines()[2:]
    assert len(lines) == 2
    assert 'NOT MET, 2 of 3' in lines[0] and '2.00' in lines[0] and '| y |' in lines[0], lines[0]
    assert 'NOT MET, 0 of 1' in lines[1] and '700' in lines[1], lines[1]


def verdict_is_the_status():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert common.verdict([Bar('a', 2, 1)]) == 0
        assert common.verdict([Bar('a', 2, 1), Bar('behind', 1, 2)]) == 1
    assert 'behind' in out.getvalue()


def fit_finds_a_line():
    record, byte = common.fit({n: 20 + 0.05 * n for n in (64, 256, 1400, 16384)})
    assert abs(record - 20) < 1e-6 and abs(byte - 0.05) < 1e-9


def records_are_judged():
    rounds = [parts.parse_records(TABLE)]
    assert rounds[0][64]['raw open'] == 20 and rounds[0][256]['open alone'] == 40
    bars = {bar.what: bar for bar in (*parts.batch_bars('S', rounds),)}
    assert [(bar.value['median'], bar.met) for bar in bars.values()] == [
        (30 / 41, False), (40 / 41, False), (20 / 25, False), (24 / 25, False)], bars
    value, column = parts.better(rounds, 64, parts.SEALS)
    assert column == 'seal lent' and value['median'] == 0.6
    value, column = parts.better(rounds, 256, parts.SEALS)
    assert column == 'seal in place' and value['median'] == 1


def main():
    failed = 0
    for case in (bars_meet, bars_survive_json, families_show_the_worst, verdict_is_the_status,
                 fit_finds_a_line, records_are_judged):
        try:
            case()
            print(f'PASS {case.__name__}')
        except AssertionError as error:
            failed += 1
            print(f'FAIL {case.__name__}: {error}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
