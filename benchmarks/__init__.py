"""How fast the program is, beside a plain way of doing the same work and beside what the machine allows.

``python -m benchmarks`` measures everything for the bundled networks on this machine; see ``--help``.
"""
