# SPDX-License-Identifier: BSD-2-Clause
"""Where the processor's time goes while two processes move bytes over the loopback.

Each end runs under `perf record`, which looks 1999 times in a second of its processor time where the
program is. A sample belongs to the first kind below whose pattern its chain of calls has, from the inside out.
"""

import re
import subprocess
from pathlib import Path

import common

# (kind, what a function of it is called). Where an interrupt could not come, the sample lies on the
# function that lets them in again; so chains are looked at, and not the innermost function alone.
KINDS = [
    ('cipher', r'aes_gcm_|ghash|_vaes_|chacha|poly1305'),
    ('bytes between process and kernel', r'_copy_(from|to)_iter|copy_user|check_object_size'),
    ('waking and sleeping', r'try_to_wake_up|sock_def_readable|sock_def_write_space|ep_poll_callback|'
     r'sk_stream_write_space|schedule|do_epoll_wait|do_select|do_sys_poll|pipe_'),
    ('timers of TCP', r'hrtimer|mod_timer|sk_reset_timer|tcp_pace|tcp_tsq'),
    ('memory of packets', r'skb_release|kfree_skb|free_frozen|alloc_pages|page_frag|skb_defer|'
     r'alloc_skb|kmem_cache|consume_skb|skb_free'),
    ('TCP, IP, the loopback, system calls', r'\[k\]'),
]
OTHER = 'the program itself'
RATE = 1999
PERF = ['perf', 'record', '-q', '-e', 'cpu-clock', '-F', str(RATE), '-g', '-o']


def kind_of(chain):
    for function in chain:
        for kind, pattern in KINDS[:-1]:
            if re.search(pattern, function):
                return kind
    last, pattern = KINDS[-1]
    return last if any(re.search(pattern, function) for function in chain) else OTHER


def samples(path):
    """Chains of function names, the innermost first."""
    text = subprocess.run(['perf', 'script', '-i', path, '-F', 'ip,sym,dso'], capture_output=True,
                          text=True, check=True).stdout
    for block in text.strip().split('\n\n'):
        yield [line.strip().partition(' ')[2] + (' [k]' if 'kernel' in line else '')
               for line in block.splitlines()]


def costs(path, size):
    """kind -> milliseconds for each GB."""
    found = {}
    for chain in samples(path):
        kind = kind_of(chain)
        found[kind] = found.get(kind, 0) + 1000 / RATE / (size / 1e9)
    return found


class Recorder:
    """Stands before a command."""

    def __init__(self, folder, name):
        self.path = Path(folder) / f'{name}.data'

    def before(self, command):
        return [*PERF, self.path, '--', *command]


def table(columns):
    """columns: heading -> costs."""
    lines = ['| CPU ms per GB | ' + ' | '.join(columns) + ' |', '|---|' + '---:|' * len(columns)]
    for name in [kind for kind, _ in KINDS] + [OTHER]:
        values = [part.get(name, 0) for part in columns.values()]
        lines.append(f'| {name} | ' + ' | '.join(f'{value:.0f}' for value in values) + ' |')
    sums = [sum(part.values()) for part in columns.values()]
    lines.append('| all | ' + ' | '.join(f'{value:.0f}' for value in sums) + ' |')
    return '\n'.join(lines)


def usable():
    try:
        done = subprocess.run([*PERF, '/dev/null', '--', 'true'], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    if done.returncode != 0:
        common.say(done.stderr.decode(errors='replace').strip())
    return done.returncode == 0
