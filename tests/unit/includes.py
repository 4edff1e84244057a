#!/usr/bin/env python3
"""Reads the `#include "..."` lines of the sources and checks the layers of docs/architecture.md. Prints TAP.

A module is a .c file with its header of the same name. A header without a .c file belongs to no module and counts as one of its
own. Calls are read from the symbols of the static libraries, so that a circle behind a shared header is found as well.
Usage: includes.py SOURCE_ROOT LIBRARY...
"""
import collections
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
includes = {}  # path -> the paths that it includes
for folder in ('backends', 'fs', 'mountd'):
    for path in sorted((root / folder).rglob('*.[ch]')):
        found = re.findall(r'^#include "([^"]+)"', path.read_text(), re.M)
        includes[path.relative_to(root).as_posix()] = found


def layer(path):
    """mountd, fs, tree, common, core, or the folder of a mechanism."""
    parts = path.split('/')
    if parts[0] != 'backends':
        return parts[0]
    return parts[1] if len(parts) > 2 else 'tree'


def allowed(path, header):
    own, used = layer(path), layer(header)
    if own == used or used == 'core':
        return True
    if own == 'mountd':
        return used in ('fs', 'tree')
    if own == 'tree':  # the list of the mechanisms
        return used not in ('fs', 'mountd')
    if own in ('fs', 'core'):
        return False
    if own == 'common':
        return False
    # A mechanism. Semaphores inside a System V segment are POSIX semaphores.
    return used == 'common' or (path.startswith('backends/sysv/shm') and header == 'backends/posix/sem.h')


def module(path):
    return path.rsplit('.', 1)[0]


def circles(graph):
    """The strongly connected groups of more than one node (Tarjan's algorithm)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for following in sorted(graph[node]):
            if following not in index:
                visit(following)
                low[node] = min(low[node], low[following])
            elif following in stack:
                low[node] = min(low[node], index[following])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def include_graph():
    graph = collections.defaultdict(set, {module(path): set() for path in includes})
    for path, headers in includes.items():
        graph[module(path)] |= {module(header) for header in headers} - {module(path)}
    return graph


def call_graph(libraries):
    """Which object file uses a symbol that another one defines."""
    defined, used = {}, collections.defaultdict(set)
    for library in libraries:
        for line in subprocess.check_output(['nm', '-A', library], text=True).splitlines():
            name, kind, symbol = re.fullmatch(r'(.*?\.o):\s*[0-9a-f]*\s+(\S) (\S+)', line).groups()
            if kind in 'TDBRVW' and not symbol.startswith('__'):
                defined[symbol] = name
            elif kind == 'U':
                used[name].add(symbol)
    graph = {name: set() for name in used}
    for name, symbols in used.items():
        graph[name] = {defined[symbol] for symbol in symbols if symbol in defined} - {name}
    return collections.defaultdict(set, graph)


tests = {
    'every included file exists': [
        f'{path}: {header}' for path, headers in includes.items() for header in headers if not (root / header).exists()
    ],
    'includes point downwards': [
        f'{path}: {header}' for path, headers in includes.items() for header in headers if not allowed(path, header)
    ],
    'no modules include each other in a circle': [' '.join(group) for group in circles(include_graph())],
    'no files call each other in a circle': [
        ' '.join(name.rsplit('/', 1)[-1] for name in group) for group in circles(call_graph(sys.argv[2:]))
    ],
}
print(f'1..{len(tests)}')
for number, (title, faults) in enumerate(tests.items(), 1):
    print(f'{"not ok" if faults else "ok"} {number} {title}')
    for fault in faults:
        print(f'# {fault}')
