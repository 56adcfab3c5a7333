"""Plants small faults in the program, one at a time, and tells which of them the tests notice.

``python -m tools.mutants`` (``make mutants``) reads the lists in ``faults/``, one for each area. A list names
texts of the program that occur once, each with what a hasty developer could have put in its place and what
that breaks. The tests of an area run once as they are, to learn how long each takes and which functions it
calls; then, for each fault, the tests that call the faulty function run, the quickest first, until one fails.
A fault that none of them notices has survived.
"""
